//! What weir costs: direct, a bare Pingora and weir, side by side in one run.
//!
//! The figures of a shared machine are worth little; their ratios within one round are worth more, and the median of
//! many rounds' ratios is what is reported. Every process that is measured gets one thread for its traffic.

#![expect(clippy::print_stdout, reason = "a benchmark speaks to who started it")]

mod bare;
mod figures;
mod load;
mod process;
mod rounds;
mod upstream;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Parser;

use rounds::{Case, Plan, Target};

/// Measures what weir adds to a call.
#[derive(Debug, Parser)]
struct Args {
    /// A few short rounds: whether it runs, not what it says.
    #[arg(long)]
    quick: bool,
    /// Keeps the figures in `tests/bench/runs/DATE-NAME/README.md`.
    #[arg(long, value_name = "NAME")]
    save: Option<String>,
    /// What else ran on the machine, for the saved figures.
    #[arg(long, value_name = "TEXT", default_value = "nothing that is known of")]
    beside: String,
    /// Measures this binary in place of the one that was built along.
    #[arg(long, value_name = "FILE")]
    weir: Option<PathBuf>,
    /// Loads one target alone, for a profiler.
    #[arg(long, value_enum, value_name = "TARGET")]
    only: Option<Target>,
    /// What it is loaded with.
    #[arg(long, value_enum, default_value_t = Case::Calls, requires = "only")]
    case: Case,
    /// For so many seconds.
    #[arg(long, default_value_t = 10, requires = "only", value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// The role of a child process.
    #[arg(long, hide = true, value_enum)]
    role: Option<Role>,
    /// Where the bare proxy sends what it gets.
    #[arg(long, hide = true)]
    to: Option<std::net::SocketAddr>,
    /// Cargo says so to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Role {
    Upstream,
    Bare,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    rlimit::increase_nofile_limit(1 << 20).context("the limit of open files")?;
    match args.role {
        Some(Role::Upstream) => return upstream::run(),
        Some(Role::Bare) => return bare::run(args.to.context("--to is missing")?),
        None => {}
    }
    let built = || PathBuf::from(env!("CARGO_BIN_EXE_weir"));
    let binary = args.weir.clone().unwrap_or_else(built);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if let Some(target) = args.only {
        return runtime.block_on(rounds::only(&binary, target, args.case, args.seconds));
    }
    let plan = if args.quick { Plan::QUICK } else { Plan::FULL };
    let measured = runtime.block_on(rounds::run(&plan, &binary))?;
    let report = figures::report(&plan, &measured);
    println!("{report}");
    match &args.save {
        Some(name) => save(name, &report, &args.beside, &measured),
        None => Ok(()),
    }
}

fn save(name: &str, report: &str, beside: &str, measured: &rounds::Measured) -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/bench/runs")
        .join(format!("{}-{name}", measured.date));
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("README.md");
    let text = format!(
        "# {} {name}\n\n    cargo bench -- --save {name}\n\n{}\nBeside it ran: {beside}.\n\n{report}",
        measured.date, measured.machine
    );
    std::fs::write(&file, text)?;
    println!("kept in {}", file.display());
    Ok(())
}
