//! Which budgets may cover a call, without asking each of them.
//!
//! A house with a thousand budgets mostly has one per team, user or key. Each budget is filed under
//! one entry of its `match` that names exact values, so a call meets the budgets of its own values
//! and those that cannot be filed; whether they do cover it is `matching`'s to say.

use std::collections::{BTreeMap, HashMap};

use crate::budget::facts::{Facts, Pending};
use crate::budget::limits::{AnyOf, Dimension, Limit};

/// The dimensions in which a budget is filed, those with the most values first.
const FILED: [Dimension; 7] = [
    Dimension::Key,
    Dimension::User,
    Dimension::Task,
    Dimension::Project,
    Dimension::Team,
    Dimension::Model,
    Dimension::Provider,
];

type ByValue = HashMap<String, Vec<usize>>;

/// Budgets by the values that they ask for.
#[derive(Debug, Default)]
pub(crate) struct Index {
    dimensions: [ByValue; FILED.len()],
    tags: BTreeMap<String, ByValue>,
    /// Budgets that name no exact value.
    others: Vec<usize>,
}

impl Index {
    /// Files the limits by their places in the iterator.
    pub(crate) fn new<'a>(limits: impl Iterator<Item = &'a Limit>) -> Self {
        let mut index = Index::default();
        for (at, limit) in limits.enumerate() {
            index.file(at, limit);
        }
        index
    }

    fn file(&mut self, at: usize, limit: &Limit) {
        let exact = |values: &&AnyOf| !values.iter().any(|value| value.ends_with('*'));
        for (drawer, dimension) in self.dimensions.iter_mut().zip(FILED) {
            if let Some(values) = limit.matches.dimensions.get(&dimension).filter(exact) {
                return file_under(drawer, values, at);
            }
        }
        match limit.matches.tags.iter().find(|(_, values)| exact(values)) {
            Some((tag, values)) => {
                file_under(self.tags.entry(tag.clone()).or_default(), values, at)
            }
            None => self.others.push(at),
        }
    }

    /// Adds the budgets that may cover the call to `found`; with nothing pending, each once.
    pub(crate) fn collect(&self, facts: &Facts, pending: Pending, found: &mut Vec<usize>) {
        found.extend(&self.others);
        for (drawer, dimension) in self.dimensions.iter().zip(FILED) {
            if drawer.is_empty() {
                continue;
            }
            if pending.has(dimension) {
                found.extend(drawer.values().flatten());
            } else if let Some(filed) = facts.value(dimension).and_then(|value| drawer.get(value)) {
                found.extend(filed);
            }
        }
        for (tag, drawer) in &self.tags {
            if let Some(filed) = facts
                .labels
                .tags
                .get(tag)
                .and_then(|value| drawer.get(value))
            {
                found.extend(filed);
            }
        }
    }
}

fn file_under(drawer: &mut ByValue, values: &AnyOf, at: usize) {
    for value in values {
        let filed = drawer.entry(value.clone()).or_default();
        if filed.last() != Some(&at) {
            filed.push(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::tests::{facts, limit};

    fn team(name: &str, teams: &[&str]) -> Limit {
        let mut limit = limit(name);
        let teams = teams.iter().map(|t| (*t).to_owned()).collect();
        limit.matches.dimensions.insert(Dimension::Team, teams);
        limit
    }

    fn found(index: &Index, facts: &Facts, pending: Pending) -> Vec<usize> {
        let mut found = Vec::new();
        index.collect(facts, pending, &mut found);
        found.sort_unstable();
        found
    }

    #[test]
    fn leaves_the_budgets_of_others_alone() {
        let mut limits: Vec<Limit> = (0..1_000)
            .map(|n| team("t", &[&format!("team-{n}")]))
            .collect();
        limits.push(limit("everyone"));
        limits.push(team("prefix", &["team-*"]));
        limits.push(team("twice", &["team-7", "team-7", "team-8"]));
        let index = Index::new(limits.iter());
        let mut call = facts("openai", "gpt-5", "alice");
        call.labels.team = Some("team-7".into());
        assert_eq!(
            found(&index, &call, Pending::NOTHING),
            [7, 1_000, 1_001, 1_002]
        );
        call.labels.team = None;
        assert_eq!(found(&index, &call, Pending::NOTHING), [1_000, 1_001]);
    }

    #[test]
    fn offers_all_users_budgets_while_the_user_is_pending() {
        let mut one = limit("one");
        one.matches
            .dimensions
            .insert(Dimension::User, vec!["bob".into()]);
        let mut tagged = limit("tagged");
        tagged
            .matches
            .tags
            .insert("env".into(), vec!["prod".into()]);
        let index = Index::new([one, tagged].iter());
        let mut call = facts("openai", "gpt-5", "alice");
        let pending = Pending {
            model: true,
            user: true,
        };
        assert_eq!(found(&index, &call, Pending::NOTHING), [0_usize; 0]);
        // Even over a user that the head says: the body may say another.
        assert_eq!(found(&index, &call, pending), [0]);
        call.labels.tags.insert("env".into(), "prod".into());
        assert_eq!(found(&index, &call, pending), [0, 1]);
    }
}
