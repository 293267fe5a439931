//! Figures to text: medians, and medians of what each round says for itself.

use std::fmt::Write as _;

use crate::rounds::{Measured, Plan, Round, Row, Target};

/// The table and what it is made of, in Markdown.
pub fn report(plan: &Plan, measured: &Measured) -> String {
    let direct = rounds_of(measured, Target::Direct);
    let bare = rounds_of(measured, Target::Bare);
    let mut text = String::from(
        "| | calls/s | of bare | p50 µs | added p50 µs | added p99 µs | streams/s | of bare | CPU µs a call | \
         CPU µs a stream | idle MiB | loaded MiB |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for row in &measured.rows {
        text.push_str(&line(row, direct, bare));
    }
    let _ = writeln!(
        text,
        "\n{} rounds of {:.1} s, {:.1} s and {:.1} s for each, in turns. Calls: a POST with a JSON answer of 1 KiB, {} at \
         a time; latency: one at a time; streams: 200 events as fast as they come, usage in the end, {} at a time; \
         loaded: {} slow streams in a fresh process. `of bare` and `added` are medians of what each round gave, with \
         the least and the most; CPU is of the proxy's process with all its threads. {} calls of weir were looked up \
         in its ledger: all are there, with usage and cost.",
        plan.rounds,
        plan.calls.as_secs_f64(),
        plan.latency.as_secs_f64(),
        plan.streams.as_secs_f64(),
        plan.concurrency,
        plan.concurrency,
        plan.slow_streams,
        measured.on_record,
    );
    text
}

fn rounds_of(measured: &Measured, target: Target) -> &[Round] {
    let row = measured.rows.iter().find(|row| row.target == target);
    row.map_or(&[], |row| &row.rounds)
}

fn line(row: &Row, direct: &[Round], bare: &[Round]) -> String {
    let is_direct = row.target == Target::Direct;
    let against = |others: &[Round], figure: &dyn Fn(&Round, &Round) -> f64| {
        row.rounds
            .iter()
            .zip(others)
            .map(|(own, other)| figure(own, other))
            .collect::<Vec<f64>>()
    };
    let of_bare = |figure: fn(&Round) -> f64| {
        let ratios = against(bare, &|own, other| figure(own) / figure(other));
        spread(ratios, 2)
    };
    let added = |figure: fn(&Round) -> f64| {
        if is_direct {
            return "-".to_owned();
        }
        spread(
            against(direct, &|own, other| figure(own) - figure(other)),
            0,
        )
    };
    let own = |figure: fn(&Round) -> f64| median(row.rounds.iter().map(figure).collect());
    let cells = [
        row.target.name().to_owned(),
        format!("{:.0}", own(|round| round.calls)),
        of_bare(|round| round.calls),
        format!("{:.0}", own(|round| round.p50)),
        added(|round| round.p50),
        added(|round| round.p99),
        format!("{:.0}", own(|round| round.streams)),
        of_bare(|round| round.streams),
        optional(row.busy_call),
        optional(row.busy_stream),
        optional(row.idle.map(mebibytes)),
        optional(row.loaded.map(mebibytes)),
    ];
    format!("| {} |\n", cells.join(" | "))
}

fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1024.0
}

fn optional(figure: Option<f64>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.0}"))
}

/// The median with the least and the most.
fn spread(mut values: Vec<f64>, digits: usize) -> String {
    values.sort_by(f64::total_cmp);
    let (Some(least), Some(most)) = (values.first().copied(), values.last().copied()) else {
        return "-".to_owned();
    };
    let middle = median(values);
    format!("{middle:.digits$} ({least:.digits$}–{most:.digits$})")
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
