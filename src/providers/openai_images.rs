//! OpenAI's images, and hosts that speak them.
//!
//! The gpt-image models state tokens; those before them, and other hosts', state nothing, and what they
//! made is charged by the piece: weir counts it. The pictures themselves can be megabytes of one string,
//! so they are only counted.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::wire::json::Found;

use super::RequestFacts;
use super::node::{Node, parse};
use super::openai_usage;
use super::reader::{Paths, Reader, Said, Standing, TextSink, name, set_name};
use super::report::{IMAGES, Report};

static PATHS: LazyLock<Paths> = LazyLock::new(|| {
    Paths::new(&[
        "type",
        "error",
        "model",
        "id",
        "size",
        "quality",
        "usage",
        "svg_usage",
        "data",
        "data[]",
    ])
});

/// Reads a list of images and the events of a stream.
#[derive(Debug)]
pub struct Images {
    /// How many were asked for.
    asked: u64,
    /// How many a stream has finished, and what it stated for them together.
    finished: u64,
    stated: Option<Report>,
    event: Option<String>,
    usage: Option<Report>,
    /// Usage of the model that drew in text, by that model's name.
    drawn: Option<(Option<String>, Report)>,
    items: u64,
    /// Every item was seen.
    is_listed: bool,
}

impl Images {
    /// A reader of the answer to what was asked.
    pub fn new(asked: &RequestFacts) -> Self {
        Images {
            asked: asked.units.get(IMAGES).copied().unwrap_or(1),
            finished: 0,
            stated: None,
            event: None,
            usage: None,
            drawn: None,
            items: 0,
            is_listed: false,
        }
    }
}

impl Reader for Images {
    fn paths(&self) -> &'static Paths {
        &PATHS
    }

    /// Until the answer says otherwise, it is billed as it was asked: whoever hangs up pays as well.
    fn head<'a>(&mut self, said: &mut Said, _: &dyn Fn(&str) -> Option<&'a str>) {
        if (200..300).contains(&said.status) {
            said.count(images(self.asked), Standing::Opening);
        }
    }

    fn found(&mut self, said: &mut Said, path: &str, found: &Found<'_>, _: &mut TextSink<'_>) {
        match path {
            "type" => self.event = name(found.raw),
            "error" => said.note_error(found.raw),
            "model" => said.note_model(found.raw),
            "id" => set_name(&mut said.response_id, found.raw),
            "size" => set_name(&mut said.selectors.size, found.raw),
            "quality" => set_name(&mut said.selectors.quality, found.raw),
            "usage" => self.usage = Some(usage(found.raw)),
            "svg_usage" => {
                let value = parse(found.raw);
                let report = openai_usage::report(&value);
                let model = Node::new(&value).at("model").text().map(str::to_owned);
                self.drawn = report.states_tokens().then_some((model, report));
            }
            "data[]" => self.items += 1,
            _ => self.is_listed = true,
        }
    }

    fn message_end(&mut self, said: &mut Said, _: &mut TextSink<'_>) {
        let event = self.event.take();
        let items = std::mem::take(&mut self.items);
        let is_listed = std::mem::take(&mut self.is_listed);
        let usage = self.usage.take();
        let drawn = self.drawn.take();
        if said.error.is_some() && self.finished == 0 && usage.is_none() && !is_listed {
            // No image was made, so none is charged.
            said.report = None;
            return;
        }
        let streamed = event.as_deref().filter(|_| !is_listed);
        let says_nothing = match streamed {
            Some(event) => !event.ends_with(".completed"),
            None => usage.is_none() && !is_listed,
        };
        if says_nothing {
            return;
        }
        let made = if streamed.is_some() { 1 } else { items };
        self.finished += made;
        if let Some(usage) = usage {
            self.add(usage, drawn);
        }
        match &self.stated {
            Some(report) if report.states_tokens() => said.state(report.clone(), Standing::Final),
            // A cost without tokens: what was made for it is on record too.
            Some(report) if report.cost.is_some() => {
                let mut report = report.clone();
                report.units = images(self.finished);
                said.state(report, Standing::Final);
            }
            _ if self.finished == 0 => said.report = None,
            _ => said.count(images(self.finished), Standing::Final),
        }
        said.terminal |= streamed.is_some() && self.finished >= self.asked;
    }
}

impl Images {
    /// Adds one event's usage to those before it.
    fn add(&mut self, usage: Report, drawn: Option<(Option<String>, Report)>) {
        match &mut self.stated {
            None => self.stated = Some(usage),
            Some(sum) => {
                sum.cost = sum.cost.zip(usage.cost).map(|(sum, more)| sum + more);
                sum.extra.push((None, usage));
            }
        }
        if let (Some(sum), Some(drawn)) = (&mut self.stated, drawn) {
            sum.extra.push(drawn);
        }
    }
}

fn images(count: u64) -> BTreeMap<&'static str, u64> {
    BTreeMap::from([(IMAGES, count)])
}

/// What an image model writes are images, unless it says otherwise.
fn usage(raw: &[u8]) -> Report {
    let value = parse(raw);
    let mut report = openai_usage::report(&value);
    if !Node::new(&value).at("output_tokens_details").exists() {
        report.image_output = report.image_output.or(report.output);
    }
    report
}
