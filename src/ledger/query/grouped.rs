//! Adds rows up by what they have in common, in bounded memory.
//!
//! SQLite sorts to group; a map of the groups as the rows come by takes a quarter of the time, which is
//! time that a start waits for.

use std::collections::HashMap;

use rusqlite::Row;
use rusqlite::types::ValueRef;

/// Most groups that are held at once. When there are more, what is added up so far is handed over, and
/// a group can come again.
const GROUPS_MAX: usize = 50_000;

/// Sums by the first columns of a row.
pub(super) struct Grouped<S> {
    columns: usize,
    /// What tells rows apart besides their columns.
    pub(super) apart: i64,
    sums: HashMap<Vec<u8>, S>,
    key: Vec<u8>,
    max: usize,
}

impl<S> Grouped<S> {
    /// Groups by the first `columns` columns.
    pub(super) fn by(columns: usize) -> Self {
        Grouped {
            columns,
            apart: 0,
            sums: HashMap::new(),
            key: Vec::new(),
            max: GROUPS_MAX,
        }
    }

    /// Adds a row to its group's sum, which `first` begins. Returns the sums where there are too many.
    pub(super) fn add(
        &mut self,
        row: &Row<'_>,
        first: impl FnOnce(&Row<'_>) -> rusqlite::Result<S>,
        add: impl FnOnce(&mut S, &Row<'_>) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<Vec<S>> {
        self.key.clear();
        self.key.extend_from_slice(&self.apart.to_le_bytes());
        for column in 0..self.columns {
            write_key(row.get_ref(column)?, &mut self.key);
        }
        if let Some(sum) = self.sums.get_mut(&self.key) {
            add(sum, row)?;
            return Ok(Vec::new());
        }
        let full = if self.sums.len() >= self.max {
            self.take()
        } else {
            Vec::new()
        };
        let mut sum = first(row)?;
        add(&mut sum, row)?;
        self.sums.insert(self.key.clone(), sum);
        Ok(full)
    }

    /// The sums so far.
    pub(super) fn take(&mut self) -> Vec<S> {
        self.sums.drain().map(|(_, sum)| sum).collect()
    }
}

/// Appends a value so that two rows have one key only where all values are equal.
fn write_key(value: ValueRef<'_>, key: &mut Vec<u8>) {
    let (kind, bytes): (u8, &[u8]) = match &value {
        ValueRef::Null => (0, &[]),
        ValueRef::Integer(number) => (1, &number.to_le_bytes()),
        ValueRef::Real(number) => (2, &number.to_le_bytes()),
        ValueRef::Text(bytes) => (3, bytes),
        ValueRef::Blob(bytes) => (4, bytes),
    };
    key.push(kind);
    key.extend_from_slice(&bytes.len().to_le_bytes());
    key.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_are_too_many_come_in_parts_that_add_up() {
        let db = rusqlite::Connection::open_in_memory().unwrap();
        let mut rows = db
            .prepare(
                "WITH RECURSIVE s (value) AS
                        (SELECT 1 UNION ALL SELECT value + 1 FROM s WHERE value < 100)
                    SELECT value % 7, NULL, value FROM s",
            )
            .unwrap();
        let mut rows = rows.query([]).unwrap();
        let mut grouped = Grouped {
            max: 3,
            ..Grouped::by(2)
        };
        let mut handed = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let first = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, 0));
            let add = |sum: &mut (i64, i64), row: &Row<'_>| {
                sum.1 += row.get::<_, i64>(2)?;
                Ok(())
            };
            handed.extend(grouped.add(row, first, add).unwrap());
        }
        handed.extend(grouped.take());
        assert!(handed.len() > 7);
        for group in 0..7 {
            let sum: i64 = handed
                .iter()
                .filter(|(key, _)| *key == group)
                .map(|(_, sum)| sum)
                .sum();
            assert_eq!(
                sum,
                (1..=100).filter(|value| value % 7 == group).sum::<i64>()
            );
        }
    }

    #[test]
    fn values_that_differ_make_keys_that_differ() {
        let values = [
            vec![ValueRef::Null, ValueRef::Text(b"")],
            vec![ValueRef::Text(b""), ValueRef::Null],
            vec![ValueRef::Text(b"ab"), ValueRef::Text(b"c")],
            vec![ValueRef::Text(b"a"), ValueRef::Text(b"bc")],
            vec![ValueRef::Integer(0), ValueRef::Text(b"0")],
        ];
        let keys: std::collections::HashSet<Vec<u8>> = values
            .iter()
            .map(|row| {
                let mut key = Vec::new();
                row.iter().for_each(|value| write_key(*value, &mut key));
                key
            })
            .collect();
        assert_eq!(keys.len(), values.len());
    }
}
