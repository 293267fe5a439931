//! What a file says of webhooks and of spending out of the ordinary, key by key.

use schemars::{Schema, json_schema};

use super::super::problem::Found;
use super::super::read::{At, Field, Keys, Mapping, OneOrMany, Read, mapping_schema};
use super::super::tree::{Kind, Node};
use super::super::values::{
    Amount, Each, Factor, FormatName, KindName, Name, Off, Pattern, Token, WebhookUrl,
};
use super::plain;

settings! {
    /// A webhook. One whose address is left blank is not asked.
    Alert {
        /// Its http or https address: a secret, and never shown.
        webhook: WebhookUrl,
        /// What it is called in logs and answers; default its host.
        name: Name,
        /// The body that it takes: json (default) or slack.
        format: FormatName,
        /// Signs what is sent, in the header x-weir-signature.
        secret: Token,
        /// Only alerts of these kinds: threshold, exceeded, anomaly; default all.
        kinds: OneOrMany<KindName>,
        /// Of alerts of budgets only those of these: names, or prefixes that end in `*`; default all.
        budgets: OneOrMany<Pattern>,
    }
    later { }
}

settings! {
    /// What spending is out of the ordinary.
    Anomaly {
        /// An hour below this is not; default 5 USD.
        hour: Amount,
        /// A day below this is not; default 20 USD.
        day: Amount,
        /// How many times as far from the median as usual; default 6.
        factor: Factor,
        /// What is looked at besides the total; default team, model and key. `[]` = nothing.
        by: Vec<At<Each>>,
    }
    later { }
}

/// `anomaly`: off, or a mapping.
#[derive(Clone, Debug)]
pub(in crate::config) enum Unusual {
    Off,
    Mapping(Box<Anomaly>),
}

impl Read for Unusual {
    fn read(node: &Node, key: &str, found: &mut Found) -> Option<Self> {
        match &node.kind {
            Kind::Map(_) => {
                Anomaly::read(node, key, found).map(|read| Unusual::Mapping(Box::new(read)))
            }
            _ => Off::read(node, key, found).map(|Off| Unusual::Off),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "anyOf": [<Off as Read>::schema(), Anomaly::schema()] })
    }
}
