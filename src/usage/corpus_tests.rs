//! The laws of extraction, over recorded traffic of many providers.
//!
//! The recordings lie outside the project. Where they are absent the tests say so and pass; where they
//! are present each of them must be found, read and agree with the usage that was established for it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::providers::hosts::KNOWN;
use crate::providers::paths::endpoint;
use crate::providers::request::RequestReader;
use crate::providers::{Api, Dialect, Known};
use crate::wire::encoding::Decoder;

use super::estimate::TextSample;
use super::extract::{Extractor, ResponseHead};
use super::{Extraction, StreamEnd, Usage, UsageSource, take};

/// Fewest cases that the corpus must hold for each dialect, so that a walk over nothing fails.
const CASES_MIN: usize = 5;

/// Dialects of which fewer were recorded.
const RARE: &[(Dialect, usize)] = &[(Dialect::AnthropicComplete, 2)];

/// The dialects of the recordings, each in its order of [`Dialect::ALL`].
const READ: &[Dialect] = &[
    Dialect::OpenaiChat,
    Dialect::OpenaiCompletions,
    Dialect::OpenaiResponses,
    Dialect::OpenaiEmbeddings,
    Dialect::AnthropicMessages,
    Dialect::AnthropicComplete,
    Dialect::GeminiGenerate,
    Dialect::GeminiEmbed,
    Dialect::BedrockConverse,
    Dialect::BedrockInvoke,
    Dialect::GeminiInteractions,
];

struct Case {
    name: String,
    dialect: Dialect,
    /// Method and URL, where they were recorded.
    target: Option<(String, String)>,
    request: Vec<u8>,
    status: u16,
    headers: BTreeMap<String, String>,
    /// As recorded, and the coding that it was recorded in.
    body: Vec<u8>,
    coding: Option<String>,
    expected: Value,
}

/// Every case that is judged, in a dialect that is read; `None` where there is no corpus.
fn cases() -> Option<Vec<Case>> {
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
        let found = cases.iter().filter(|case| case.dialect == *dialect).count();
        let rare = RARE.iter().find(|(rare, _)| rare == dialect);
        let wanted = rare.map_or(CASES_MIN, |(_, wanted)| *wanted);
        assert!(found >= wanted, "{found} cases of {}", dialect.name());
    }
    cases.retain(|case| READ.contains(&case.dialect));
    Some(cases)
}

