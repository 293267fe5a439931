//! The laws of extraction, over recorded traffic of many providers.
//!
//! The recordings lie outside the project. Where they are absent the tests say so and pass; where they
//! are present each of them must be found, read and agree with the usage that was established for it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::providers::hosts::claiming;
use crate::providers::paths::endpoint;
use crate::providers::request::RequestReader;
use crate::providers::{Api, Dialect, RequestFacts};
use crate::wire::encoding::Decoder;

mod estimates;
mod judging;
mod sending;

use judging::{differences, units_that_differ};
use sending::{encode, ragged};

use super::estimate::TextSample;
use super::extract::{Extractor, ResponseHead};
use super::{Extraction, StreamEnd, Usage, UsageSource, take};

/// Fewest cases that the corpus must hold for each dialect, so that a walk over nothing fails.
const CASES_MIN: usize = 4;

/// Dialects of which fewer were recorded.
const RARE: &[(Dialect, usize)] = &[
    (Dialect::AnthropicComplete, 2),
    (Dialect::MistralOcr, 1),
    (Dialect::Watsonx, 1),
    (Dialect::AlephAlpha, 1),
    (Dialect::Voyage, 1),
];

/// The dialects of the recordings, each in its order of [`Dialect::ALL`].
const READ: &[Dialect] = &[
    Dialect::OpenaiChat,
    Dialect::OpenaiCompletions,
    Dialect::OpenaiResponses,
    Dialect::OpenaiEmbeddings,
    Dialect::OpenaiImages,
    Dialect::OpenaiAudio,
    Dialect::AnthropicMessages,
    Dialect::AnthropicComplete,
    Dialect::GeminiGenerate,
    Dialect::GeminiEmbed,
    Dialect::BedrockConverse,
    Dialect::BedrockInvoke,
    Dialect::GeminiInteractions,
    Dialect::Cohere,
    Dialect::Ollama,
    Dialect::MistralOcr,
    Dialect::Voyage,
    Dialect::Watsonx,
    Dialect::AlephAlpha,
];

/// What weir counts though the records leave it out as a matter of definition: jobs, batches, caches.
const COUNTED: &[Dialect] = &[
    Dialect::OpenaiVideos,
    Dialect::OpenaiBatch,
    Dialect::AnthropicBatch,
    Dialect::GeminiBatch,
    Dialect::GeminiCache,
];

pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) dialect: Dialect,
    /// Recorded as an answer without any usage, and read as its path says.
    is_unread: bool,
    /// Method and URL, where they were recorded.
    pub(crate) target: Option<(String, String)>,
    pub(crate) request: Vec<u8>,
    /// By their names in lower case.
    pub(crate) request_headers: BTreeMap<String, String>,
    status: u16,
    headers: BTreeMap<String, String>,
    /// As recorded, and the coding that it was recorded in.
    body: Vec<u8>,
    coding: Option<String>,
    pub(crate) expected: Value,
}

/// Every case that is judged, in a dialect that is read; `None` where there is no corpus.
pub(crate) fn cases() -> Option<Vec<Case>> {
    let root = std::env::var_os("WEIR_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"),
        PathBuf::from,
    );
    let Ok(files) = std::fs::read_dir(root.join("cases")) else {
        println!("left out: no recorded corpus at {}", root.display());
        return None;
    };
    let mut cases: Vec<Case> = files
        .map(|file| std::fs::read(file.unwrap().path()).unwrap())
        .filter_map(|bytes| case(&serde_json::from_slice(&bytes).unwrap()))
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    for dialect in READ {
        let of_it = |case: &&Case| case.dialect == *dialect && !case.is_unread;
        let found = cases.iter().filter(of_it).count();
        let rare = RARE.iter().find(|(rare, _)| rare == dialect);
        let wanted = rare.map_or(CASES_MIN, |(_, wanted)| *wanted);
        assert!(found >= wanted, "{found} cases of {}", dialect.name());
    }
    cases.retain(|case| case.is_unread || READ.contains(&case.dialect));
    Some(cases)
}

