use super::*;
use crate::pricing::{Catalog, Lookup};
use crate::providers::Selectors;
use proptest::prelude::*;

fn request() -> RequestFacts {
    RequestFacts {
        model: Some("gpt-4o".into()),
        choices: 1,
        ..RequestFacts::default()
    }
}

fn ask(request: &RequestFacts) -> Ask<'_> {
    Ask {
        provider: "openai",
        key: None,
        request,
        answers: true,
        body_bytes: 4_000,
        input_tokens: None,
        text_only: true,
        known: known(None, Some(128_000)),
    }
}

/// What is known of a model; kept for the rest of the test's process.
fn known(rates: Option<&Rates>, context_window: Option<u64>) -> &'static Known {
    Box::leak(Box::new(Known {
        rates: rates.cloned(),
        dearest: rates.cloned(),
        context_window,
    }))
}

fn learn(estimator: &Estimator, model: &str, output_tokens: u64) {
    let caller = Caller {
        provider: "openai",
        model,
        key: None,
    };
    estimator.learn(&caller, Some(output_tokens), None);
}

fn tokens(size: &Size) -> (u64, u64) {
    (size.input_tokens, size.output_tokens)
}

/// 2026-11-20T10:00:30Z.
fn rates(model: &str) -> Rates {
    let lookup = Lookup {
        provider: "openai",
        catalog_id: Some("openai"),
        model,
        at: 1_795_168_830_000,
        selectors: Selectors::NONE,
    };
    Catalog::builtin()
        .find(&lookup)
        .expect("the catalogue knows the model")
}

