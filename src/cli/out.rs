//! What commands print: data on stdout, diagnostics on stderr, rows as a table, JSON or CSV.

use std::io::{self, ErrorKind, Write as _};

use clap::ValueEnum;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::{Map, Value};

/// How rows are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    #[default]
    Table,
    Json,
    Csv,
}

/// A column: its name, and whether its values are numbers.
#[derive(Clone, Debug)]
pub struct Column {
    name: String,
    is_number: bool,
}

/// A column of text.
pub fn text(name: impl Into<String>) -> Column {
    Column {
        name: name.into(),
        is_number: false,
    }
}

/// A column of numbers.
pub fn number(name: impl Into<String>) -> Column {
    Column {
        name: name.into(),
        is_number: true,
    }
}

/// Prints one line of data.
pub fn line(line: &str) -> anyhow::Result<()> {
    write(&format!("{line}\n"))
}

/// Prints data as it is. A reader that left early (`weir calls | head`) is no failure.
pub fn write(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints a diagnostic.
pub fn complain(text: &str) {
    // Where stderr is closed nobody can be told.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints rows; `Value::Null` is an empty cell, so that unknown never looks like 0.
pub fn rows(format: Format, columns: &[Column], rows: &[Vec<Value>]) -> anyhow::Result<()> {
    match format {
        Format::Table => write(&table(columns, rows)),
        Format::Json => write(&format!(
            "{}\n",
            serde_json::to_string_pretty(&json(columns, rows))?
        )),
        Format::Csv => write(&csv(columns, rows)?),
    }
}

fn json(columns: &[Column], rows: &[Vec<Value>]) -> Value {
    let object = |row: &Vec<Value>| {
        let pairs = columns
            .iter()
            .zip(row)
            .map(|(column, value)| (column.name.clone(), value.clone()));
        Value::Object(pairs.collect::<Map<_, _>>())
    };
    Value::Array(rows.iter().map(object).collect())
}

fn csv(columns: &[Column], rows: &[Vec<Value>]) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns.iter().map(|column| column.name.as_str()))?;
    for row in rows {
        writer.write_record(row.iter().map(cell))?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

fn table(columns: &[Column], rows: &[Vec<Value>]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| column.name.as_str()));
    for row in rows {
        table.add_row(row.iter().map(cell));
    }
    for (column, spec) in table.column_iter_mut().zip(columns) {
        column.set_padding((0, 2));
        if spec.is_number {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let text = table.to_string();
    let trimmed: Vec<&str> = text.lines().map(str::trim_end).collect();
    format!("{}\n", trimmed.join("\n"))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_is_an_empty_cell_and_null() {
        let columns = [text("model"), number("cost_usd")];
        let rows = [
            vec!["gpt".into(), Value::Null],
            vec!["a,b".into(), "0.5".into()],
        ];
        assert_eq!(
            csv(&columns, &rows).unwrap(),
            "model,cost_usd\ngpt,\n\"a,b\",0.5\n"
        );
        assert_eq!(json(&columns, &rows)[0]["cost_usd"], Value::Null);
        assert_eq!(
            table(&columns, &rows),
            " model  cost_usd\n gpt\n a,b         0.5\n"
                .replace("\n ", "\n")
                .trim_start()
                .to_owned()
        );
    }
}
