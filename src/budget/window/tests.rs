use super::*;
use proptest::prelude::*;

/// Zones of every kind of clock: whole, half and quarter hours, changes at midnight, across
/// midnight, by half an hour, by two hours, by a whole day, by decree and never.
const ZONES: [&str; 32] = [
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "Europe/Dublin",
    "America/New_York",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Havana",
    "America/Asuncion",
    "America/Toronto",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Asia/Beirut",
    "Asia/Pyongyang",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Antarctica/Troll",
    "America/Santiago",
    "America/Scoresbysund",
    "America/Caracas",
    "Asia/Gaza",
    "Asia/Amman",
    "Asia/Damascus",
    "Africa/El_Aaiun",
    "Europe/Chisinau",
    "Pacific/Easter",
    "Pacific/Kiritimati",
];

const KINDS: [Per; 7] = [
    Per::Minute,
    Per::Hour,
    Per::Day,
    Per::Week,
    Per::Month,
    Per::Year,
    Per::Total,
];

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("the zone is known")
}

fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>()
        .expect("an instant")
        .as_millisecond()
}

/// Kind, zone, an instant, the start of its window and the end.
const CASES: &str = "
minute UTC 2026-11-20T10:11:12.345Z 2026-11-20T10:11:00Z 2026-11-20T10:12:00Z
hour UTC 2026-11-20T10:59:59.999Z 2026-11-20T10:00:00Z 2026-11-20T11:00:00Z
hour Asia/Kolkata 2026-11-20T10:11:00Z 2026-11-20T09:30:00Z 2026-11-20T10:30:00Z
day UTC 2026-11-20T00:00:00Z 2026-11-20T00:00:00Z 2026-11-21T00:00:00Z
day UTC 2026-11-20T23:59:59.999Z 2026-11-20T00:00:00Z 2026-11-21T00:00:00Z

# Monday to Monday, across the year.
week UTC 2026-11-22T12:00:00Z 2026-11-16T00:00:00Z 2026-11-23T00:00:00Z
week UTC 2026-11-23T00:00:00Z 2026-11-23T00:00:00Z 2026-11-30T00:00:00Z
week UTC 2027-01-01T12:00:00Z 2026-12-28T00:00:00Z 2027-01-04T00:00:00Z

# Leap days and months of every length.
day UTC 2028-02-29T12:00:00Z 2028-02-29T00:00:00Z 2028-03-01T00:00:00Z
month UTC 2028-02-29T12:00:00Z 2028-02-01T00:00:00Z 2028-03-01T00:00:00Z
month UTC 2027-02-28T23:59:59Z 2027-02-01T00:00:00Z 2027-03-01T00:00:00Z
month UTC 2026-12-31T23:59:59Z 2026-12-01T00:00:00Z 2027-01-01T00:00:00Z
month Asia/Kolkata 2026-11-30T20:00:00Z 2026-11-30T18:30:00Z 2026-12-31T18:30:00Z
year UTC 2028-12-31T12:00:00Z 2028-01-01T00:00:00Z 2029-01-01T00:00:00Z

# Clocks set: days of 23 and 25 hours, and a month with one.
day Europe/Berlin 2026-03-29T12:00:00Z 2026-03-28T23:00:00Z 2026-03-29T22:00:00Z
day Europe/Berlin 2026-10-25T12:00:00Z 2026-10-24T22:00:00Z 2026-10-25T23:00:00Z
month Europe/Berlin 2026-03-15T12:00:00Z 2026-02-28T23:00:00Z 2026-03-31T22:00:00Z

# The hour that is shown twice is two; the hour that is skipped is none.
hour Europe/Berlin 2026-10-25T00:30:00Z 2026-10-25T00:00:00Z 2026-10-25T01:00:00Z
hour Europe/Berlin 2026-10-25T01:30:00Z 2026-10-25T01:00:00Z 2026-10-25T02:00:00Z
hour Europe/Berlin 2026-03-29T01:30:00Z 2026-03-29T01:00:00Z 2026-03-29T02:00:00Z