#[test]
fn expects_what_the_body_and_the_model_suggest() {
    type Change = fn(&mut RequestFacts, &mut Ask<'_>);
    let cases: [(Change, (u64, u64)); 8] = [
        (|_, _| {}, (1_000, 1_000)),
        (|_, ask| ask.input_tokens = Some(777), (777, 1_000)),
        (
            |request, _| request.max_output_tokens = Some(50),
            (1_000, 50),
        ),
        (
            |request, _| (request.max_output_tokens, request.choices) = (Some(50), 4),
            (1_000, 200),
        ),
        (|request, _| request.choices = 0, (1_000, 1_000)),
        (|_, ask| ask.answers = false, (1_000, 0)),
        (|_, ask| ask.known = known(None, Some(500)), (500, 500)),
        (
            |request, ask| (request.media_parts, ask.body_bytes) = (2, 9_000_000),
            (TEXT_BESIDE_MEDIA + 2 * MEDIA_TOKENS_EXPECTED, 1_000),
        ),
    ];
    for (n, (change, expected)) in cases.into_iter().enumerate() {
        let (mut said, empty) = (request(), request());
        let mut asked = ask(&empty);
        change(&mut said, &mut asked);
        let sizes = Estimator::new().sizes(&Ask {
            request: &said,
            ..asked
        });
        assert_eq!(tokens(&sizes.expected), expected, "case {n}");
    }
}

#[test]
fn bounds_what_a_call_may_become() {
    type Change = fn(&mut RequestFacts, &mut Ask<'_>);
    let framed = 4_000 + FRAME_TOKENS_MAX;
    let cases: [(Change, (u64, u64)); 9] = [
        (|_, _| {}, (framed, 128_000)),
        (
            |request, _| request.max_output_tokens = Some(50),
            (framed, 50),
        ),
        (
            |request, _| (request.max_output_tokens, request.choices) = (Some(50), 4),
            (framed, 200),
        ),
        (
            |request, _| request.media_parts = 1,
            (framed + MEDIA_TOKENS_MAX, 128_000),
        ),
        (|request, _| request.media_parts = 9, (128_000, 128_000)),
        (
            |request, _| request.refers_outside = true,
            (128_000, 128_000),
        ),
        (
            |_, ask| ask.known = known(None, None),
            (framed, OUTPUT_TOKENS_MAX),
        ),
        (
            |request, ask| (request.refers_outside, ask.known) = (true, known(None, None)),
            (OUTSIDE_TOKENS_MAX, OUTPUT_TOKENS_MAX),
        ),
        (|_, ask| ask.answers = false, (framed, 0)),
    ];
    for (n, (change, worst)) in cases.into_iter().enumerate() {
        let (mut said, empty) = (request(), request());
        let mut asked = ask(&empty);
        change(&mut said, &mut asked);
        let sizes = Estimator::new().sizes(&Ask {
            request: &said,
            ..asked
        });
        assert_eq!(tokens(&sizes.worst_case), worst, "case {n}");
    }
}

#[test]
fn prices_both_sizes_and_leaves_the_unknown_unknown() {
    let request = request();
    let asked = ask(&request);
    let unpriced = Estimator::new().sizes(&asked);
    assert_eq!(
        (unpriced.expected.cost, unpriced.worst_case.cost),
        (None, None)
    );
    // 2.50 and 10 USD per million tokens: 1,000 of each, then 8,096 and 128,000.
    let rates = rates("gpt-4o");
    let sizes = Estimator::new().sizes(&Ask {
        known: known(Some(&rates), Some(128_000)),
        ..asked
    });
    let cost = |text: &str| Some(text.parse::<PicoUsd>().expect("an amount"));
    assert_eq!(sizes.expected.cost, cost("0.0125"));
    assert_eq!(sizes.worst_case.cost, cost("1.30024"));
}

#[test]
fn learns_each_models_mean() {
    let estimator = Estimator::new();
    let mut said = request();
    let mut expected = |model: &str| {
        said.model = Some(model.to_owned());
        estimator.sizes(&ask(&said)).expected.output_tokens
    };
    learn(&estimator, "short", 10);
    assert_eq!(expected("short"), 10);
    learn(&estimator, "short", 20);
    assert_eq!(expected("short"), 15);
    assert_eq!(expected("other"), OUTPUT_TOKENS_DEFAULT);
    for _ in 0..1_000 {
        learn(&estimator, "short", 500);
    }
    assert!(
        (499..=500).contains(&expected("short")),
        "{}",
        expected("short")
    );
    learn(&estimator, "short", u64::MAX);
    assert_eq!(expected("short"), 128_000);
}

#[test]
fn the_sum_of_expectations_is_near_the_sum_of_long_tailed_answers() {
    let estimator = Estimator::new();
    let said = request();
    let (mut held, mut used) = (0, 0);
    for n in 0_u64..10_000 {
        // Nine short answers and a long one, in no order that a mean could follow.
        let answer = if (n * 7_919) % 97 < 10 { 4_000 } else { 150 };
        held += estimator.sizes(&ask(&said)).expected.output_tokens;
        used += answer;
        learn(&estimator, "gpt-4o", answer);
    }
    assert!(held.abs_diff(used) * 20 < used, "held {held}, used {used}");
}

proptest! {
    #[test]
    fn the_worst_case_is_never_below_what_is_expected(
        (body_bytes, counted) in (0_u64..1 << 40, prop::option::of(0_u64..1 << 40)),
        (max, choices, media) in (prop::option::of(0_u64..1 << 20), 0_u64..200, 0_u64..100),
        (refers_outside, answers, text_only) in any::<(bool, bool, bool)>(),
        context_window in prop::option::of(1_u64..1 << 22),
        heard in prop::collection::vec(any::<u64>(), 0..20),
        model in prop::sample::select(&["gpt-4o", "gpt-4o-audio-preview", "text-embedding-3-small"][..]),
    ) {
        let estimator = Estimator::new();
        for tokens in heard {
            learn(&estimator, model, tokens);
        }
        let said = RequestFacts {
            model: Some(model.into()),
            max_output_tokens: max,
            choices,
            media_parts: media,
            refers_outside,
            ..RequestFacts::default()
        };
        let rates = rates(model);
        let sizes = estimator.sizes(&Ask {
            provider: "openai",
            key: None,
            request: &said,
            answers,
            body_bytes,
            input_tokens: counted,
            text_only,
            known: known(Some(&rates), context_window),
        });
        let (expected, worst) = (sizes.expected, sizes.worst_case);
        prop_assert!(expected.input_tokens <= worst.input_tokens);
        prop_assert!(expected.output_tokens <= worst.output_tokens);
        prop_assert!(expected.cost.is_some() == worst.cost.is_some() && expected.cost <= worst.cost);
        if let Some(max) = max.filter(|_| answers) {
            prop_assert_eq!(worst.output_tokens, max * choices.max(1));
        }
    }
}

/// The sizes of a request for these units to a model, with a body of 4,000 bytes.
fn sizes_of_units(model: &str, change: fn(&mut RequestFacts)) -> Sizes {
    let mut said = request();
    said.model = Some(model.to_owned());
    change(&mut said);
    let rates = rates(model);
    Estimator::new().sizes(&Ask {
        known: known(Some(&rates), None),
        text_only: false,
        ..ask(&said)
    })
}

fn usd(size: &Size) -> String {
    size.cost.expect("a price is known").to_string()
}

#[test]
fn holds_what_is_charged_by_the_piece() {
    // 15 USD for a million characters; at most every byte of the body is one.
    let spoken = sizes_of_units("tts-1", |facts| {
        facts.units = [("characters", 1_000)].into()
    });
    assert_eq!(usd(&spoken.expected), "0.015");
    assert_eq!(usd(&spoken.worst_case), "0.06");
    // 0.36 USD an hour, a tenth of a milli-dollar a second.
    let heard = sizes_of_units("whisper-1", |facts| {
        (facts.has_recording, facts.media_parts) = (true, 1);
    });
    assert_eq!(usd(&heard.expected), "0.0001");
    assert_eq!(usd(&heard.worst_case), "0.0008");
    let elsewhere = sizes_of_units("whisper-1", |facts| {
        (facts.has_recording, facts.refers_outside) = (true, true);
    });
    assert_eq!(usd(&elsewhere.worst_case), "8.64", "a day of it");
}

#[test]
fn holds_the_tokens_of_images() {
    let one = sizes_of_units("gpt-image-1", |facts| facts.units = [("images", 1)].into());
    let four = sizes_of_units("gpt-image-1", |facts| {
        facts.units = [("images", 4)].into();
        facts.selectors.quality = Some("high".into());
        (facts.file_bytes, facts.media_parts) = (3_900, 1);
    });
    assert_eq!(one.expected.output_tokens, 1_500);
    assert_eq!(four.expected.output_tokens, 24_000);
    assert_eq!(four.worst_case.output_tokens, 4 * 16_384);
    assert_eq!(
        four.worst_case.input_tokens,
        100 + 65_536 + FRAME_TOKENS_MAX
    );
    assert!(one.expected.cost < four.expected.cost && four.expected.cost < four.worst_case.cost);
}
