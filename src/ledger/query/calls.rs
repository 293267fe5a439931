//! Single calls, newest first.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, params_from_iter};
use uuid::Uuid;

use super::{Filter, Reader};
use crate::ledger::{Call, Error, rows};

impl Reader {
    /// The newest `limit` calls that fit, newest first.
    pub fn calls(&self, filter: &Filter, limit: usize) -> Result<Vec<Call>, Error> {
        let mut calls = Vec::new();
        self.each_call(filter, limit, |call| calls.push(call))?;
        Ok(calls)
    }

    /// Hands over the newest `limit` calls that fit, newest first, without keeping them.
    pub fn each_call(
        &self,
        filter: &Filter,
        limit: usize,
        mut take: impl FnMut(Call),
    ) -> Result<(), Error> {
        let mut read = || {
            let mut parameters = Vec::new();
            let condition = filter.sql(&mut parameters);
            parameters.push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
            let sql = format!(
                "SELECT {} FROM calls WHERE {condition}
                 ORDER BY started_at DESC, id DESC LIMIT ?{}",
                rows::CALL_COLUMNS,
                parameters.len()
            );
            let mut statement = self.db.prepare_cached(&sql)?;
            let mut found = statement.query(params_from_iter(parameters))?;
            while let Some(row) = found.next()? {
                take(rows::call(row)?);
            }
            Ok(())
        };
        read().map_err(|source| self.named(source))
    }

    /// The next `limit` calls that fit, oldest first: those after `last`, which is where the page before
    /// it ended. However many there are, each page costs the same.
    pub fn page(
        &self,
        filter: &Filter,
        last: Option<&Call>,
        limit: usize,
    ) -> Result<Vec<Call>, Error> {
        let read = || {
            let mut parameters = Vec::new();
            // The index is entered where the page before ended, not where the span begins.
            let from = last.map(|last| last.head.started_at).max(filter.since);
            let narrowed = Filter {
                since: from,
                ..filter.clone()
            };
            let mut condition = narrowed.sql(&mut parameters);
            if let Some(last) = last {
                parameters.push(Value::Integer(last.head.started_at));
                parameters.push(Value::Text(last.head.id.to_string()));
                let (started, id) = (parameters.len() - 1, parameters.len());
                condition += &format!(" AND (started_at, id) > (?{started}, ?{id})");
            }
            parameters.push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
            let sql = format!(
                "SELECT {} FROM calls WHERE {condition} ORDER BY started_at, id LIMIT ?{}",
                rows::CALL_COLUMNS,
                parameters.len()
            );
            let mut statement = self.db.prepare_cached(&sql)?;
            let found = statement.query_map(params_from_iter(parameters), rows::call)?;
            found.collect::<Result<Vec<_>, _>>()
        };
        read().map_err(|source| self.named(source))
    }

    /// The ids that begin with `start`, at most `limit`; in the form in which ids are written.
    pub fn ids_from(&self, start: &str, limit: usize) -> Result<Vec<Uuid>, Error> {
        let read = || {
            // Ids are hex digits and hyphens, so all that begin alike are below the beginning and a `g`.
            let mut statement = self.db.prepare_cached(
                "SELECT id FROM calls WHERE id >= ?1 AND id < ?1 || 'g' ORDER BY id LIMIT ?2",
            )?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let found = statement.query_map(rusqlite::params![start, limit], |row| {
                Ok(Uuid::try_parse(row.get_ref(0)?.as_str()?).unwrap_or_default())
            })?;
            found.collect::<Result<Vec<_>, _>>()
        };
        read().map_err(|source| self.named(source))
    }

    /// The call of that id.
    pub fn call(&self, id: Uuid) -> Result<Option<Call>, Error> {
        let sql = format!("SELECT {} FROM calls WHERE id = ?1", rows::CALL_COLUMNS);
        let found = self
            .db
            .prepare_cached(&sql)
            .and_then(|mut one| one.query_row([id.to_string()], rows::call).optional());
        found.map_err(|source| self.named(source))
    }
}
