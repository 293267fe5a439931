//! The file as it is written: every key once, with its type and what it says to an editor.
//!
//! The doc comments here are the descriptions of the JSON Schema.

use schemars::{Schema, json_schema};

use super::problem::Found;
use super::read::{AnyNumber, At, Field, Keys, Mapping, Named, OneOrMany, Read, mapping_schema};
use super::tree::{Kind, Node};
use super::values::{
    ActionWord, Address, Amount, ApiName, Carry, Code, Each, Flag, Folder, Hold, Host, InUsd,
    KeyPattern, Label, Name, OnFault, OnUnknown, OrphanCharge, OwnAddress, Pattern, PerName,
    Percent, Price, ProviderName, ProxyUrl, Source, Span, TimeZoneName, Token, TunnelPolicy, Url,
    WayIn, WhenSpent,
};

/// Defines one mapping: its struct, the keys it accepts, and its schema.
///
/// `[required]` after a type: the key must be written. `later`: keys that weir will read one day,
/// which deserve a better answer than "unknown".
macro_rules! settings {
    (
        $(#[doc = $about:literal])*
        $name:ident {
            $( $(#[doc = $doc:literal])* $key:ident : $type:ty $([$required:ident])?, )*
        }
        later { $($later:ident),* }
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug)]
        pub(in crate::config) struct $name {
            $( $(#[doc = $doc])* pub(in crate::config) $key: Field<$type>, )*
        }

        impl $name {
            const KEYS: Keys = Keys {
                known: &[$(plain(stringify!($key))),*],
                required: &[$( $(settings!(@required $required $key),)? )*],
                later: &[$(stringify!($later)),*],
            };
        }

        impl Read for $name {
            fn read(node: &Node, key: &str, found: &mut Found) -> Option<Self> {
                let mapping = Mapping::open(node, key, &Self::KEYS, found)?;
                Some($name {
                    $( $key: mapping.field(plain(stringify!($key)), found), )*
                })
            }

            fn schema() -> Schema {
                let fields = vec![$(
                    (plain(stringify!($key)), concat!($($doc, "\n"),*), <$type as Read>::schema()),
                )*];
                mapping_schema(concat!($($about, "\n"),*), &Self::KEYS, fields)
            }
        }
    };
    (@required required $key:ident) => { plain(stringify!($key)) };
}

/// The key of a field whose name is a word of Rust's own.
const fn plain(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

mod alerts;
mod resilience;

pub(super) use alerts::{Alert, Unusual};
pub(super) use resilience::{Breaker, Retry, Second};

settings! {
    /// Settings of weir, a metering sidecar for LLM traffic. Edit while weir runs: a bad edit is
    /// refused, with file, line and column, and the last good one stays.
    File {
        /// The address of the proxy; default 127.0.0.1:8900. A change needs a restart.
        listen: Address,
        /// The admin side: metrics, probes, reload, the ledger's answers and the web page.
        admin: Admin,
        /// The folder of weir.db, ca.pem and ca.key; default ./weir-data. A relative path counts
        /// from the folder that weir is started in. A change needs a restart.
        data_dir: Folder,
        /// What becomes of hosts that no provider claims; default allow on a loopback address, else
        /// deny.
        tunnel: TunnelPolicy,
        /// The provider for a base URL that names none and shows no API's marks; default openai.
        default_provider: ProviderName,
        /// Labels on every call through this sidecar, where nothing closer to the call says
        /// otherwise.
        labels: Labels,
        /// Labels by where a call comes from and what key it shows. No client can say otherwise; label by
        /// label the first rule that fits and says something wins.
        identify: Vec<At<Identify>>,
        /// Whether clients may label their calls by headers, path, proxy user or body; default
        /// true.
        trust_client_labels: Flag,
        /// Whether calls need a key that weir gave out (`weir keys create`); default false.
        require_key: Flag,
        /// The zone in which calendar budgets turn over; default UTC.
        timezone: TimeZoneName,
        /// Providers by name. A name that weir knows needs nothing more, and need not be written at
        /// all.
        providers: Named<Provider>,
        /// Other currencies by code, and what one unit of each is worth in USD: CNY: 0.14. Limits and
        /// prices may then be written in them, and reports be read in them.
        currencies: Named<InUsd>,
        /// What calls may spend.
        budgets: Vec<At<Budget>>,
        /// Prices over the built-in catalogue.
        prices: Vec<At<ModelPrice>>,
        /// Webhooks that are told when a budget reaches a threshold or its limit, and when spending
        /// is out of the ordinary.
        alerts: Vec<At<Alert>>,
        /// What spending is out of the ordinary, or off: the last hour and day against the same of
        /// the two weeks before.
        anomaly: Unusual,
        /// Whether calls go on while the ledger cannot be written; default allow.
        on_ledger_fault: OnFault,
        /// What a call is charged that was in flight when weir was killed: its input (default), what was
        /// expected of it, or its worst_case.
        orphans: OrphanCharge,
        /// Whether responses carry x-weir-* headers; default false.
        response_headers: Flag,
        /// How weir stops.
        shutdown: Shutdown,
    }
    later { websocket }
}

settings! {
    /// The admin side.
    Admin {
        /// Its address; default 127.0.0.1:8901. A change needs a restart.
        listen: Address,
        /// What writes must present, and every request where the address is not a loopback one.
        token: Token,
    }
    later { }
}

settings! {
    /// Labels of calls.
    Labels {
        /// The user.
        user: Label,
        /// The team.
        team: Label,
        /// The project.
        project: Label,
        /// The task.
        task: Label,
        /// Free tags by name.
        tags: Named<Label>,
    }
    later { }
}

settings! {
    /// A rule that says whose calls are.
    Identify {
        /// The calls: all that fit every entry.
        r#match: Origin [required],
        /// Their labels.
        labels: Labels [required],
    }
    later { }
}

settings! {
    /// Where a call comes from; each entry is a value or a list of them.
    Origin {
        /// The client's key, by the 12 hex digits that the ledger shows.
        key: OneOrMany<KeyPattern>,
        /// The address that it comes from: 10.0.0.0/8, 127.0.0.1, ::1.
        source: OneOrMany<Source>,
        /// The address of this machine that it comes to, with a port or without.
        listener: OneOrMany<OwnAddress>,
        /// The client's setting that it comes by: base_url, https_proxy (CONNECT) or http_proxy.
        via: OneOrMany<WayIn>,
    }
    later { }
}

settings! {
    /// A provider.
    Provider {
        /// The dialect it speaks; default auto: told by path and body.
        api: ApiName,
        /// Where its bytes go. Required for a name that weir does not know.
        upstream: Url,
        /// Hosts that it claims for CONNECT and absolute-form requests.
        hosts: Vec<At<Host>>,
        /// The catalogue's model behind a name of one's own (a deployment, an ARN, an endpoint's id):
        /// it sets the price where the answer names no model that is known. What is sent stays as it is.
        models: Named<Label>,
        /// The provider's own key, which takes the place of a weir key; `none` where the provider asks for
        /// none. Calls without a weir key never get it.
        api_key: Token,
        /// A file that holds it instead: read again when it changes.
        api_key_file: Folder,
        /// A PEM file with more roots for its upstream.
        ca: Folder,
        /// A proxy between weir and its upstream.
        upstream_proxy: ProxyUrl,
        /// Limits on its upstream's slowness.
        timeouts: Timeouts,
        /// When a call is tried again before a byte of an answer went to its client; without it, never.
        retry: Retry,
        /// When its upstream is left alone for a while; without it, never.
        breaker: Breaker,
        /// A second upstream of the same dialect, for calls that the first cannot take: a URL, or a
        /// mapping. The client's headers go to it as they are, its key included.
        failover: Second,
    }
    later { on_client_close, headers }
}

settings! {
    /// Limits on an upstream's slowness.
    Timeouts {
        /// Dial and TLS handshake together; default 10s.
        connect: Span,
        /// Between two reads: an unstreamed answer takes minutes; default 15m.
        read: Span,
        /// Between two writes; default 60s.
        write: Span,
        /// How long an unused connection is kept; default 10s.
        idle: Span,
    }
    later { }
}

settings! {
    /// A budget: an amount, a window, and whom it covers.
    Budget {
        /// Its name, once per file.
        name: Name [required],
        /// An amount and its unit: USD or another of the currencies, tokens, input_tokens,
        /// output_tokens, requests or concurrent. May be left out where `models` is written.
        limit: Amount,
        /// The window: minute, hour, day, week (from Monday), month, year, total, or a rolling one such
        /// as `rolling 5h` (whole m, h or d, from 1m to 31d). Required but for concurrent, which has none.
        per: PerName,
        /// Whether what a calendar window leaves unspent, of money or tokens, is added to the next one's
        /// limit: true for at most one whole limit, or the most that is; default false.
        rollover: Carry,
        /// The calls it covers: all that fit every entry.
        r#match: Match,
        /// One such budget for every distinct value.
        each: Each,
        /// How much a call in flight holds: what is expected (default), or the most it can cost.
        hold: Hold,
        /// A model without a price, where the limit is money; default allow.
        unpriced: OnUnknown,
        /// A call that weir cannot meter; default allow.
        unmetered: OnUnknown,
        /// An open WebSocket when the budget is spent: close it after the response in flight
        /// (default), or leave it.
        on_spent: WhenSpent,
        /// How long a call may wait for holds to settle before it is refused; default 0s, at most
        /// 60s.
        wait: Span,
        /// Percentages of the limit at which an alert is raised, once per window; default 80% and
        /// 95% for money and tokens of an hour or longer. `[]` = none.
        warn_at: AnyNumber<Percent>,
        /// What becomes of a call for which there is no room: block (default), warn, which lets it pass,
        /// or a mapping with `downgrade`.
        action: WhenFull,
        /// Which models the calls that it covers may ask for.
        models: Models,
    }
    later { }
}

settings! {
    /// What a budget without room does besides refusing.
    Downgrade {
        /// The model that a call is sent to instead, by the model that it asks for: a name, or a prefix
        /// that ends in `*`. A model without an entry is refused. This changes what is sent.
        downgrade: Named<Label> [required],
    }
    later { }
}

settings! {
    /// Which models may be asked for; each entry is a model, a prefix that ends in `*`, or a list of them.
    Models {
        /// Only these.
        allow: OneOrMany<Pattern>,
        /// None of these, even where `allow` fits.
        deny: OneOrMany<Pattern>,
    }
    later { }
}

/// `action`: a word, or a mapping.
#[derive(Clone, Debug)]
pub(super) enum WhenFull {
    Word(ActionWord),
    Mapping(Downgrade),
}

impl Read for WhenFull {
    fn read(node: &Node, key: &str, found: &mut Found) -> Option<Self> {
        match &node.kind {
            Kind::Map(_) => Downgrade::read(node, key, found).map(WhenFull::Mapping),
            _ => ActionWord::read(node, key, found).map(WhenFull::Word),
        }
    }

    fn schema() -> Schema {
        json_schema!({ "anyOf": [<ActionWord as Read>::schema(), Downgrade::schema()] })
    }
}

settings! {
    /// What a call must be; each entry is a value, a prefix that ends in `*`, or a list of them.
    Match {
        /// The provider's name in this file.
        provider: OneOrMany<Pattern>,
        /// The model that was asked for.
        model: OneOrMany<Pattern>,
        /// The client's key, by the 12 hex digits that the ledger shows.
        key: OneOrMany<KeyPattern>,
        /// The user.
        user: OneOrMany<Pattern>,
        /// The team.
        team: OneOrMany<Pattern>,
        /// The project.
        project: OneOrMany<Pattern>,
        /// The task.
        task: OneOrMany<Pattern>,
        /// Tags by name.
        tags: Named<OneOrMany<Pattern>>,
    }
    later { }
}

settings! {
    /// The prices of a model, per million tokens unless said.
    ModelPrice {
        /// The provider's name in this file; without it, whichever provider serves the model.
        provider: ProviderName,
        /// The model, or a prefix that ends in `*`.
        model: Pattern [required],
        /// What the prices are written in; default USD.
        currency: Code,
        /// Input that was not cached.
        input: Price,
        /// Input that was read from a cache.
        cached_input: Price,
        /// Input that was written to a cache for five minutes.
        cache_write_5m: Price,
        /// Input that was written to a cache for an hour.
        cache_write_1h: Price,
        /// Output, reasoning included.
        output: Price,
        /// Audio in.
        input_audio: Price,
        /// Audio out.
        output_audio: Price,
        /// Each request, whatever its tokens.
        request: Price,
    }
    later { }
}

settings! {
    /// How weir stops.
    Shutdown {
        /// How long calls in flight may go on after SIGTERM; default 25s, at most 1h.
        grace: Span,
    }
    later { }
}