fn case(record: &Value) -> Option<Case> {
    let target = target(record);
    let dialect = match record["wire"].as_str()? {
        // What states no usage is read as its path says.
        "none" => target
            .as_ref()
            .and_then(|(method, url)| by_path(method, url))?,
        wire => Dialect::parse(wire)?,
    };
    if record["scored"] != true {
        return None;
    }
    let response = &record["response"];
    let headers = headers_of(&response["headers"])?;
    let body = |value: &Value| STANDARD.decode(value.as_str().unwrap_or_default()).unwrap();
    Some(Case {
        name: record["id"].as_str()?.to_owned(),
        dialect,
        is_unread: record["wire"] == "none",
        target,
        request_headers: headers_of(&record["request"]["headers"]).unwrap_or_default(),
        request: body(&record["request"]["body_b64"]),
        status: u16::try_from(response["status"].as_u64()?).ok()?,
        coding: headers
            .get("content-encoding")
            .filter(|_| response["body_state"] == "compressed-as-sent")
            .cloned(),
        headers,
        body: body(&response["body_b64"]),
        expected: record["expected"].clone(),
    })
}

/// Headers by their names in lower case.
fn headers_of(recorded: &Value) -> Option<BTreeMap<String, String>> {
    let pairs = recorded.as_array()?.iter();
    let pairs = pairs.map(|h| [0, 1].map(|at| h[at].as_str().unwrap_or_default()));
    Some(
        pairs
            .map(|[name, value]| (name.to_ascii_lowercase(), value.to_owned()))
            .collect(),
    )
}

/// Method and URL of a request that the recorder kept.
fn target(record: &Value) -> Option<(String, String)> {
    let request = &record["request"];
    let kept = record["request_synthesised"] == false;
    Some((
        request["method"].as_str()?.to_owned(),
        request["url"].as_str()?.to_owned(),
    ))
    .filter(|_| kept)
}

/// The dialect that a recorded request's path belongs to.
fn by_path(method: &str, url: &str) -> Option<Dialect> {
    let (api, path) = at_host(url)?;
    endpoint(api, method, &path).dialect
}

/// The API that a URL's host speaks, and the path.
fn at_host(url: &str) -> Option<(Api, String)> {
    let (_, rest) = url.split_once("://")?;
    let (host, path) = rest.split_once('/')?;
    let host = host.split(':').next()?;
    let api = claiming(host, 443).map_or(Api::Auto, |known| known.api);
    Some((api, format!("/{path}")))
}

impl Case {
    fn plain(&self) -> Vec<u8> {
        let mut plain = Vec::new();
        let mut decoder = Decoder::new(self.coding.as_deref());
        decoder.feed(&self.body, &mut |piece| plain.extend_from_slice(piece));
        plain
    }

    /// Reads a body of this case in the given chunks.
    fn read<'a>(
        &self,
        coding: Option<&str>,
        chunks: impl Iterator<Item = &'a [u8]>,
        end: StreamEnd,
    ) -> Extraction {
        let mut input = TextSample::default();
        let mut request = RequestReader::new(Some(self.dialect));
        request.feed(&self.request, &mut |text| take(&mut input, text));
        let header = |name: &str| match name {
            "content-encoding" => coding,
            _ => self.headers.get(name).map(String::as_str),
        };
        let head = ResponseHead {
            status: self.status,
            header: &header,
        };
        let mut extractor = Extractor::new(self.dialect, head, request.facts());
        for chunk in chunks {
            extractor.feed(chunk);
        }
        extractor.finish(end, &input)
    }

    /// What the request asked, and what its answer said, read in one piece.
    pub(crate) fn read_whole(&self) -> (RequestFacts, Extraction) {
        let mut request = RequestReader::new(Some(self.dialect));
        request.feed(&self.request, &mut |_| ());
        let body = std::iter::once(&self.body[..]);
        let found = self.read(self.coding.as_deref(), body, StreamEnd::Complete);
        (request.facts(), found)
    }

    /// What is wrong with an extraction, field by field.
    fn faults(&self, found: &Extraction) -> Vec<String> {
        let expected = &self.expected;
        let mut faults = Vec::new();
        if self.is_unread && COUNTED.contains(&self.dialect) {
            return faults;
        }
        if found.model.as_deref() != expected["model"].as_str() {
            faults.push(format!(
                "model {:?}, expected {}",
                found.model, expected["model"]
            ));
        }
        let usage = found.usage.clone().unwrap_or_default();
        let is_reported = found.source == UsageSource::Reported;
        if expected["has_usage"] != true {
            if is_reported && !self.may_report(&usage) {
                faults.push(format!("reported {usage:?}, expected none"));
            }
            if is_reported {
                faults.extend(units_that_differ(&usage, expected));
            }
            return faults;
        }
        if !is_reported {
            faults.push(format!("{:?} instead of reported", found.source));
        }
        faults.extend(differences(&usage, expected));
        faults
    }

    /// Whether an answer that has no usage, which is to say no tokens, may report what was found in it:
    /// units that the record states too, or a cost.
    fn may_report(&self, usage: &Usage) -> bool {
        let units = self.expected["other_units"].as_object();
        let stated = units.is_some_and(|units| !units.is_empty())
            || !self.expected["provider_cost_usd"].is_null();
        stated && (usage.input, usage.output) == (None, None)
    }
}

