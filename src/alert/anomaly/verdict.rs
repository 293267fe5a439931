//! Whether an amount is out of the ordinary among others, in integers.

use super::PAST_MIN;

/// What is usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usual {
    pub(super) median: i128,
    /// What is above is out of the ordinary.
    pub(super) bound: i128,
}

/// What would have been usual, where `spent` is not; `None` where it is, or where too little is known.
pub(super) fn unusual(spent: i128, past: &[i128], factor: u32) -> Option<Usual> {
    if past.len() < PAST_MIN {
        return None;
    }
    let middle = median(past.to_vec());
    let distances = past.iter().map(|one| (one - middle).abs()).collect();
    let spread = median(distances).saturating_mul(i128::from(factor));
    let bound = middle
        .saturating_add(spread)
        .max(middle.saturating_mul(2).saturating_sub(1));
    let usual = Usual {
        median: middle,
        bound,
    };
    (spent > bound).then_some(usual)
}

/// The middle one; of an even number the mean of the two in the middle, rounded down.
fn median(mut amounts: Vec<i128>) -> i128 {
    amounts.sort_unstable();
    let half = amounts.len() / 2;
    match amounts.len() % 2 {
        0 => (amounts[half - 1].saturating_add(amounts[half])).div_euclid(2),
        _ => amounts[half],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_wild_day_among_many_moves_nothing() {
        let calm = [10, 11, 9, 10, 12, 8, 10];
        let wild = [10, 11, 9, 10, 12, 8, 9_999];
        for past in [calm, wild] {
            assert_eq!(unusual(19, &past, 6), None, "less than twice the usual");
            let usual = unusual(20, &past, 6).expect("20 is far from 10 ± 1");
            assert_eq!((usual.median, usual.bound), (10, 19));
        }
    }

    #[test]
    fn what_strays_much_must_stray_further() {
        let past = [10, 30, 20, 5, 40, 20, 10, 30];
        assert_eq!(
            unusual(80, &past, 6),
            None,
            "20 + 6 × 10 is not passed by 80"
        );
        assert_eq!(
            unusual(81, &past, 6),
            Some(Usual {
                median: 20,
                bound: 80
            })
        );
        assert_eq!(unusual(1_000, &past[..PAST_MIN - 1], 6), None);
    }

    proptest! {
        #[test]
        fn what_was_spent_before_most_days_is_never_out_of_the_ordinary(
            past in prop::collection::vec(0_i128..10_i128.pow(18), PAST_MIN..15),
            factor in 1_u32..100,
        ) {
            let mut sorted = past.clone();
            sorted.sort_unstable();
            prop_assert_eq!(unusual(sorted[past.len() / 2], &past, factor), None);
            if let Some(usual) = unusual(i128::from(u64::MAX), &past, factor) {
                prop_assert!(usual.bound >= usual.median);
                prop_assert_eq!(unusual(usual.bound, &past, factor), None);
            }
        }
    }
}