fn case(record: &Value) -> Option<Case> {
    let dialect = Dialect::parse(record["wire"].as_str()?)?;
    if record["scored"] != true {
        return None;
    }
    let response = &record["response"];
    let headers = response["headers"].as_array()?;
    let headers: BTreeMap<String, String> = headers
        .iter()
        .map(|h| [0, 1].map(|at| h[at].as_str().unwrap()))
        .map(|[name, value]| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let body = |value: &Value| STANDARD.decode(value.as_str().unwrap_or_default()).unwrap();
    Some(Case {
        name: record["id"].as_str()?.to_owned(),
        dialect,
        target: target(record),
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

    /// What is wrong with an extraction, field by field.
    fn faults(&self, found: &Extraction) -> Vec<String> {
        let expected = &self.expected;
        let mut faults = Vec::new();
        if found.model.as_deref() != expected["model"].as_str() {
            faults.push(format!(
                "model {:?}, expected {}",
                found.model, expected["model"]
            ));
        }
        if expected["has_usage"] != true {
            if found.source == UsageSource::Reported {
                faults.push(format!("reported {:?}, expected none", found.usage));
            }
            return faults;
        }
        if found.source != UsageSource::Reported {
            faults.push(format!("{:?} instead of reported", found.source));
        }
        let usage = found.usage.clone().unwrap_or_default();
        faults.extend(differences(&usage, expected));
        faults
    }
}

/// Where usage and record differ.
///
/// Records state some subsets that are larger than their whole, which weir does not keep: reasoning is
/// held to the output, and input that is less than its cached part is taken to lie beside it.
fn differences(usage: &Usage, expected: &Value) -> Vec<String> {
    let whole = usage.overall();
    let count = |name: &str| expected[name].as_u64().unwrap_or(0);
    let beside = |input: u64| {
        let cached = count("cached_input_tokens");
        if cached > input {
            input + cached
        } else {
            input
        }
    };
    let writes = [
        whole.cache_write_5m,
        whole.cache_write_1h,
        whole.cache_write_other,
    ];
    let units = |name| whole.other_units.get(name).copied();
    let mut pairs = vec![
        ("cached_input_tokens", whole.cache_read),
        (
            "cache_write_tokens",
            writes.into_iter().flatten().reduce(|a, b| a + b),
        ),
        ("cache_write_1h_tokens", whole.cache_write_1h),
        ("reasoning_tokens", whole.reasoning),
        ("audio_input_tokens", whole.audio_input),
        ("audio_output_tokens", whole.audio_output),
        ("image_input_tokens", whole.image_input),
        ("image_output_tokens", whole.image_output),
        ("web_search_requests", units("web_searches")),
    ];
    // Rounds that are billed though the totals leave them out are another reading of the same record.
    let readings = expected["alternatives"].as_array().into_iter().flatten();
    let fits = |reading: &Value| {
        let stated = |name: &str| reading[name].as_u64().unwrap_or(count(name));
        whole.input.unwrap_or(0) == beside(stated("input_tokens"))
            && whole.output.unwrap_or(0) == stated("output_tokens")
    };
    if !std::iter::once(expected).chain(readings).any(fits) {
        pairs.push(("input_tokens", whole.input));
        pairs.push(("output_tokens", whole.output));
    }
    let wanted = |name: &str| match name {
        "reasoning_tokens" => count(name).min(count("output_tokens")),
        _ => count(name),
    };
    let differ = pairs
        .into_iter()
        .filter(|(name, found)| found.unwrap_or(0) != wanted(name));
    differ
        .map(|(name, found)| format!("{name} {found:?}, expected {}", wanted(name)))
        .collect()
}

/// The body as other senders would have encoded it.
fn encode(coding: &str, plain: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            writer.write_all(plain).unwrap();
            writer.finish().unwrap()
        }
        "deflate" => {
            let mut writer =
                flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
            writer.write_all(plain).unwrap();
            writer.finish().unwrap()
        }
        "zstd" => zstd::encode_all(plain, 1).unwrap(),
        "br" => {
            let mut out = Vec::new();
            let mut writer = brotli::CompressorWriter::new(&mut out, 4096, 1, 18);
            writer.write_all(plain).unwrap();
            drop(writer);
            out
        }
        other => panic!("no encoder for {other}"),
    }
}

/// Chunks of 1 to 97 bytes, the same for the same body.
fn ragged(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut seed = body.len() as u64 | 1;
    let mut rest = body;
    std::iter::from_fn(move || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let length = usize::try_from(1 + (seed >> 33) % 97)
            .unwrap()
            .min(rest.len());
        let (chunk, after) = rest.split_at(length);
        rest = after;
        (!chunk.is_empty()).then_some(chunk)
    })
}

#[test]
fn every_recorded_answer_is_read_as_it_was_reported() {
    let Some(cases) = cases() else { return };
    let mut table: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
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
    let (mut walked, mut wrong) = (0, Vec::new());
    for case in &cases {
        let Some((method, url)) = &case.target else {
            continue;
        };
        walked += 1;
        let (_, rest) = url.split_once("://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let host = host.split(':').next().unwrap();
        let claims = |known: &&Known| known.claims().any(|(name, _)| name == host);
        let api = KNOWN
            .iter()
            .find(claims)
            .map_or(Api::Auto, |known| known.api);
        if endpoint(api, method, &format!("/{path}")).dialect != Some(case.dialect) {
            wrong.push(format!("{}: {method} {url}", case.name));
        }
    }
    assert!(walked > CASES_MIN, "{walked} recorded paths");
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
