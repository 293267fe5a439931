//! `weir check`: all that is wrong with a settings file.

use std::path::PathBuf;
use std::process::ExitCode;

use super::out;
use super::settings::File;

/// Arguments of `weir check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file to check [default: that of --config].
    file: Option<PathBuf>,
}

/// Checks the file; exit 1 where anything is wrong.
pub fn run(args: &Args, file: &File) -> anyhow::Result<ExitCode> {
    let file = args
        .file
        .clone()
        .map_or_else(|| file.clone(), |path| File::new(Some(path)));
    match file.load() {
        Ok(config) => {
            let (providers, budgets) = (config.providers.len(), config.budgets.len());
            let path = file.path().display();
            out::line(&format!(
                "{path}: good ({providers} providers, {budgets} budgets)"
            ))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(problems) => {
            out::complain(&format!("{problems:#}"));
            Ok(ExitCode::FAILURE)
        }
    }
}
