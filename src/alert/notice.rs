//! From what was crossed to an alert: what it says, and what there is one of.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Kind;
use crate::budget::limits::{Per, Unit};
use crate::budget::window::Window;
use crate::budget::{Crossing, EXCEEDED};
use crate::ledger::alerts::NewAlert;
use crate::ledger::new_id;
use crate::units::PicoUsd;

/// What a crossing is an alert of.
pub(super) fn kind(crossing: &Crossing) -> Kind {
    match crossing.percent {
        EXCEEDED => Kind::Exceeded,
        _ => Kind::Threshold,
    }
}

/// The alert of a crossing. There is one for each budget, instance, window and threshold, whatever
/// becomes of the limit meanwhile.
pub(super) fn of(crossing: &Crossing, now: i64) -> NewAlert {
    let each_value = crossing.each.as_ref().map(|(_, value)| value);
    let key = json!([
        "budget",
        crossing.budget,
        each_value,
        crossing.window.start_ms,
        crossing.percent
    ]);
    NewAlert {
        id: new_id(now).to_string(),
        at: now,
        kind: kind(crossing).name(),
        once_key: key.to_string(),
        budget: Some(crossing.budget.clone()),
        each_value: each_value.cloned(),
        detail: json!({
            "text": text(crossing),
            "each": crossing.each.as_ref().map(|(each, _)| each.as_str()),
            "per": crossing.per.to_string(),
            "unit": crossing.unit.as_str(),
            "percent": crossing.percent,
            "spent": amount(crossing.unit, crossing.spent),
            "limit": amount(crossing.unit, crossing.limit),
            "window": span(&crossing.window),
        }),
        open_until: crossing.window.end_ms,
    }
}

/// Money as decimal USD, anything else as a number.
pub(super) fn amount(unit: Unit, amount: i128) -> Value {
    match unit {
        Unit::Cost => Value::from(PicoUsd::new(amount).to_string()),
        _ => Value::from(i64::try_from(amount).unwrap_or(i64::MAX)),
    }
}

/// A window's ends; `null` for one that has none.
pub(super) fn span(window: &Window) -> Value {
    let total = window.end_ms.is_none();
    json!({
        "start": (!total).then(|| time(window.start_ms)),
        "end": window.end_ms.map(time),
    })
}

/// Unix milliseconds as RFC 3339; empty beyond the calendar.
pub(super) fn time(unix_ms: i64) -> String {
    Timestamp::from_millisecond(unix_ms).map_or_else(|_| String::new(), |at| at.to_string())
}

fn text(crossing: &Crossing) -> String {
    let name = &crossing.budget;
    let whose = match &crossing.each {
        Some((each, value)) if value.is_empty() => format!(" (no {})", each.as_str()),
        Some((each, value)) => format!(" ({} {value})", each.as_str()),
        None => String::new(),
    };
    let (spent, limit) = (crossing.spent(), crossing.limit());
    let per = match crossing.per {
        Per::Total => String::new(),
        per => format!(" {}", per.phrase()),
    };
    let resets = match crossing.window.end_ms {
        Some(end) if crossing.per.is_calendar() => format!("; it resets at {}", time(end)),
        _ => String::new(),
    };
    match crossing.percent {
        EXCEEDED if crossing.spent < crossing.limit => {
            format!(
                "budget {name}{whose} has no room for another call: {spent} spent of {limit}{per}{resets}"
            )
        }
        EXCEEDED => format!("budget {name}{whose} is spent: {spent} of {limit}{per}{resets}"),
        percent => {
            format!("budget {name}{whose} has reached {percent} %: {spent} of {limit}{per}{resets}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::limits::Dimension;
    use crate::units::Currency;

    fn crossing(per: Per, start_ms: i64, end_ms: Option<i64>) -> Crossing {
        Crossing {
            budget: "b".to_owned(),
            each: Some((Dimension::User, "ann".to_owned())),
            unit: Unit::Requests,
            currency: Currency::USD,
            per,
            percent: 80,
            spent: 8,
            limit: 10,
            window: Window { start_ms, end_ms },
        }
    }

    #[test]
    fn says_whose_budget_reached_what() {
        let day = of(&crossing(Per::Day, 0, Some(86_400_000)), 5_000);
        assert_eq!(
            day.detail["text"],
            "budget b (user ann) has reached 80 %: 8 requests of 10 requests per day; it resets at 1970-01-02T00:00:00Z"
        );
        assert_eq!(day.open_until, Some(86_400_000));
        assert_eq!(
            (&day.detail["spent"], &day.detail["each"]),
            (&8.into(), &"user".into())
        );
        let total = of(&crossing(Per::Total, 0, None), 5_000);
        assert_eq!(
            (total.open_until, &total.detail["window"]["end"]),
            (None, &Value::Null)
        );
    }
}
