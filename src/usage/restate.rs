//! A provider's report becomes usage in weir's one convention.
//!
//! Afterwards `input` holds cache reads, cache writes and tool prompts, and `output` holds reasoning,
//! whatever the provider counts apart. Subsets never exceed what they are part of: some reports say so,
//! and a price computed from them would be negative somewhere.

use crate::providers::report::{Placement, Report};

use super::Usage;

/// Restates a report. A count that was not stated stays unstated.
pub fn restate(report: &Report) -> Usage {
    let audio_beside = audio_beside(report);
    let (output, reasoning) = whole_output(report, audio_beside);
    let mut usage = Usage {
        input: whole_input(report, audio_beside),
        output,
        cache_read: report.cache_read,
        cache_write_5m: report.cache_write_5m,
        cache_write_1h: report.cache_write_1h,
        cache_write_other: report.cache_write_other,
        reasoning,
        audio_input: audio_beside.or(report.audio_input),
        audio_output: report.audio_output,
        image_input: report.image_input,
        image_output: report.image_output,
        other_units: report.units.clone(),
        sub_usages: Vec::new(),
        rounds: Vec::new(),
    };
    clamp(&mut usage);
    for (model, extra) in &report.extra {
        let extra = restate(extra);
        match model {
            Some(model) => usage.sub_usages.push((model.clone(), extra)),
            None => usage.add(&extra),
        }
    }
    let rounds = report.rounds.iter();
    usage.rounds = rounds
        .map(|(context, round)| (*context, restate(round)))
        .collect();
    usage
}

/// The input with everything that was counted beside it.
fn whole_input(report: &Report, audio_beside: Option<u64>) -> Option<u64> {
    let parts = [
        report.cache_read,
        report.cache_write_5m,
        report.cache_write_1h,
        report.cache_write_other,
    ];
    let cached: u64 = parts.into_iter().flatten().sum();
    let cache_beside = match report.convention.cache {
        Placement::Beside => true,
        Placement::Apart => false,
        // More cached than there is input cannot lie within it.
        Placement::Within | Placement::ByTotal => report.input.is_some_and(|input| cached > input),
    };
    let beside = [
        Some(cached).filter(|count| cache_beside && *count > 0),
        report.tool_input,
        audio_beside,
    ];
    beside
        .into_iter()
        .flatten()
        .fold(report.input, |input, part| Some(input.unwrap_or(0) + part))
}

/// Audio that was counted beside the input (Mistral): only the total holds it, and perhaps a detail.
fn audio_beside(report: &Report) -> Option<u64> {
    if report.convention.reasoning == Placement::Beside {
        // What such a total holds besides is reasoning, even if it is as much as the audio.
        return None;
    }
    let gap = unexplained(report).filter(|gap| *gap > 0)?;
    let reasoning = report.reasoning.unwrap_or(0);
    match report.audio_input.filter(|audio| *audio > 0) {
        Some(audio) => (gap == audio || gap == audio + reasoning).then_some(audio),
        None => report.has_audio.then_some(gap),
    }
}

/// The output with everything that was counted beside it, and the reasoning within.
fn whole_output(report: &Report, audio_beside: Option<u64>) -> (Option<u64>, Option<u64>) {
    let reasoning = report.reasoning;
    let beside = |count: u64| Some(report.output.unwrap_or(0) + count);
    match (report.convention.reasoning, reasoning) {
        (Placement::Beside, Some(count)) => (beside(count), reasoning),
        (Placement::ByTotal, stated) => {
            let gap = unexplained(report).unwrap_or(0) - audio_beside.unwrap_or(0);
            match stated {
                Some(count) if count > 0 && count == gap => (beside(count), reasoning),
                // Google's OpenAI surface shows its thoughts in the total alone.
                None if gap > 0 => (beside(gap), Some(gap)),
                _ => (report.output, reasoning),
            }
        }
        (Placement::Beside | Placement::Within | Placement::Apart, _) => (report.output, reasoning),
    }
}

/// What the stated total holds beyond input, output and what tools fed back; `None` where that
/// cannot be told.
fn unexplained(report: &Report) -> Option<u64> {
    report
        .total?
        .checked_sub(report.input?)?
        .checked_sub(report.output?)?
        .checked_sub(report.tool_input.unwrap_or(0))
}

/// Holds every subset to its whole.
fn clamp(usage: &mut Usage) {
    let (input, output) = (usage.input, usage.output);
    for (part, whole) in [
        (&mut usage.reasoning, output),
        (&mut usage.audio_output, output),
        (&mut usage.image_output, output),
        (&mut usage.audio_input, input),
        (&mut usage.image_input, input),
    ] {
        *part = part.map(|count| whole.map_or(count, |whole| count.min(whole)));
    }
}
