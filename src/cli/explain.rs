//! `weir explain`: how a call's cost comes about, line by line.

mod account;
mod json;
mod page;

use anyhow::{Context as _, bail};
use uuid::Uuid;

use self::account::Account;
use super::out::{self, Format};
use super::prices;
use super::settings::File;
use crate::ledger::query::Reader;

/// Most ids that are shown where the beginning of one fits several calls.
const SHOWN_MAX: usize = 5;

/// Arguments of `weir explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The call's id as `weir calls` shows it, or the beginning of it.
    #[arg(value_name = "CALL_ID", value_parser = beginning)]
    id: String,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Prints what the call cost and why.
pub fn run(args: &Args, file: &File) -> anyhow::Result<()> {
    let config = file.load()?;
    let reader = Reader::open(&config.data_dir)?;
    let id = only(&args.id, &reader.ids_from(&args.id, SHOWN_MAX + 1)?)?;
    let call = reader
        .call(id)?
        .with_context(|| format!("the call {id} is not on record any more"))?;
    let catalog = config.catalog(&prices::catalog(&config)?);
    let provider = config
        .providers
        .iter()
        .find(|provider| provider.name == call.head.provider);
    let catalog_id = provider.and_then(|provider| provider.catalog_id.as_deref());
    let account = Account::of(&call, catalog_id, &catalog, reader.repricings(id)?);
    match args.format {
        Format::Json => out::line(&serde_json::to_string_pretty(&json::of(&account))?),
        Format::Csv => page::lines(&account, Format::Csv),
        Format::Table => page::print(&account),
    }
}

/// The beginning of an id in the form in which ids are written: lower case, with its hyphens.
fn beginning(text: &str) -> Result<String, String> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    if digits.is_empty() || digits.len() > 32 || !is_hex {
        return Err(
            "expected the id of a call, or its beginning, as `weir calls` shows it".to_owned(),
        );
    }
    let mut id = String::with_capacity(36);
    for (at, digit) in digits.to_ascii_lowercase().char_indices() {
        if matches!(at, 8 | 12 | 16 | 20) {
            id.push('-');
        }
        id.push(digit);
    }
    Ok(id)
}

/// The one call that is meant.
fn only(start: &str, ids: &[Uuid]) -> anyhow::Result<Uuid> {
    match ids {
        [] => {
            bail!("no call on record has an id that begins with {start}; `weir calls` lists them")
        }
        [id] => Ok(*id),
        several => {
            let shown: Vec<String> = several
                .iter()
                .take(SHOWN_MAX)
                .map(Uuid::to_string)
                .collect();
            let more = if several.len() > SHOWN_MAX {
                ", …"
            } else {
                ""
            };
            bail!(
                "several calls have an id that begins with {start}: {}{more}; write more of it",
                shown.join(", ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_may_be_cut_anywhere_and_written_without_hyphens() {
        for (text, id) in [
            ("0", "0"),
            ("0199ABCD", "0199abcd"),
            ("0199abcd-", "0199abcd"),
            ("0199abcde", "0199abcd-e"),
            (
                "0199abcd12345678123456781234567f",
                "0199abcd-1234-5678-1234-56781234567f",
            ),
        ] {
            assert_eq!(beginning(text).as_deref(), Ok(id));
        }
        for text in ["", "-", "call-7", "0199abcd12345678123456781234567f0", "é"] {
            assert!(beginning(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_id_that_fits_none_or_several_is_no_answer() {
        let ids: Vec<Uuid> = (1..8).map(Uuid::from_u128).collect();
        let said = |ids: &[Uuid]| only("0000", ids).map_err(|error| error.to_string());
        assert_eq!(said(&ids[..1]), Ok(ids[0]));
        assert!(said(&[]).is_err_and(|said| said.contains("0000") && said.contains("weir calls")));
        let several = said(&ids).expect_err("several");
        assert!(
            several.contains(&ids[4].to_string()) && several.contains("…"),
            "{several}"
        );
        assert!(!several.contains(&ids[5].to_string()), "{several}");
    }
}
