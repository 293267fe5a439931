//! Sums what the answers of a batch state, in memory that does not grow with their number.
//!
//! Answers are summed by model, and within a model by the size of their input, because a context tier is
//! chosen for each answer and not for the batch.

use super::report::Report;

/// Input below which answers are of one size: no published context tier begins lower.
const SMALL_MAX: u64 = 32_000;

/// Above that, answers are of one size within as many tokens: published tiers begin at thousands.
const SIZE_STEP: u64 = 1_000;

/// Most sizes told apart for one model; answers of further ones are added to the nearest.
const SIZES_MAX: usize = 64;

/// Most models told apart; what further ones used is kept under [`OTHERS`].
const MODELS_MAX: usize = 8;

/// A name that no model has, so that what it used has no price.
const OTHERS: &str = "(more models)";

/// What many answers used.
#[derive(Debug, Default)]
pub struct Tally {
    models: Vec<(Option<String>, Report)>,
}

impl Tally {
    /// Adds one answer with whatever else it states. A cost that it states itself is not kept.
    pub fn add(&mut self, model: Option<String>, mut report: Report) {
        let (of_others, own): (Vec<_>, Vec<_>) = std::mem::take(&mut report.extra)
            .into_iter()
            .partition(|(other, _)| other.is_some());
        let own: Vec<Report> = own.into_iter().map(|(_, extra)| extra).collect();
        let mut rounds = std::mem::take(&mut report.rounds);
        if rounds.is_empty() {
            let all = std::iter::once(&report).chain(&own);
            rounds = all.map(|part| (part.context(), part.clone())).collect();
        }
        let sum = self.sum_of(model);
        for part in std::iter::once(&report).chain(&own) {
            sum.add(part);
        }
        for (size, part) in rounds {
            place(&mut sum.rounds, size, &part);
        }
        for (other, extra) in of_others {
            self.add(other, extra);
        }
    }

    /// The sums: of the first model, with those of the others beside it. A copy of all of them, so not for
    /// every answer.
    pub fn told(&self) -> Option<(Option<String>, Report)> {
        let ((model, own), others) = self.models.split_first()?;
        let mut report = own.clone();
        let named = |model: &Option<String>| Some(model.clone().unwrap_or_default());
        let others = others
            .iter()
            .map(|(model, sum)| (named(model), sum.clone()));
        report.extra.extend(others);
        Some((model.clone(), report))
    }

    fn sum_of(&mut self, model: Option<String>) -> &mut Report {
        let full = self.models.len() >= MODELS_MAX;
        let known = |models: &[(Option<String>, Report)], wanted: &Option<String>| {
            models.iter().position(|(model, _)| model == wanted)
        };
        let others = Some(OTHERS.to_owned());
        let at = match known(&self.models, &model) {
            Some(at) => at,
            None => {
                let model = if full { others } else { model };
                known(&self.models, &model).unwrap_or_else(|| {
                    self.models.push((model, Report::default()));
                    self.models.len() - 1
                })
            }
        };
        &mut self.models[at].1
    }
}

/// Adds an answer to those of its size.
fn place(rounds: &mut Vec<(u64, Report)>, size: u64, part: &Report) {
    let Some(at) = nearest(rounds, size) else {
        let mut first = Report::default();
        first.add(part);
        return rounds.push((size, first));
    };
    let (context, sum) = &mut rounds[at];
    if same_size(*context, size) {
        *context = size.max(*context);
    }
    sum.add(part);
}

/// The round that an answer of this size belongs to; `None` where it begins one.
fn nearest(rounds: &[(u64, Report)], size: u64) -> Option<usize> {
    let same = rounds
        .iter()
        .position(|(context, _)| same_size(*context, size));
    let nearest = || {
        let by_distance = |(_, (context, _)): &(usize, &(u64, Report))| context.abs_diff(size);
        let nearest = rounds.iter().enumerate().min_by_key(by_distance);
        nearest.map(|(at, _)| at)
    };
    same.or_else(|| nearest().filter(|_| rounds.len() >= SIZES_MAX))
}

fn same_size(one: u64, other: u64) -> bool {
    let step = |size: u64| {
        if size <= SMALL_MAX {
            0
        } else {
            size.div_ceil(SIZE_STEP)
        }
    };
    step(one) == step(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(input: u64) -> Report {
        Report {
            input: Some(input),
            output: Some(1),
            ..Report::default()
        }
    }

    #[test]
    fn small_answers_are_one_size_and_large_ones_are_told_apart() {
        let mut tally = Tally::default();
        for input in [10, 31_999, 200_000, 200_001, 199_500] {
            tally.add(Some("m".to_owned()), used(input));
        }
        let (model, report) = tally.told().expect("answers");
        assert_eq!(model.as_deref(), Some("m"));
        assert_eq!(report.input, Some(631_510));
        let sizes = report
            .rounds
            .iter()
            .map(|(context, round)| (*context, round.output));
        let expected = [(31_999, Some(2)), (200_000, Some(2)), (200_001, Some(1))];
        assert_eq!(sizes.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn memory_does_not_grow_with_the_number_of_answers() {
        let mut tally = Tally::default();
        for at in 0..2_000 {
            tally.add(Some((at % 100).to_string()), used(at * 1_000));
        }
        let (_, report) = tally.told().expect("answers");
        assert_eq!(report.extra.len(), MODELS_MAX);
        let sums = report.extra.iter().map(|(_, sum)| sum).chain([&report]);
        assert!(sums.clone().all(|sum| sum.rounds.len() <= SIZES_MAX));
        assert_eq!(sums.filter_map(|sum| sum.output).sum::<u64>(), 2_000);
        let last = report.extra.last().and_then(|(model, _)| model.clone());
        assert_eq!(last.as_deref(), Some(OTHERS));
    }

    #[test]
    fn what_an_answer_used_besides_is_summed_by_its_model() {
        let mut tally = Tally::default();
        let mut answer = used(5);
        answer.extra = vec![(None, used(7)), (Some("adviser".to_owned()), used(9))];
        tally.add(Some("m".to_owned()), answer);
        let (_, report) = tally.told().expect("an answer");
        assert_eq!(report.input, Some(12));
        let [(model, advice)] = &report.extra[..] else {
            panic!("{report:?}")
        };
        assert_eq!((model.as_deref(), advice.input), (Some("adviser"), Some(9)));
    }
}