# Half an hour forwards and back: full hours are an hour and a half apart.
hour Australia/Lord_Howe 2026-10-03T15:45:00Z 2026-10-03T14:30:00Z 2026-10-03T16:00:00Z
hour Australia/Lord_Howe 2026-04-04T14:45:00Z 2026-04-04T14:00:00Z 2026-04-04T15:30:00Z

# A midnight that does not exist: the day begins at one.
day America/Sao_Paulo 2018-11-04T12:00:00Z 2018-11-04T03:00:00Z 2018-11-05T02:00:00Z

# Clocks set back across midnight: the new date has begun for good when it is first shown.
day America/St_Johns 2006-10-29T02:29:59Z 2006-10-28T02:30:00Z 2006-10-29T02:30:00Z
day America/St_Johns 2006-10-29T03:00:00Z 2006-10-29T02:30:00Z 2006-10-30T03:30:00Z

# A date that was left out.
day Pacific/Apia 2011-12-30T09:00:00Z 2011-12-29T10:00:00Z 2011-12-30T10:00:00Z
day Pacific/Apia 2011-12-30T11:00:00Z 2011-12-30T10:00:00Z 2011-12-31T10:00:00Z
";

#[test]
fn turns_over_where_the_calendar_does() {
    let mut cases = 0;
    for case in CASES
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let words: Vec<&str> = case.split_whitespace().collect();
        let [kind, zone_name, at, start, end] = words[..] else {
            panic!("five words: {case}")
        };
        let per = KINDS
            .into_iter()
            .find(|per| per.as_str() == kind)
            .expect(kind);
        let expected = Window {
            start_ms: ms(start),
            end_ms: Some(ms(end)),
        };
        assert_eq!(window(per, &zone(zone_name), ms(at)), expected, "{case}");
        cases += 1;
    }
    assert!(cases > 20, "{cases} cases");
}

#[test]
fn total_never_ends() {
    let window = window(
        Per::Total,
        &zone("Europe/Berlin"),
        ms("2026-11-20T00:00:00Z"),
    );
    assert_eq!(
        window,
        Window {
            start_ms: 0,
            end_ms: None
        }
    );
    assert!(window.contains(i64::MAX) && !window.is_over(i64::MAX));
}

#[test]
fn answers_at_the_ends_of_time() {
    for name in ZONES {
        for per in KINDS {
            let tz = zone(name);
            assert_eq!(
                window(per, &tz, i64::MIN),
                window(per, &tz, 0),
                "{name} {per:?}"
            );
            assert_eq!(
                window(per, &tz, i64::MAX),
                window(per, &tz, LATEST_MS),
                "{name} {per:?}"
            );
        }
    }
}

/// Walks every change of clocks of every zone, an hour before to an hour after.
#[test]
fn windows_tile_time_around_every_change_of_clocks() {
    let (from, until) = (ms("1970-01-02T00:00:00Z"), ms("2040-01-01T00:00:00Z"));
    let mut changes = 0;
    for name in ZONES {
        let tz = zone(name);
        let following = tz
            .following(timestamp(from))
            .map(|change| change.timestamp());
        for change in following
            .map(Timestamp::as_millisecond)
            .take_while(|at| *at < until)
        {
            changes += 1;
            for per in [Per::Hour, Per::Day, Per::Week, Per::Month] {
                for at in [change - HOUR_MS, change - 1, change, change + HOUR_MS] {
                    assert_tiles(per, &tz, at).unwrap_or_else(|why| panic!("{name}: {why}"));
                }
            }
        }
    }
    assert!(changes > 1_000, "{changes} changes");
}

/// Walks civil time minute by minute around the changes of clocks: an hour begins whenever the clocks show a
/// full one, a day when they first show a later date than ever before.
#[test]
fn windows_begin_where_a_walk_through_civil_time_sees_them_begin() {
    let (from, until) = (ms("1993-01-01T00:00:00Z"), ms("2030-01-01T00:00:00Z"));
    let mut compared = 0;
    for name in ZONES {
        let tz = zone(name);
        let following = tz.following(timestamp(from)).skip(1).step_by(2);
        let changes = following.map(|change| change.timestamp().as_millisecond());
        for change in changes.take_while(|at| *at < until) {
            compared += walk(name, &tz, change);
        }
    }
    assert!(compared > 100_000, "{compared} windows");
}

