use super::*;
use crate::units::{Currency, PICO_PER_USD};

/// 2026-11-20T10:00:30Z.
const NOW: i64 = 1_795_168_830_000;

fn refusal(unit: Unit, per: Per, reason: Reason) -> Refusal {
    Refusal {
        budget: "team-month".into(),
        each: None,
        unit,
        currency: Currency::USD,
        per,
        reason,
        limit: 5 * PICO_PER_USD,
        spent: PICO_PER_USD * 19 / 4,
        held: PICO_PER_USD / 5,
        needed: PICO_PER_USD / 10,
        resets_at: (per != Per::Total).then_some(NOW + 29_001),
        now_ms: NOW,
        wait: Duration::ZERO,
        model: None,
        downgrade: None,
        obstacle: None,
    }
}

#[test]
fn names_budget_limit_spent_held_and_reset() {
    let mut refusal = refusal(Unit::Cost, Per::Month, Reason::Held);
    assert_eq!(
        refusal.text().message,
        "weir: budget team-month is held by calls in flight: limit 5 USD per month, spent 4.75 USD, \
         held by calls in flight 0.2 USD, this call may take 0.1 USD; it resets at \
         2026-11-20T10:00:59.001Z"
    );
    refusal.each = Some((Dimension::User, "alice".into()));
    assert!(
        refusal
            .text()
            .message
            .contains("budget team-month (user alice) is held")
    );
    refusal.each = Some((Dimension::User, String::new()));
    assert!(
        refusal
            .text()
            .message
            .contains("budget team-month (no user) is held")
    );
}

#[test]
fn shows_money_in_the_currency_of_the_limit() {
    let mut refusal = refusal(Unit::Cost, Per::Month, Reason::Spent);
    let usd = "0.14".parse().expect("an amount");
    refusal.currency = Currency::new("CNY".parse().expect("a code"), usd).expect("a rate");
    refusal.limit = refusal.currency.to_usd(3_000 * PICO_PER_USD).get();
    (refusal.spent, refusal.held, refusal.needed) = (420 * PICO_PER_USD, 0, PICO_PER_USD);
    assert_eq!(
        refusal.text().message,
        "weir: budget team-month is spent: limit 3000 CNY per month, spent 3000 CNY, held by calls \
         in flight 0 CNY, this call may take 7.142857142857 CNY; it resets at 2026-11-20T10:00:59.001Z"
    );
}

#[test]
fn words_a_limit_in_its_own_unit() {
    let mut refusal = refusal(Unit::InputTokens, Per::Total, Reason::Spent);
    (refusal.limit, refusal.spent, refusal.held, refusal.needed) = (1_000, 990, 0, 0);
    assert_eq!(
        refusal.text().message,
        "weir: budget team-month is spent: limit 1000 input tokens in total, spent 990 input tokens, \
         held by calls in flight 0 input tokens; it never resets"
    );
    (refusal.unit, refusal.limit, refusal.held) = (Unit::Concurrent, 20, 20);
    refusal.reason = Reason::Held;
    assert_eq!(
        refusal.text().message,
        "weir: budget team-month is held by calls in flight: limit 20 calls at once, 20 in flight"
    );
}

#[test]
fn asks_for_a_retry_only_where_one_can_help() {
    use Per::{Day, Hour, Minute, Month, Total};
    use Reason::{Held, Spent, TooLarge, Unmetered, Unpriced};
    use Unit::{Concurrent, Cost, Requests, Tokens};
    for (unit, per, reason, after, helps) in [
        (Cost, Month, Spent, Some(30), false),
        (Cost, Day, Held, Some(5), true),
        (Cost, Total, Held, Some(5), true),
        (Cost, Minute, Spent, Some(30), true),
        (Tokens, Minute, Held, Some(5), true),
        (Cost, Total, Spent, None, false),
        (Tokens, Hour, Spent, Some(30), false),
        (Tokens, Minute, Spent, Some(30), true),
        (Requests, Minute, Spent, Some(30), true),
        (Requests, Minute, Held, Some(30), true),
        (Requests, Hour, Spent, Some(30), false),
        (Requests, Hour, Held, Some(30), false),
        (Concurrent, Total, Held, Some(1), true),
        (Tokens, Minute, TooLarge, None, false),
        (Cost, Month, Unpriced, None, false),
        (Cost, Month, Unmetered, None, false),
    ] {
        let text = refusal(unit, per, reason).text();
        let got = (text.retry_after_s, text.retry_helps);
        assert_eq!(got, (after, helps), "{unit:?} {per:?} {reason:?}");
    }
    let mut soon = refusal(Cost, Month, Held);
    soon.resets_at = Some(NOW + 1_500);
    assert_eq!(soon.text().retry_after_s, Some(2), "the window turns first");
    let mut late = refusal(Cost, Month, Spent);
    late.now_ms = late.resets_at.expect("a month ends") + 5;
    assert_eq!(late.text().retry_after_s, Some(1));
}

#[test]
fn waits_only_for_what_can_come() {
    let second = Duration::from_secs(1);
    let waiting = |per, reason, wait: Duration, waited: Duration| {
        let mut refusal = refusal(Unit::Cost, per, reason);
        refusal.wait = wait;
        refusal.patience(waited)
    };
    let turns_over = Duration::from_millis(29_001);
    for (per, reason, wait, waited, expected) in [
        (Per::Month, Reason::Held, 0, 0, None),
        (Per::Month, Reason::Held, 2, 0, Some(2 * second)),
        (Per::Month, Reason::Held, 2, 1, Some(second)),
        (Per::Month, Reason::Held, 2, 2, None),
        (Per::Minute, Reason::Held, 60, 0, Some(turns_over)),
        (Per::Minute, Reason::Spent, 60, 0, Some(turns_over)),
        (Per::Minute, Reason::Spent, 20, 0, None),
        (Per::Total, Reason::Spent, 60, 0, None),
        (Per::Month, Reason::TooLarge, 60, 0, None),
    ] {
        let got = waiting(per, reason, wait * second, waited * second);
        assert_eq!(got, expected, "{per:?} {reason:?} {wait} {waited}");
    }
}
