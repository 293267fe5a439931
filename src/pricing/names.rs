//! The dates in models' names.
//!
//! Providers write a snapshot's date as `-2025-12-11`, gateways before them as `-20251211`.

/// A name with `-20251211` written as `-2025-12-11`; `None` where it has no such part.
pub(super) fn dashed_date(name: &str) -> Option<String> {
    let starts = name.match_indices("-20").map(|(at, _)| at);
    starts.into_iter().find_map(|at| {
        let digits = name
            .get(at + 1..at + 9)
            .filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?;
        let rest = &name[at + 9..];
        let ends = rest.is_empty() || rest.starts_with(['-', ':']);
        let dashed = format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..]);
        let real = dashed.parse::<jiff::civil::Date>().is_ok();
        (ends && real).then(|| format!("{}-{dashed}{rest}", &name[..at]))
    })
}

/// A name without Vertex's `@20250929`, `@default` or `@latest`; `None` where it has none.
pub(super) fn version_off(name: &str) -> Option<&str> {
    let (name, version) = name.rsplit_once('@')?;
    let is_version = !version.is_empty() && version.bytes().all(|b| b.is_ascii_alphanumeric());
    (is_version && !name.is_empty()).then_some(name)
}

/// A name without a `-20251211` or `-2025-12-11` at its end.
pub(super) fn without_date(name: &str) -> Option<&str> {
    let is_date = |text: &str| text.starts_with("20") && text.parse::<jiff::civil::Date>().is_ok();
    [9, 11].into_iter().find_map(|length| {
        let (rest, date) = name.split_at_checked(name.len().checked_sub(length)?)?;
        date.strip_prefix(['-', '@'])
            .filter(|date| is_date(date))
            .map(|_| rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compact_date_is_dashed_where_it_is_one() {
        assert_eq!(
            dashed_date("gpt-5.2-20251211").as_deref(),
            Some("gpt-5.2-2025-12-11")
        );
        assert_eq!(
            dashed_date("gpt-20251211-x:free").as_deref(),
            Some("gpt-2025-12-11-x:free")
        );
        for name in [
            "gpt-5.2",
            "gpt-20251311",
            "gpt-202512111",
            "gpt-2025-12-11",
            "a-20",
            "a-20ü51211",
        ] {
            assert_eq!(dashed_date(name), None, "{name}");
        }
    }

    #[test]
    fn a_date_at_the_end_is_taken_off() {
        assert_eq!(
            without_date("claude-sonnet-4-5-20250929"),
            Some("claude-sonnet-4-5")
        );
        assert_eq!(without_date("gpt-5-2025-08-07"), Some("gpt-5"));
        assert_eq!(
            without_date("claude-sonnet-4-5@20250929"),
            Some("claude-sonnet-4-5")
        );
        for name in ["gpt-5", "gpt-5-00000000", "gpt-5-2025-13-07", "ü-x", ""] {
            assert_eq!(without_date(name), None, "{name}");
        }
    }
}
