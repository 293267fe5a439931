//! Rolling windows: what was taken leaves when it is older than the window, and not before.

use super::*;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

fn rolling(minutes: u16) -> Core {
    core(vec![with("rolling", |limit| {
        limit.per = Per::Rolling { minutes };
    })])
}

/// One call that takes so many thousandths of a dollar, or its refusal.
fn spend(core: &mut Core, milli: i128, now_ms: i64) -> Result<(), Box<Refusal>> {
    let facts = Arc::new(facts("openai", "gpt-5", "alice"));
    let id = core.admit(&facts, &sizes(milli_usd(milli)), now_ms)?;
    core.end(id, Some(&milli_usd(milli)));
    Ok(())
}

#[test]
fn refuses_until_enough_has_left() {
    let mut core = rolling(300);
    for (hours, milli) in [(0, 300), (1, 400), (2, 300)] {
        spend(&mut core, milli, NOW + hours * HOUR_MS).expect("there is room");
    }
    let now = NOW + 3 * HOUR_MS;
    let refused = |core: &mut Core, milli| spend(core, milli, now).expect_err("nothing has left");
    let small = refused(&mut core, 300);
    assert_eq!((small.reason, small.spent), (Reason::Spent, 1_000 * MILLI));
    // Each leaves with its part of five minutes: between now and five minutes after its five hours.
    let leaves = |refusal: &Refusal| refusal.resets_at.expect("it leaves") - NOW;
    let within =
        |at: i64, hours: i64| (hours * HOUR_MS + 1..=hours * HOUR_MS + 5 * MINUTE_MS).contains(&at);
    assert!(within(leaves(&small), 5), "{}", leaves(&small));
    assert!(within(leaves(&refused(&mut core, 301)), 6));
    assert!(within(leaves(&refused(&mut core, 1_000)), 7));
    assert_eq!(refused(&mut core, 1_001).reason, Reason::TooLarge);
    let again = small.resets_at.expect("it leaves");
    assert!(spend(&mut core, 300, again - 1).is_err());
    spend(&mut core, 300, again).expect("the first has left");
    assert!(spend(&mut core, 1, again).is_err());
}

#[test]
fn a_hold_counts_and_settles_where_it_was_admitted() {
    let mut core = rolling(60);
    let call = admit(&mut core, "alice", 900);
    assert_eq!(
        standing(&mut core, NOW + HOUR_MS - 1),
        [line("rolling", "", 0, 900)]
    );
    let late = NOW + HOUR_MS + MINUTE_MS;
    assert_eq!(standing(&mut core, late), [line("rolling", "", 0, 0)]);
    core.end(call, Some(&milli_usd(700)));
    assert_eq!(standing(&mut core, late), [line("rolling", "", 0, 0)]);
    // As the ledger has it: in the hour after its admission.
    assert_eq!(standing(&mut core, NOW + 1), [line("rolling", "", 700, 0)]);
}
