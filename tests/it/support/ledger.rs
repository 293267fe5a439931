//! Reads the ledger as any SQLite client would.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

/// One row of `calls`, by column.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(pub BTreeMap<String, Value>);

impl Row {
    fn value(&self, column: &str) -> &Value {
        self.0
            .get(column)
            .unwrap_or_else(|| panic!("calls has no column {column}"))
    }

    /// A text; `None` for NULL.
    pub fn text(&self, column: &str) -> Option<&str> {
        match self.value(column) {
            Value::Text(text) => Some(text),
            Value::Null => None,
            other => panic!("{column} is no text: {other:?}"),
        }
    }

    /// An integer; `None` for NULL.
    pub fn int(&self, column: &str) -> Option<i64> {
        match self.value(column) {
            Value::Integer(int) => Some(*int),
            Value::Null => None,
            other => panic!("{column} is no integer: {other:?}"),
        }
    }
}

/// Rows of a query; empty where the file or the table is not there yet.
pub fn query(data_dir: &Path, sql: &str) -> Vec<Row> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Ok(connection) = Connection::open_with_flags(data_dir.join("weir.db"), flags) else {
        return Vec::new();
    };
    let Ok(mut statement) = connection.prepare(sql) else {
        return Vec::new();
    };
    let columns: Vec<String> = statement
        .column_names()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let rows = statement.query_map([], |row| {
        let cell = |(at, name): (usize, &String)| Ok((name.clone(), row.get::<_, Value>(at)?));
        columns
            .iter()
            .enumerate()
            .map(cell)
            .collect::<Result<BTreeMap<_, _>, _>>()
            .map(Row)
    });
    rows.expect("a readable ledger")
        .map(|row| row.expect("a readable row"))
        .collect()
}

/// The rows of `calls`, oldest first.
pub fn calls(data_dir: &Path) -> Vec<Row> {
    query(data_dir, "SELECT * FROM calls ORDER BY id")
}
