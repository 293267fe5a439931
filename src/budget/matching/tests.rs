use super::*;
use crate::budget::limits::Dimension;
use std::collections::BTreeMap;

fn limit(
    matches: &[(Dimension, &[&str])],
    tags: &[(&str, &[&str])],
    each: Option<Dimension>,
) -> Limit {
    let any = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect::<AnyOf>();
    let mut limit = crate::budget::tests::limit("b");
    limit.matches = Match {
        dimensions: matches
            .iter()
            .map(|(d, values)| (*d, any(values)))
            .collect(),
        tags: tags
            .iter()
            .map(|(t, values)| ((*t).to_owned(), any(values)))
            .collect(),
    };
    limit.each = each;
    limit
}

fn facts(model: Option<&str>, team: Option<&str>, tag: Option<&str>) -> Facts {
    let mut facts = Facts {
        provider: "openai".into(),
        metered: true,
        ..Facts::default()
    };
    facts.model = model.map(str::to_owned);
    facts.labels.team = team.map(str::to_owned);
    facts.labels.tags = tag
        .map(|v| BTreeMap::from([("env".to_owned(), v.to_owned())]))
        .unwrap_or_default();
    facts
}

#[test]
fn covers_the_calls_that_fit_every_entry() {
    use Dimension::{Model, Team};
    let all = Pending {
        model: true,
        user: true,
    };
    let none = Pending::NOTHING;
    let gpt = [(Model, &["gpt-4o", "gpt-5*"][..])];
    let both = [(Model, &["gpt-5*"][..]), (Team, &["search"][..])];
    let prod = [("env", &["prod"][..])];
    for (limit, facts, pending, expected) in [
        (
            limit(&gpt, &[], None),
            facts(Some("gpt-4o-mini"), None, None),
            all,
            Fit::Maybe,
        ),
        (
            limit(&[], &[], None),
            facts(None, None, None),
            all,
            Fit::Yes,
        ),
        (
            limit(&gpt, &[], None),
            facts(Some("gpt-5-mini"), None, None),
            none,
            Fit::Yes,
        ),
        (
            limit(&gpt, &[], None),
            facts(Some("gpt-4o-mini"), None, None),
            none,
            Fit::No,
        ),
        (
            limit(&gpt, &[], None),
            facts(None, None, None),
            all,
            Fit::Maybe,
        ),
        (
            limit(&gpt, &[], None),
            facts(None, None, None),
            none,
            Fit::No,
        ),
        (
            limit(&both, &[], None),
            facts(None, Some("ads"), None),
            all,
            Fit::No,
        ),
        (
            limit(&both, &[], None),
            facts(None, Some("search"), None),
            all,
            Fit::Maybe,
        ),
        (
            limit(&both, &[], None),
            facts(Some("gpt-5"), Some("search"), None),
            none,
            Fit::Yes,
        ),
        (
            limit(&[], &prod, None),
            facts(None, None, Some("prod")),
            all,
            Fit::Yes,
        ),
        (
            limit(&[], &prod, None),
            facts(None, None, Some("test")),
            all,
            Fit::No,
        ),
        (
            limit(&[], &prod, None),
            facts(None, None, None),
            all,
            Fit::No,
        ),
        (
            limit(&[], &[], Some(Model)),
            facts(None, None, None),
            all,
            Fit::Maybe,
        ),
        (
            limit(&[], &[], Some(Model)),
            facts(None, None, None),
            none,
            Fit::Yes,
        ),
        (
            limit(&[], &[], Some(Team)),
            facts(None, None, None),
            all,
            Fit::Yes,
        ),
    ] {
        assert_eq!(
            fit(&limit, &facts, pending),
            expected,
            "{:?} {facts:?}",
            limit.matches
        );
    }
}