/// From a day before a change to two hours after it; compares in the last four hours.
fn walk(name: &str, tz: &TimeZone, change: i64) -> usize {
    let shown = |at: i64| timestamp(at).to_zoned(tz.clone());
    let begin = change - 27 * HOUR_MS;
    let mut latest = shown(begin).date();
    // Starts of the hour, the day, the week and the month, once one was seen.
    let mut starts: [Option<i64>; 4] = [None; 4];
    let kinds = [Per::Hour, Per::Day, Per::Week, Per::Month];
    let mut compared = 0;
    for at in (begin + MINUTE_MS..change + 2 * HOUR_MS).step_by(60_000) {
        let now = shown(at);
        if now.minute() == 0 {
            starts[0] = Some(at);
        }
        let date = now.date();
        if date > latest {
            let weeks = [latest, date].map(|date| first_date(Per::Week, date));
            let months = [latest, date].map(Date::first_of_month);
            let is_later = [true, weeks[0] < weeks[1], months[0] < months[1]];
            for (start, is_later) in starts[1..].iter_mut().zip(is_later) {
                *start = if is_later { Some(at) } else { *start };
            }
            latest = date;
        }
        if at < change - 2 * HOUR_MS {
            continue;
        }
        for (per, start) in kinds.into_iter().zip(starts) {
            if let Some(start) = start {
                for at in [at, at + MINUTE_MS - 1] {
                    let seen = window(per, tz, at).start_ms;
                    assert_eq!(seen, start, "{per} {name} {}", timestamp(at));
                }
                compared += 1;
            }
        }
    }
    compared
}

/// The instant lies in its window, all instants of the window name it, and its neighbours touch it.
fn assert_tiles(per: Per, tz: &TimeZone, at: i64) -> Result<(), String> {
    let here = window(per, tz, at);
    let Some(end) = here.end_ms else {
        return Ok(());
    };
    let middle = here.start_ms + (end - here.start_ms) / 2;
    let same = [here.start_ms.max(0), middle.max(0), end - 1].map(|at| window(per, tz, at));
    let tiles = here.contains(at)
        && same == [here; 3]
        && window(per, tz, end).start_ms == end
        && (here.start_ms <= 0 || window(per, tz, here.start_ms - 1).end_ms == Some(here.start_ms));
    let span = end - here.start_ms;
    let sane = match per {
        Per::Minute => span == MINUTE_MS,
        Per::Hour => (HOUR_MS / 2..2 * HOUR_MS).contains(&span),
        Per::Day => (20 * HOUR_MS..=28 * HOUR_MS).contains(&span),
        Per::Week => (5 * 24 * HOUR_MS..8 * 24 * HOUR_MS).contains(&span),
        Per::Month => (27 * 24 * HOUR_MS..32 * 24 * HOUR_MS).contains(&span),
        Per::Year => (364 * 24 * HOUR_MS..367 * 24 * HOUR_MS).contains(&span),
        Per::Total | Per::Rolling { .. } => false,
    };
    if tiles && sane {
        Ok(())
    } else {
        Err(format!("{per:?} at {}: {here:?}", timestamp(at)))
    }
}

proptest! {
    #[test]
    fn every_instant_lies_in_exactly_one_window(
        name in prop::sample::select(&ZONES[..]),
        per in prop::sample::select(&KINDS[..]),
        at in 0_i64..4_102_444_800_000,
    ) {
        let tz = zone(name);
        prop_assert!(window(per, &tz, at).contains(at));
        // Before 1973 some zones kept seconds in their offsets, and minutes were cut.
        if at > 94_694_400_000 {
            assert_tiles(per, &tz, at).map_err(TestCaseError::fail)?;
        }
    }

    #[test]
    fn later_instants_never_lie_in_earlier_windows(
        name in prop::sample::select(&ZONES[..]),
        per in prop::sample::select(&KINDS[..]),
        at in 0_i64..4_102_444_800_000,
        step in 0_i64..200_000_000,
    ) {
        let tz = zone(name);
        prop_assert!(window(per, &tz, at).start_ms <= window(per, &tz, at + step).start_ms);
    }
}
