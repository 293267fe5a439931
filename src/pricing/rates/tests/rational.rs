//! Costs against exact fractions: every unit by itself, added as fractions, rounded once.

use proptest::prelude::*;

use super::*;

/// A whole number and a proper fraction in its lowest terms.
#[derive(Clone, Copy, Debug)]
struct Fraction {
    whole: i128,
    over: i128,
    under: i128,
}

impl Fraction {
    const NOTHING: Fraction = Fraction {
        whole: 0,
        over: 0,
        under: 1,
    };

    fn new(over: i128, under: i128) -> Fraction {
        let rest = over % under;
        let (mut a, mut b) = (rest, under);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        Fraction {
            whole: over / under,
            over: rest / a,
            under: under / a,
        }
    }

    fn plus(self, other: Fraction) -> Fraction {
        let over = self.over * other.under + other.over * self.under;
        let parts = Fraction::new(over, self.under * other.under);
        Fraction {
            whole: self.whole + other.whole + parts.whole,
            ..parts
        }
    }

    /// The nearest whole number, the larger one at a half.
    fn nearest(self) -> i128 {
        self.whole + i128::from(self.over * 2 >= self.under)
    }
}

/// A price's key, how a usage states what it is for, and how many units it buys.
const KINDS: [(&str, &str, i128); 12] = [
    ("input_mtok", "", 1_000_000),
    ("cache_read_mtok", "", 1_000_000),
    ("output_mtok", "", 1_000_000),
    ("cache_write_12h_mtok", "", 1_000_000),
    ("audio_hours", "audio_seconds", 3_600),
    ("images", "images", 1),
    ("video_seconds", "video_seconds", 1),
    ("input_gpixels", "image_pixels", 1_000_000_000),
    ("input_mchars", "characters", 1_000_000),
    ("input_document_kpages", "document_pages", 1_000),
    ("web_searches_kcount", "web_searches", 1_000),
    ("maps_searches_kcount", "maps_searches", 1_000),
];

#[derive(Clone, Debug)]
struct Kind {
    base: i128,
    tier: (u64, i128),
    least: u64,
    count: u64,
}

fn any_kind() -> impl Strategy<Value = Kind> {
    // Prices of up to a hundred dollars with all of their eighteen places.
    let price = || 0_i128..10_i128.pow(20);
    (price(), 0_u64..400_000, price(), 0_u64..20, 0_u64..300_000).prop_map(
        |(base, above, dearer, least, count)| Kind {
            base,
            tier: (above, dearer),
            least,
            count,
        },
    )
}

proptest! {
    #[test]
    fn any_cost_is_the_nearest_to_the_sum_of_its_fractions(
        kinds in proptest::collection::vec(any_kind(), KINDS.len()),
        has_output in any::<bool>(),
    ) {
        let mut kinds = kinds;
        if has_output {
            // A picture that was counted in tokens has no price by the piece.
            kinds[5].count = 0;
        }
        let json = kinds.iter().zip(KINDS).map(|(kind, (key, ..))| {
            let (base, dearer) = (Atto(kind.base), Atto(kind.tier.1));
            let (above, least) = (kind.tier.0, kind.least);
            format!(r#""{key}":{{"base":"{base}","above":[[{above},"{dearer}"]],"least":{least}}}"#)
        });
        let rates = rates(&format!("{{{}}}", json.collect::<Vec<_>>().join(",")));

        let [fresh, read, output, written] = [0, 1, 2, 3].map(|at: usize| kinds[at].count);
        let total = fresh + read + written;
        let mut usage = Usage {
            input: Some(total),
            cache_read: Some(read),
            cache_write_other: Some(written),
            output: has_output.then_some(output),
            ..Usage::default()
        };
        usage.other_units.insert("cache_write_12h_tokens", written);
        for (kind, (_, unit, _)) in kinds.iter().zip(KINDS).skip(4) {
            usage.other_units.insert(unit, kind.count);
        }

        let mut sum = Fraction::NOTHING;
        for (at, (kind, (.., per))) in kinds.iter().zip(KINDS).enumerate() {
            if kind.count == 0 || (at == 2 && !has_output) {
                continue;
            }
            let price = if total > kind.tier.0 { kind.tier.1 } else { kind.base };
            let units = i128::from(kind.count.max(kind.least));
            // In pico-dollars: a millionth of the price, which is in atto-dollars.
            sum = sum.plus(Fraction::new(units * price, per * 1_000_000));
        }
        prop_assert_eq!(rates.cost(&usage), Some(PicoUsd::new(sum.nearest())));
    }
}
