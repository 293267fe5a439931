use proptest::prelude::*;

use super::*;

fn currency(code: &str, usd: &str) -> Currency {
    let code = code.parse().expect("a code");
    Currency::new(code, usd.parse().expect("an amount")).expect("a rate")
}

/// A whole number of any size, as limbs of 10⁹ from the least on: slow, and plainly right.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Big(Vec<u64>);

const LIMB: u64 = 1_000_000_000;

impl Big {
    fn of(mut number: u128) -> Big {
        let mut limbs = Vec::new();
        while number > 0 {
            limbs.push(u64::try_from(number % u128::from(LIMB)).expect("below a limb"));
            number /= u128::from(LIMB);
        }
        Big(limbs)
    }

    fn product(&self, other: &Big) -> Big {
        let mut limbs = vec![0_u64; self.0.len() + other.0.len()];
        for (at, one) in self.0.iter().enumerate() {
            let mut carry = 0;
            for (offset, two) in other.0.iter().enumerate() {
                let sum = limbs[at + offset] + one * two + carry;
                limbs[at + offset] = sum % LIMB;
                carry = sum / LIMB;
            }
            limbs[at + other.0.len()] += carry;
        }
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
        Big(limbs)
    }

    fn is_at_most(&self, other: &Big) -> bool {
        let by_size = self.0.len().cmp(&other.0.len());
        by_size
            .then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
            .is_le()
    }
}

/// Whether `result` is `amount * by / of` rounded half up: twice the exact value lies within
/// `2 result - 1` and `2 result + 1`, the first of them included.
fn is_rounded(amount: u128, by: u128, of: u128, result: u128) -> bool {
    let exact = Big::of(2).product(&Big::of(amount)).product(&Big::of(by));
    let bound = |twice: u128| Big::of(twice).product(&Big::of(of));
    let above = bound(2 * result + 1);
    let low_enough = result == 0 || bound(2 * result - 1).is_at_most(&exact);
    low_enough && exact.is_at_most(&above) && exact != above
}

#[test]
fn restates_amounts_in_both_directions() {
    let cny = currency("CNY", "0.14");
    let usd = |text: &str| text.parse::<PicoUsd>().expect("an amount");
    assert_eq!(cny.to_usd(3_000 * PICO_PER_USD), usd("420"));
    assert_eq!(cny.show(usd("420")), "3000 CNY");
    assert_eq!(cny.amount(usd("1")), "7.142857142857");
    assert_eq!(cny.amount(usd("-0.14")), "-1");
    assert_eq!(
        cny.to_atto_usd(24 * PICO_PER_USD / 10),
        336_000_000_000_000_000
    );
    assert_eq!(Currency::USD.show(usd("0.0000415")), "0.0000415 USD");
}

#[test]
fn rounds_once_and_half_up() {
    let half = currency("XTS", "0.5");
    assert_eq!(half.to_usd(1).get(), 1);
    assert_eq!(half.to_usd(-1).get(), 0);
    assert_eq!(currency("XTS", "3").of_usd(PicoUsd::new(1)), 0);
    assert_eq!(currency("XTS", "2").of_usd(PicoUsd::new(1)), 1);
}

#[test]
fn refuses_what_is_no_code_and_no_rate() {
    for text in ["", "cny", "CN", "CNYY", "C1Y", "ÄÖ", " CNY"] {
        assert!(text.parse::<CurrencyCode>().is_err(), "{text:?}");
    }
    let cny = "CNY".parse().expect("a code");
    for usd in ["0", "-1", "1000000.000000000001"] {
        let usd = usd.parse().expect("an amount");
        assert_eq!(Currency::new(cny, usd), None, "{usd}");
    }
    assert_eq!(
        Currency::new(CurrencyCode::USD, "2".parse().expect("an amount")),
        None
    );
}

#[test]
fn usd_is_known_without_a_rate() {
    let none = Currencies::default();
    assert_eq!(none.get(CurrencyCode::USD), Some(Currency::USD));
    assert_eq!(none.get("EUR".parse().expect("a code")), None);
    let one: Currencies = [currency("EUR", "1.08")].into_iter().collect();
    assert_eq!(
        one.get("EUR".parse().expect("a code")),
        Some(currency("EUR", "1.08"))
    );
    assert_eq!(one.iter().count(), 1);
}

proptest! {
    #[test]
    fn is_exact_but_for_one_rounding(
        amount in 0..10_u128.pow(27),
        rate in 1..=10_u128.pow(18),
    ) {
        let usd = PicoUsd::new(i128::try_from(rate).expect("in range"));
        let currency = Currency::new("XTS".parse().expect("a code"), usd).expect("a rate");
        let signed = i128::try_from(amount).expect("in range");
        let plain = |result: i128| u128::try_from(result).expect("not negative");
        let pico = PICO_PER_USD.unsigned_abs();
        // Results beyond the range are clamped; no sum of money comes near.
        if amount / pico < 10_u128.pow(38) / rate / 4 {
            let to = plain(currency.to_usd(signed).get());
            prop_assert!(is_rounded(amount, rate, pico, to));
        }
        if amount / 1_000_000 < 10_u128.pow(38) / rate / 4 {
            let to = plain(currency.to_atto_usd(signed));
            prop_assert!(is_rounded(amount, rate, 1_000_000, to));
        }
        if amount / rate < 10_u128.pow(26) {
            let of = plain(currency.of_usd(PicoUsd::new(signed)));
            prop_assert!(is_rounded(amount, pico, rate, of));
        }
    }

    #[test]
    fn a_debt_is_restated_like_what_is_owed(pico in 0..10_i128.pow(20), rate in 1..10_i128.pow(15)) {
        let usd = PicoUsd::new(rate);
        let currency = Currency::new("XTS".parse().expect("a code"), usd).expect("a rate");
        let (up, down) = (currency.to_usd(pico).get(), currency.to_usd(-pico).get());
        // Half is rounded up on both sides of zero.
        prop_assert!(up + down == 0 || up + down == 1);
    }
}
