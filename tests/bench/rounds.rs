//! The rounds: in each, every target gets the same load in turn.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use weir::clock::{Clock, SystemClock};
use weir::ledger::query::{Filter, Reader};
use weir::ledger::{Call, Outcome};
use weir::usage::UsageSource;

use crate::load;
use crate::process::Process;

/// What a target is loaded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Case {
    /// A POST with a JSON answer of 1 KiB.
    Calls,
    /// Streams of 200 events that come as fast as they can.
    Streams,
    /// The same, two events per second.
    Slow,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Target {
    /// The scripted provider itself.
    Direct,
    /// A Pingora that only forwards.
    Bare,
    /// weir with two budgets.
    Weir,
    /// weir without budgets.
    WeirNoBudgets,
}

impl Target {
    pub const ALL: [Target; 4] = [
        Target::Direct,
        Target::Bare,
        Target::Weir,
        Target::WeirNoBudgets,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Target::Direct => "direct",
            Target::Bare => "bare Pingora",
            Target::Weir => "weir, 2 budgets",
            Target::WeirNoBudgets => "weir, no budget",
        }
    }
}

/// Both cover every call; neither is ever spent.
const BUDGETS: &str = "budgets:
  - name: team-month
    limit: 500_000 USD
    per: month
    match: { team: search }
    warn_at: [80%, 95%]
  - name: user-day
    limit: 100_000 USD
    per: day
    each: user
";

/// How much is measured, and for how long.
pub struct Plan {
    pub rounds: usize,
    pub calls: Duration,
    pub latency: Duration,
    pub streams: Duration,
    pub concurrency: usize,
    pub slow_streams: usize,
}

impl Plan {
    pub const FULL: Plan = Plan {
        rounds: 9,
        calls: Duration::from_millis(1500),
        latency: Duration::from_millis(800),
        streams: Duration::from_millis(1000),
        concurrency: 16,
        slow_streams: 1_000,
    };
    pub const QUICK: Plan = Plan {
        rounds: 3,
        calls: Duration::from_millis(300),
        latency: Duration::from_millis(200),
        streams: Duration::from_millis(200),
        concurrency: 16,
        slow_streams: 100,
    };
}

/// The whole run may take this long; what hangs is an error.
const LIMIT: Duration = Duration::from_secs(240);

/// One target in one round.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    pub calls: f64,
    pub p50: f64,
    pub p99: f64,
    pub streams: f64,
}

/// One target over all rounds.
pub struct Row {
    pub target: Target,
    pub rounds: Vec<Round>,
    /// Microseconds on a processor for one call, and for one stream, all threads of the proxy together.
    pub busy_call: Option<f64>,
    pub busy_stream: Option<f64>,
    /// KiB, fresh and under the slow streams.
    pub idle: Option<u64>,
    pub loaded: Option<u64>,
}

/// Everything that a run found.
pub struct Measured {
    pub rows: Vec<Row>,
    pub date: String,
    pub machine: String,
    /// Rows that both weirs have on record, each with its usage and cost.
    pub on_record: u64,
}

/// Time on a processor and what was done in it.
#[derive(Default)]
struct Busy {
    seconds: f64,
    exchanges: u64,
}

impl Busy {
    fn each(&self) -> Option<f64> {
        (self.exchanges > 0).then(|| self.seconds * 1e6 / self.exchanges as f64)
    }
}

struct Subject {
    target: Target,
    process: Option<Process>,
    address: std::net::SocketAddr,
    rounds: Vec<Round>,
    calls: Busy,
    streams: Busy,
    idle: Option<u64>,
    loaded: Option<u64>,
    /// Exchanges that came to their end.
    whole: u64,
}

impl Subject {
    async fn start(target: Target, upstream: &Process, weir: &Path) -> anyhow::Result<Subject> {
        let to = upstream.address;
        let process = match target {
            Target::Direct => None,
            Target::Bare => Some(Process::role("bare", Some(to))?),
            Target::Weir => Some(Process::weir(weir, to, BUDGETS).await?),
            Target::WeirNoBudgets => Some(Process::weir(weir, to, "").await?),
        };
        Ok(Subject {
            target,
            address: process.as_ref().map_or(to, |process| process.address),
            process,
            rounds: Vec::new(),
            calls: Busy::default(),
            streams: Busy::default(),
            idle: None,
            loaded: None,
            whole: 0,
        })
    }

    fn resident(&self) -> anyhow::Result<Option<u64>> {
        self.process.as_ref().map(Process::resident).transpose()
    }

    fn busy(&self) -> anyhow::Result<f64> {
        self.process.as_ref().map_or(Ok(0.0), Process::busy)
    }

    /// Memory fresh and under many slow streams, before anything else has grown it.
    async fn memory(&mut self, plan: &Plan) -> anyhow::Result<()> {
        self.idle = self.resident()?;
        let open = load::streams(self.address, plan.slow_streams).await?;
        self.loaded = self.resident()?;
        drop(open);
        Ok(())
    }

    async fn rate(
        &mut self,
        clock: &Arc<dyn Clock>,
        plan: &Plan,
        case: Case,
    ) -> anyhow::Result<f64> {
        let time = if case == Case::Calls {
            plan.calls
        } else {
            plan.streams
        };
        let before = self.busy()?;
        let rate = load::hammer(clock, self.address, case, plan.concurrency, time).await?;
        let seconds = self.busy()? - before;
        let busy = if case == Case::Calls {
            &mut self.calls
        } else {
            &mut self.streams
        };
        busy.seconds += seconds;
        busy.exchanges += rate.exchanges;
        self.whole += rate.exchanges;
        Ok(rate.per_second())
    }

