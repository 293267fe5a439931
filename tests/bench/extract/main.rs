//! How fast bodies are read: bytes a second of one thread through `Extractor::feed`.
//!
//! Each body is read whole by a fresh extractor, as often as fits into a round. Rounds take turns, so that a
//! busy moment of the machine hits all rows; a row is the best of its rounds, for other work only ever takes
//! away, and the median stands beside it. What is held at the most while 100 MiB of it pass stands last.

#![expect(clippy::print_stdout, reason = "a benchmark speaks to who started it")]

mod bodies;

use std::time::Duration;

use clap::Parser;
use weir::clock::{Clock, SystemClock};
use weir::providers::RequestFacts;
use weir::usage::extract::{Extractor, ResponseHead};

use bodies::Body;

/// What is reached by every row, in bytes a second.
const WANTED: f64 = 1e9;

/// Measures how fast usage is read.
#[derive(Debug, Parser)]
struct Args {
    /// A few short rounds: whether it runs, not what it says.
    #[arg(long)]
    quick: bool,
    /// Only bodies whose name holds this.
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Bytes of a body.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    size: usize,
    /// Fails where a body is read at less than 1 GB/s.
    #[arg(long)]
    check: bool,
    /// Reads each body once and measures nothing, for a profiler that counts instructions.
    #[arg(long)]
    once: bool,
    /// Cargo says so to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// How a body arrives.
const CHUNKS: [(&str, usize); 3] = [
    ("1.4 KiB", 1434),
    ("16 KiB", 16 << 10),
    ("whole", usize::MAX),
];

fn main() {
    let args = Args::parse();
    let clock = SystemClock::shared();
    let (rounds, time) = if args.quick {
        (3, Duration::from_millis(5))
    } else {
        (21, Duration::from_millis(25))
    };
    let mut bodies = bodies::all(args.size);
    bodies.retain(|body| body.name.contains(&args.only));
    if args.once {
        bodies.iter().for_each(|body| read(body, usize::MAX));
        return;
    }
    let mut rates = vec![[const { Vec::new() }; CHUNKS.len()]; bodies.len()];
    for _ in 0..rounds {
        for (body, rates) in bodies.iter().zip(&mut rates) {
            for ((_, size), rates) in CHUNKS.iter().zip(rates) {
                rates.push(rate(&*clock, body, *size, time));
            }
        }
    }
    let names = CHUNKS.map(|(name, _)| format!("{name} | ")).concat();
    println!("| GB/s by size of chunk: best (median) | {names}KiB held |\n|---|--:|--:|--:|--:|");
    let length = if args.quick { 1 << 20 } else { 100 << 20 };
    let mut slow = Vec::new();
    for (body, rates) in bodies.iter().zip(&mut rates) {
        let figures = rates.each_mut().map(|rates| best_and_median(rates));
        let event = match body.events {
            0 => String::new(),
            events => format!(", {} B an event", body.bytes.len() / events),
        };
        let cells = figures
            .map(|(best, median)| format!(" | {:.2} ({:.2})", best / 1e9, median / 1e9))
            .concat();
        let held = held(body, length).div_ceil(1024);
        println!("| {}{event}{cells} | {held} |", body.name);
        if figures.iter().any(|(best, _)| *best < WANTED) {
            slow.push(body.name);
        }
    }
    assert!(
        !args.check || slow.is_empty(),
        "read at less than 1 GB/s: {slow:?}"
    );
}

/// Bytes a second of one round.
fn rate(clock: &dyn Clock, body: &Body, chunk: usize, time: Duration) -> f64 {
    let began = clock.monotonic();
    let mut bytes = 0;
    loop {
        read(body, chunk);
        bytes += body.bytes.len();
        let took = clock.monotonic() - began;
        if took >= time {
            return bytes as f64 / took.as_secs_f64();
        }
    }
}

fn read(body: &Body, chunk: usize) {
    let header = |name: &str| (name == "content-type").then_some(body.content_type);
    let head = ResponseHead {
        status: 200,
        header: &header,
    };
    let mut extractor = Extractor::new(body.dialect, head, RequestFacts::default());
    for part in body.bytes.chunks(chunk.min(body.bytes.len())) {
        std::hint::black_box(extractor.feed(std::hint::black_box(part)));
    }
}

/// Most bytes held at a time while so many bytes pass: the events again and again, or the document and
/// then more of its bulk.
fn held(body: &Body, length: usize) -> u64 {
    let header = |name: &str| (name == "content-type").then_some(body.content_type);
    let head = ResponseHead {
        status: 200,
        header: &header,
    };
    let (first, again) = match body.events {
        0 => body.bytes.split_at(body.bytes.len() / 2),
        _ => (&[][..], &body.bytes[..]),
    };
    let counted = allocation_counter::measure(|| {
        let mut extractor = Extractor::new(body.dialect, head, RequestFacts::default());
        let mut left = length;
        for part in std::iter::once(first).chain(std::iter::repeat(again)) {
            for chunk in part[..part.len().min(left)].chunks(16 << 10) {
                extractor.feed(chunk);
                left -= chunk.len();
            }
            if left == 0 {
                break;
            }
        }
    });
    counted.bytes_max
}

fn best_and_median(rates: &mut [f64]) -> (f64, f64) {
    rates.sort_by(f64::total_cmp);
    (rates[rates.len() - 1], rates[rates.len() / 2])
}
