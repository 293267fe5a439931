//! `weir ca`: the certificate that clients trust.

use std::collections::BTreeSet;

use clap::Subcommand;
use serde_json::json;

use super::out;
use super::settings::File;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::ledger::{Deed, Error, Operator, Via};
use crate::listen::ca::{Authority, Files};
use crate::providers::hosts::pattern;

/// Arguments of `weir ca`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the certificate (what `weir ca` alone does).
    Show,
    /// Print where the certificate and the bundle with the system's roots are.
    Path,
    /// Make a new one for the hosts of the present settings; every client must trust it anew.
    Rotate,
}

/// Shows, places or remakes the certificate.
pub fn run(args: &Args, file: &File) -> anyhow::Result<()> {
    let config = file.load()?;
    let files = Files::under(&config.data_dir);
    let clock = SystemClock::shared();
    let hosts = claimed_hosts(&config);
    match args.action {
        None | Some(Action::Show) => {
            out::write(Authority::open(&files, &hosts, clock.as_ref())?.pem())
        }
        Some(Action::Path) => {
            out::line(
                &std::path::absolute(&files.certificate)?
                    .display()
                    .to_string(),
            )?;
            out::line(&std::path::absolute(&files.bundle)?.display().to_string())
        }
        Some(Action::Rotate) => {
            let authority = Authority::make(&files, &hosts, clock.as_ref())?;
            note_rotation(&config, clock.unix_ms(), hosts.len())?;
            out::complain(
                "weir: a new CA is in place; restart weir, and let every client trust it",
            );
            out::write(authority.pem())
        }
    }
}

/// Puts it into the audit; where weir never ran there is none, and nobody trusted a CA.
fn note_rotation(config: &Config, at: i64, hosts: usize) -> anyhow::Result<()> {
    let mut operator = match Operator::open(&config.data_dir) {
        Err(Error::Missing { .. }) => return Ok(()),
        opened => opened?,
    };
    operator.note(&Deed {
        at,
        action: "ca.rotate",
        subject: "ca.pem".to_owned(),
        via: Via::Cli,
        detail: json!({ "hosts": hosts }),
    })?;
    Ok(())
}

/// The names that the CA may sign for: the hosts that the providers of `config` claim.
pub fn claimed_hosts(config: &Config) -> BTreeSet<String> {
    config
        .providers
        .iter()
        .flat_map(|provider| &provider.hosts)
        .flat_map(|host| pattern::permitted_names(&host.host))
        .collect()
}
