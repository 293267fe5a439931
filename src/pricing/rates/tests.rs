//! Costs against exact sums, and the edges of knowing.

mod rational;

use super::*;
use proptest::prelude::*;

const ITEMS: [&str; 8] = [
    "input_mtok",
    "cache_read_mtok",
    "cache_write_mtok",
    "cache_write_1h_mtok",
    "output_mtok",
    "input_audio_mtok",
    "web_searches_kcount",
    "audio_hours",
];

fn rates(json: &str) -> Rates {
    Rates::new(
        serde_json::from_str(json).expect("prices"),
        &Versions::test(),
    )
}

#[test]
fn every_unit_divides_the_common_denominator() {
    for key in ITEMS.into_iter().chain(["requests_kcount", "input_mchars"]) {
        let per = i128::from(Item::from_key(key).expect("an item").per());
        assert_eq!(COMMON % per, 0, "{key}");
    }
}

#[test]
fn an_unpriced_token_makes_the_cost_unknown_and_an_unpriced_fee_does_not() {
    let embedding = rates(r#"{"input_mtok":"0.02"}"#);
    let usage = |output| Usage {
        input: Some(10),
        output,
        ..Usage::default()
    };
    assert_eq!(embedding.cost(&usage(None)), Some(PicoUsd::new(200_000)));
    assert_eq!(embedding.cost(&usage(Some(0))), Some(PicoUsd::new(200_000)));
    assert_eq!(embedding.cost(&usage(Some(1))), None);
    let searched = Usage {
        other_units: [("web_searches", 2)].into(),
        ..usage(None)
    };
    assert_eq!(embedding.cost(&searched), Some(PicoUsd::new(200_000)));
    assert_eq!(embedding.lines(&searched)[1].amount, None);
}

#[test]
fn nothing_reported_is_unknown_and_a_reported_nothing_is_free() {
    let chat = rates(r#"{"input_mtok":"1","output_mtok":"2","requests_kcount":"5"}"#);
    assert_eq!(chat.cost(&Usage::default()), None);
    let nothing = Usage {
        input: Some(0),
        output: Some(0),
        ..Usage::default()
    };
    assert_eq!(chat.cost(&nothing), Some(PicoUsd::new(5_000_000_000)));
    let speech = rates(r#"{"audio_hours":"0.36"}"#);
    assert_eq!(speech.cost(&nothing), None);
    let heard = Usage {
        other_units: [("audio_seconds", 10)].into(),
        ..Usage::default()
    };
    assert_eq!(speech.cost(&heard), Some(PicoUsd::new(1_000_000_000)));
}

#[test]
fn rounds_the_sum_once_and_half_up() {
    let thirds = rates(r#"{"input_mtok":"0.0000005","output_mtok":"0.0000004"}"#);
    let usage = |input, output| Usage {
        input: Some(input),
        output: Some(output),
        ..Usage::default()
    };
    assert_eq!(thirds.cost(&usage(1, 0)), Some(PicoUsd::new(1)));
    assert_eq!(thirds.cost(&usage(0, 1)), Some(PicoUsd::new(0)));
    assert_eq!(thirds.cost(&usage(1, 1)), Some(PicoUsd::new(1)));
    assert_eq!(thirds.cost(&usage(2, 2)), Some(PicoUsd::new(2)));
}

#[test]
fn absurd_counts_and_prices_stay_at_the_largest_amount() {
    let dear = rates(r#"{"input_mtok":"999999999","output_mtok":"999999999"}"#);
    let usage = Usage {
        input: Some(u64::MAX),
        output: Some(u64::MAX),
        ..Usage::default()
    };
    assert!(dear.cost(&usage) > Some(PicoUsd::new(10_i128.pow(21))));
}

/// A price in atto-dollars as text, and a set of some items.
fn any_prices() -> impl Strategy<Value = Vec<(usize, i128)>> {
    proptest::collection::btree_map(0..ITEMS.len(), 0_i128..10_i128.pow(20), 0..ITEMS.len())
        .prop_map(|map| map.into_iter().collect())
}

proptest! {
    #[test]
    fn a_cost_is_the_exact_sum_of_what_each_token_costs(
        prices in any_prices(),
        counts in proptest::array::uniform6(0_u64..2_000_000),
    ) {
        let [fresh, read, write, hour, output, audio] = counts;
        let json = |(at, atto): &(usize, i128)| format!("\"{}\":\"{}\"", ITEMS[*at], Atto(*atto));
        let json: Vec<_> = prices.iter().map(json).collect();
        let rates = rates(&format!("{{{}}}", json.join(",")));
        let usage = Usage {
            input: Some(fresh + read + write + hour + audio),
            output: Some(output),
            cache_read: Some(read),
            cache_write_5m: Some(write),
            cache_write_1h: Some(hour),
            audio_input: Some(audio),
            ..Usage::default()
        };
        let of = |names: &[&str]| names.iter().find_map(|name| {
            prices.iter().find(|(at, _)| ITEMS[*at] == *name).map(|(_, atto)| *atto)
        });
        let parts = [
            (fresh, of(&["input_mtok"])),
            (read, of(&["cache_read_mtok", "input_mtok"])),
            (write, of(&["cache_write_mtok", "input_mtok"])),
            (hour, of(&["cache_write_1h_mtok", "cache_write_mtok", "input_mtok"])),
            (audio, of(&["input_audio_mtok", "input_mtok"])),
            (output, of(&["output_mtok"])),
        ];
        let known = parts.iter().all(|(count, price)| *count == 0 || price.is_some());
        let priced = parts.iter().any(|(_, price)| price.is_some());
        let expected = (known && priced).then(|| {
            // All six are per million: the sum is in atto-dollars times a million, half a
            // pico-dollar is added.
            let amount = |(count, price): &(u64, Option<i128>)| i128::from(*count) * price.unwrap_or(0);
            let sum: i128 = parts.iter().map(amount).sum();
            let pico = ATTO_PER_PICO * 1_000_000;
            PicoUsd::new((sum + pico / 2) / pico)
        });
        prop_assert_eq!(rates.cost(&usage), expected);
    }

    #[test]
    fn no_usage_costs_more_than_its_bound(
        prices in any_prices(),
        input in 0_u64..1_000_000, output in 0_u64..1_000_000,
        shares in proptest::array::uniform4(0_u64..400_000),
        tier in 0_u64..1_000_000, tier_price in 0_i128..10_i128.pow(20),
    ) {
        let above = format!("[[{tier},\"{}\"]]", Atto(tier_price));
        let json = |(at, atto): &(usize, i128)| {
            format!("\"{}\":{{\"base\":\"{}\",\"above\":{above}}}", ITEMS[*at], Atto(*atto))
        };
        let json: Vec<_> = prices.iter().map(json).collect();
        let rates = rates(&format!("{{{}}}", json.join(",")));
        let [read, write, hour, audio] = shares;
        let usage = Usage {
            input: Some(input),
            output: Some(output),
            cache_read: Some(read),
            cache_write_5m: Some(write),
            cache_write_1h: Some(hour),
            audio_input: Some(audio),
            ..Usage::default()
        };
        if let Some(cost) = rates.cost(&usage) {
            let bound = rates.bound(input, output);
            prop_assert!(cost <= bound, "{cost} above {bound}");
            prop_assert!(rates.bound_text(input, output) <= bound);
        }
    }
}
