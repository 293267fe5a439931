//! The command line: data on stdout, diagnostics on stderr, exit 0 done, 1 failed, 2 wrong usage.

mod answers;
mod audit;
mod budgets;
mod money;
mod reprice;
mod secrets;
mod setup;
mod simulate;

use std::path::Path;
use std::process::Output;

use crate::support::weir::command;

/// What a command did.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: &Output) -> Ran {
        Ran {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Its stdout, where it was done.
    #[track_caller]
    fn done(self) -> String {
        assert_eq!(
            self.code,
            Some(0),
            "stdout: {}\nstderr: {}",
            self.out,
            self.err
        );
        self.out
    }
}

/// Runs weir in a folder.
fn run(folder: &Path, arguments: &[&str]) -> Ran {
    Ran::of(
        &command(folder)
            .args(arguments)
            .output()
            .expect("the binary can be run"),
    )
}
