use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const TERMS: Terms = Terms {
    failures: 3,
    within: Duration::from_secs(30),
    open_for: Duration::from_secs(10),
};

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn fail(breaker: &mut Breaker, now: Duration) {
    let pass = breaker.ask(now).expect("a call passes");
    breaker.failed(pass, now, &TERMS);
}

fn opened(now: Duration) -> Breaker {
    let mut breaker = Breaker::default();
    for _ in 0..TERMS.failures {
        fail(&mut breaker, now);
    }
    assert_eq!(breaker.stand(), Stand::Open);
    breaker
}

#[test]
fn opens_after_failures_in_a_row_and_says_how_long() {
    let mut breaker = opened(at(5));
    assert_eq!(breaker.ask(at(5)), Err(at(10)));
    assert_eq!(breaker.ask(at(14)), Err(at(1)));
    assert!(breaker.ask(at(15)).is_ok());
    assert_eq!(breaker.stand(), Stand::HalfOpen);
}

#[test]
fn a_success_between_failures_keeps_it_closed() {
    let mut breaker = Breaker::default();
    for second in 0..50 {
        fail(&mut breaker, at(second));
        fail(&mut breaker, at(second));
        let pass = breaker.ask(at(second)).expect("a call passes");
        breaker.succeeded(pass);
        assert!(breaker.is_pristine());
    }
}

#[test]
fn failures_long_ago_do_not_count() {
    let mut breaker = Breaker::default();
    fail(&mut breaker, at(0));
    fail(&mut breaker, at(1));
    fail(&mut breaker, at(31));
    assert_eq!(breaker.stand(), Stand::Closed, "the first is 31 s old");
    fail(&mut breaker, at(31));
    assert_eq!(breaker.stand(), Stand::Open);
}

#[test]
fn one_call_probes_and_decides() {
    for (works, stand) in [(true, Stand::Closed), (false, Stand::Open)] {
        let mut breaker = opened(at(0));
        let probe = breaker.ask(at(10)).expect("one probes");
        assert_eq!(breaker.ask(at(10)), Err(PROBE_WAIT));
        assert_eq!(
            breaker.ask(at(1_000)),
            Err(PROBE_WAIT),
            "however long it takes"
        );
        if works {
            breaker.succeeded(probe);
        } else {
            breaker.failed(probe, at(12), &TERMS);
            assert_eq!(breaker.ask(at(13)), Err(at(9)));
        }
        assert_eq!(breaker.stand(), stand);
    }
}

#[test]
fn a_probe_that_is_given_up_makes_room_for_another() {
    let mut breaker = opened(at(0));
    let first = breaker.ask(at(10)).expect("one probes");
    breaker.gave_up(first);
    let second = breaker.ask(at(10)).expect("another probes");
    breaker.failed(first, at(10), &TERMS);
    assert_eq!(
        breaker.stand(),
        Stand::HalfOpen,
        "the first has no say any more"
    );
    breaker.succeeded(second);
    assert_eq!(breaker.stand(), Stand::Closed);
}

#[test]
fn what_began_before_it_opened_decides_nothing() {
    let mut breaker = Breaker::default();
    let early = breaker.ask(at(0)).expect("a call passes");
    for _ in 0..TERMS.failures {
        fail(&mut breaker, at(1));
    }
    breaker.succeeded(early);
    assert_eq!(breaker.stand(), Stand::Open);
    let probe = breaker.ask(at(11)).expect("one probes");
    breaker.failed(early, at(11), &TERMS);
    assert_eq!(breaker.stand(), Stand::HalfOpen);
    breaker.succeeded(probe);
    breaker.failed(early, at(12), &TERMS);
    assert!(breaker.is_pristine());
}

/// A step of the simulation, and by how many milliseconds time moves before it.
#[derive(Clone, Debug)]
struct Turn {
    after_ms: u64,
    act: Act,
}

#[derive(Clone, Debug)]
enum Act {
    Ask,
    /// The oldest or the newest call in flight ends.
    End {
        newest: bool,
        how: How,
    },
}

#[derive(Clone, Copy, Debug)]
enum How {
    Well,
    Badly,
    Unknown,
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let how = prop_oneof![Just(How::Well), Just(How::Badly), Just(How::Unknown)];
    let act = prop_oneof![
        Just(Act::Ask),
        (any::<bool>(), how).prop_map(|(newest, how)| Act::End { newest, how }),
    ];
    // Mostly small steps, and some past every limit.
    let after = prop_oneof![6 => 0..2_000_u64, 1 => 9_000..40_000_u64];
    let turn = (after, act).prop_map(|(after_ms, act)| Turn { after_ms, act });
    proptest::collection::vec(turn, 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Seeded storms of calls that overlap in any way.
    #[test]
    fn never_more_than_one_probe_and_none_while_open(turns in turns()) {
        let mut breaker = Breaker::default();
        let mut now = Duration::ZERO;
        let mut flying: VecDeque<(Pass, Stand)> = VecDeque::new();
        let mut open_until: Option<Duration> = None;
        for Turn { after_ms, act } in turns {
            now += Duration::from_millis(after_ms);
            match act {
                Act::Ask => match breaker.ask(now) {
                    Ok(pass) => {
                        prop_assert!(open_until.is_none_or(|until| now >= until));
                        flying.push_back((pass, breaker.stand()));
                    }
                    Err(wait) => {
                        prop_assert!(wait > Duration::ZERO && wait <= TERMS.open_for);
                        prop_assert_ne!(breaker.stand(), Stand::Closed);
                    }
                },
                Act::End { newest, how } => {
                    let ended = if newest { flying.pop_back() } else { flying.pop_front() };
                    let Some((pass, _)) = ended else { continue };
                    let before = breaker.stand();
                    match how {
                        How::Well => breaker.succeeded(pass),
                        How::Badly => breaker.failed(pass, now, &TERMS),
                        How::Unknown => breaker.gave_up(pass),
                    }
                    if before != Stand::Open && breaker.stand() == Stand::Open {
                        open_until = Some(now + TERMS.open_for);
                    }
                    if before == Stand::Open {
                        prop_assert_eq!(breaker.stand(), Stand::Open, "only time opens it again");
                    }
                }
            }
            let probes = flying
                .iter()
                .filter(|(pass, stand)| *stand == Stand::HalfOpen && pass.round == breaker.round);
            prop_assert!(probes.count() <= 1);
            if breaker.stand() == Stand::Closed {
                open_until = None;
            }
        }
    }
}