#[test]
fn every_recorded_answer_is_read_as_it_was_reported() {
    let Some(cases) = cases() else { return };
    let mut table: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    assert!(
        cases.iter().any(|case| case.is_unread),
        "answers without usage"
    );
    for case in &cases {
        let found = case.read(
            case.coding.as_deref(),
            std::iter::once(&case.body[..]),
            StreamEnd::Complete,
        );
        let faults = case.faults(&found);
        let row = table.entry(case.dialect.name()).or_default();
        row.0 += 1;
        row.1 += usize::from(faults.is_empty());
        if !faults.is_empty() {
            wrong.push(format!("{}: {}", case.name, faults.join("; ")));
        }
    }
    println!("{:<20} {:>5} {:>7}", "dialect", "cases", "correct");
    for (dialect, (count, correct)) in table {
        println!("{dialect:<20} {count:>5} {correct:>7}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_recorded_path_leads_to_its_dialect() {
    let Some(cases) = cases() else { return };
    let (mut walked, mut clouds, mut wrong) = (0, 0, Vec::new());
    for case in &cases {
        let Some((method, url)) = &case.target else {
            continue;
        };
        walked += 1;
        let api = at_host(url).map_or(Api::Auto, |(api, _)| api);
        clouds += usize::from(matches!(api, Api::Bedrock | Api::Vertex));
        // Voyage's embeddings have OpenAI's path and shape.
        let shared = (case.dialect == Dialect::Voyage).then_some(Dialect::OpenaiEmbeddings);
        if ![shared, Some(case.dialect)].contains(&by_path(method, url)) {
            wrong.push(format!("{}: {method} {url}", case.name));
        }
    }
    assert!(walked > CASES_MIN, "{walked} recorded paths");
    assert!(clouds > CASES_MIN, "{clouds} at hosts of patterns");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_split_gives_the_same_answer() {
    let Some(cases) = cases() else { return };
    for case in &cases {
        let plain = case.plain();
        let whole = case.read(None, std::iter::once(&plain[..]), StreamEnd::Complete);
        let single = case.read(None, plain.chunks(1), StreamEnd::Complete);
        assert_eq!(single, whole, "{} byte by byte", case.name);
        let torn = case.read(None, ragged(&plain), StreamEnd::Complete);
        assert_eq!(torn, whole, "{} in ragged chunks", case.name);
    }
}

#[test]
fn every_encoding_gives_the_same_answer() {
    let Some(cases) = cases() else { return };
    for case in &cases {
        let plain = case.plain();
        let whole = case.read(None, std::iter::once(&plain[..]), StreamEnd::Complete);
        for coding in ["gzip", "br", "zstd", "deflate"] {
            let encoded = encode(coding, &plain);
            let found = case.read(Some(coding), ragged(&encoded), StreamEnd::Complete);
            assert_eq!(found, whole, "{} in {coding}", case.name);
        }
    }
}

#[test]
fn an_answer_cut_anywhere_never_reports_what_was_not_said() {
    let Some(cases) = cases() else { return };
    for case in &cases {
        let plain = case.plain();
        for sixteenth in 0..16 {
            let part = &plain[..plain.len() * sixteenth / 16];
            let found = case.read(None, part.chunks(61), StreamEnd::ClientClosed);
            if found.source == UsageSource::Reported {
                let faults = differences(&found.usage.unwrap_or_default(), &case.expected);
                assert!(
                    faults.is_empty(),
                    "{} at {sixteenth}/16: {faults:?}",
                    case.name
                );
            }
        }
    }
}