    async fn round(&mut self, clock: &Arc<dyn Clock>, plan: &Plan) -> anyhow::Result<Round> {
        let calls = self.rate(clock, plan, Case::Calls).await?;
        let took = load::one_by_one(clock, self.address, plan.latency).await?;
        self.whole += took.len() as u64 + 1;
        let streams = self.rate(clock, plan, Case::Streams).await?;
        Ok(Round {
            calls,
            p50: part(&took, 50),
            p99: part(&took, 99),
            streams,
        })
    }

    /// Ends a weir and looks whether its work was done: a proxy that forgets calls may well be fast.
    fn ended(self, plan: &Plan) -> anyhow::Result<(Row, u64)> {
        let mut on_record = 0;
        if let (Target::Weir | Target::WeirNoBudgets, Some(process)) = (self.target, self.process) {
            let left = process.finish()?;
            let mut cut_off = 0;
            let reader = Reader::open(&left.data_dir())?;
            reader.each_call(&Filter::since(0), usize::MAX, |call| {
                on_record += u64::from(is_whole(&call));
                cut_off += usize::from(call.outcome == Outcome::ClientClosed);
            })?;
            ensure!(
                on_record == self.whole && cut_off == plan.slow_streams,
                "{}: {} calls were made and {} streams cut off; {on_record} and {cut_off} are on record",
                self.target.name(),
                self.whole,
                plan.slow_streams,
            );
        }
        let row = Row {
            target: self.target,
            rounds: self.rounds,
            busy_call: self.calls.each().filter(|_| self.idle.is_some()),
            busy_stream: self.streams.each().filter(|_| self.idle.is_some()),
            idle: self.idle,
            loaded: self.loaded,
        };
        Ok((row, on_record))
    }
}

/// A call whose usage was read and priced.
fn is_whole(call: &Call) -> bool {
    call.outcome == Outcome::Ok
        && call.usage_source == UsageSource::Reported
        && call.cost.is_some_and(|cost| cost.to_i64() > 0)
        && call.head.labels.user.as_deref() == Some("alice")
}

/// The value below which so many hundredths of the sorted values lie.
fn part(sorted: &[f64], hundredths: usize) -> f64 {
    let at = (sorted.len() * hundredths / 100).min(sorted.len() - 1);
    sorted[at]
}

/// Runs all of the rounds.
pub async fn run(plan: &Plan, weir: &Path) -> anyhow::Result<Measured> {
    tokio::time::timeout(LIMIT, all(plan, weir))
        .await
        .context("the run takes too long")?
}

async fn all(plan: &Plan, weir: &Path) -> anyhow::Result<Measured> {
    let clock = SystemClock::shared();
    let machine = machine()?;
    let upstream = Process::role("upstream", None)?;
    let mut subjects = Vec::new();
    for target in Target::ALL {
        let mut subject = Subject::start(target, &upstream, weir).await?;
        subject.memory(plan).await?;
        for case in [Case::Calls, Case::Streams] {
            load::check(subject.address, case).await?;
            subject.whole += 1;
        }
        subjects.push(subject);
    }
    // The first round warms up and is thrown away.
    for round in 0..=plan.rounds {
        let count = subjects.len();
        for turn in 0..count {
            // Nobody is always the one after the same other.
            let subject = &mut subjects[(turn + round) % count];
            let figures = subject.round(&clock, plan).await?;
            if round > 0 {
                subject.rounds.push(figures);
            } else {
                subject.calls = Busy::default();
                subject.streams = Busy::default();
            }
        }
    }
    let mut rows = Vec::new();
    let mut on_record = 0;
    for subject in subjects {
        let (row, recorded) = subject.ended(plan)?;
        rows.push(row);
        on_record += recorded;
    }
    let today = jiff::Timestamp::from_millisecond(clock.unix_ms())?;
    Ok(Measured {
        rows,
        date: today.strftime("%Y-%m-%d").to_string(),
        machine: format!("{machine} {} when it ended.\n", load_average()?),
        on_record,
    })
}

/// Cores and memory; nothing that names the machine.
fn machine() -> anyhow::Result<String> {
    let cores = std::thread::available_parallelism()?;
    let memory = fs::read_to_string("/proc/meminfo")?;
    let total: u64 = memory
        .split_whitespace()
        .nth(1)
        .context("the memory's size")?
        .parse()?;
    Ok(format!(
        "{cores} cores, {} GiB of memory; one thread for the traffic of each process. Load average {} when it began,",
        total >> 20,
        load_average()?,
    ))
}

fn load_average() -> anyhow::Result<String> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .to_owned())
}

/// Loads one target with one case.
pub async fn only(weir: &Path, target: Target, case: Case, seconds: u64) -> anyhow::Result<()> {
    let clock = SystemClock::shared();
    let upstream = Process::role("upstream", None)?;
    let subject = Subject::start(target, &upstream, weir).await?;
    println!(
        "{}: process {}",
        target.name(),
        subject.process.as_ref().unwrap_or(&upstream).id()
    );
    let before = subject.busy()?;
    let time = Duration::from_secs(seconds);
    let rate = load::hammer(&clock, subject.address, case, Plan::FULL.concurrency, time).await?;
    let busy = Busy {
        seconds: subject.busy()? - before,
        exchanges: rate.exchanges,
    };
    println!(
        "{:.0} per second, {:.1} µs on a processor for each",
        rate.per_second(),
        busy.each().unwrap_or_default()
    );
    Ok(())
}
