//! How far estimates lie from what providers reported: recorded calls, read as if they had reported
//! nothing.

use super::*;

/// What usage stands under, and what the names are changed to so that it is not found.
const STATED: &[&str] = &[
    "\"usage",
    "\"meta\"",
    "\"x_groq\"",
    "\"prompt_eval_count\"",
    "\"eval_count\"",
    "_token_count\"",
    "TokenCount\"",
    "\"token_count\"",
    "invocationMetrics\"",
];

/// What reasoning stands under, where the provider counts it apart from the visible answer.
const REASONING: &[&str] = &[
    "\"reasoning_content\"",
    "\"reasoning\"",
    "\"thinking\"",
    "response.reasoning",
];

fn vendor(model: &str) -> &'static str {
    const VENDORS: &[(&str, &str)] = &[
        ("gpt", "openai"),
        ("o1", "openai"),
        ("o3", "openai"),
        ("o4", "openai"),
        ("claude", "anthropic"),
        ("gemini", "google"),
        ("gemma", "google"),
        ("tral", "mistral"),
        ("distill-llama", "meta"),
        ("deepseek", "deepseek"),
        ("qwen", "qwen"),
        ("qwq", "qwen"),
        ("llama", "meta"),
        ("kimi", "moonshot"),
        ("glm", "zhipu"),
        ("grok", "xai"),
        ("command", "cohere"),
        ("nova", "amazon"),
        ("titan", "amazon"),
        ("sonar", "perplexity"),
    ];
    let model = model.to_ascii_lowercase();
    let known = VENDORS.iter().find(|(mark, _)| model.contains(mark));
    known.map_or("other", |(_, vendor)| *vendor)
}

/// An estimate, and what was reported.
#[derive(Clone, Copy, Debug)]
struct Pair {
    estimated: u64,
    reported: u64,
}

/// Fewest reported tokens that an estimate is judged by: of fewer each is a tenth or more.
const JUDGED_MIN: u64 = 10;

/// What was estimated of one call, of which the visible answer and a prompt of text alone can be judged.
#[derive(Debug)]
struct Judged {
    vendor: &'static str,
    answer: Option<Pair>,
    prompt: Option<Pair>,
}

/// Changes names to others as long, of no meaning.
fn hide(body: &mut [u8], names: &[&str]) {
    for name in names {
        let found: Vec<usize> = memchr::memmem::find_iter(body, name).collect();
        for at in found {
            body[at + name.len() - 1 - usize::from(name.ends_with('"'))] = b'X';
        }
    }
}

fn judge(case: &Case) -> Option<Judged> {
    // Cohere bills less than it counts: its template is free.
    let readings = case.expected["alternatives"].as_array();
    let billed = readings.and_then(|all| all.iter().find(|it| it["why"] == "billed_units"));
    let count = |name: &str| {
        let stated = billed.and_then(|billed| billed[name].as_u64());
        stated.or(case.expected[name].as_u64()).unwrap_or(0)
    };
    let mut plain = case.plain();
    // A binary message that was changed would fail its checksum.
    if case.expected["has_usage"] != true || case.status >= 400 || plain.starts_with(b"\0") {
        return None;
    }
    hide(&mut plain, STATED);
    if count("reasoning_tokens") > 0 {
        hide(&mut plain, REASONING);
    }
    let mut input = TextSample::default();
    let mut request = RequestReader::new(Some(case.dialect));
    request.feed(&case.request, &mut |text| take(&mut input, text));
    let by_path = case.target.as_ref().and_then(|(method, url)| {
        let (api, path) = at_host(url)?;
        endpoint(api, method, &path).model
    });
    let facts = request.facts();
    let of_text = facts.media_parts == 0 && !facts.refers_outside;
    let asked = facts.model.clone().or(by_path);
    let kind = case.headers.get("content-type").map(String::as_str);
    let head = ResponseHead {
        status: case.status,
        header: &|name| kind.filter(|_| name == "content-type"),
    };
    let facts = RequestFacts {
        model: asked.clone(),
        ..facts
    };
    let mut extractor = Extractor::new(case.dialect, head, facts);
    extractor.feed(&plain);
    let found = extractor.finish(StreamEnd::Complete, &input);
    if found.source != UsageSource::Estimated {
        return None;
    }
    let usage = found.usage?;
    let pair = |estimated: Option<u64>, reported: u64| {
        let estimated = estimated.filter(|count| *count > 0 && reported >= JUDGED_MIN)?;
        Some(Pair {
            estimated,
            reported,
        })
    };
    // Thoughts that are shown are text too, and told apart only by what stands beside them.
    let is_mixed = memchr::memmem::find(&plain, b"\"thought\"").is_some();
    let visible = count("output_tokens").saturating_sub(count("reasoning_tokens"));
    Some(Judged {
        vendor: vendor(found.model.or(asked).as_deref().unwrap_or_default()),
        answer: pair(usage.output, visible).filter(|_| !is_mixed),
        prompt: pair(usage.input, count("input_tokens")).filter(|_| of_text),
    })
}

/// Whether a case is of the half that the constants were fitted to.
fn was_fitted(name: &str) -> bool {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 32) % 2 == 0
}

/// Median and 95th percentile of the relative errors, in tenths of a per cent.
fn errors(pairs: &[Pair]) -> (u64, u64) {
    let error = |pair: &Pair| pair.estimated.abs_diff(pair.reported) * 1000 / pair.reported;
    let mut errors: Vec<u64> = pairs.iter().map(error).collect();
    errors.sort_unstable();
    let at =
        |part: usize| errors.get((errors.len() * part / 100).min(errors.len().saturating_sub(1)));
    [50, 95].map(|part| at(part).copied().unwrap_or(0)).into()
}

#[test]
fn estimates_lie_near_what_was_reported() {
    let Some(cases) = cases() else { return };
    let unseen = cases.iter().filter(|case| !was_fitted(&case.name));
    let judged: Vec<Judged> = unseen.filter_map(judge).collect();
    let mut vendors: BTreeMap<&str, (Vec<Pair>, Vec<Pair>)> = BTreeMap::new();
    for one in &judged {
        for vendor in [one.vendor, "all"] {
            let (answers, prompts) = vendors.entry(vendor).or_default();
            answers.extend(one.answer);
            prompts.extend(one.prompt);
        }
    }
    let cell = |pairs: &[Pair]| match errors(pairs) {
        _ if pairs.is_empty() => "0 | - | -".to_owned(),
        (median, most) => {
            let [median, most] = [median, most].map(|it| format!("{}.{} %", it / 10, it % 10));
            format!("{} | {median} | {most}", pairs.len())
        }
    };
    println!("| vendor | answers | median | p95 | prompts | median | p95 |");
    println!("|---|--:|--:|--:|--:|--:|--:|");
    for (vendor, (answers, prompts)) in &vendors {
        println!("| {vendor} | {} | {} |", cell(answers), cell(prompts));
    }
    let (answers, prompts) = &vendors["all"];
    assert!(
        answers.len() > 100 && prompts.len() > 100,
        "too few were judged"
    );
    let medians = [errors(answers).0, errors(prompts).0];
    assert!(
        medians[0] <= 100 && medians[1] <= 150,
        "medians of {medians:?} per mille"
    );
}
