//! Calls and holds as rows, in both directions.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::types::ToSql;
use rusqlite::{Row, Statement};
use uuid::Uuid;

use super::{Call, CallHead, Hold, Labels, Outcome, names, selectors_json, units_json};
use crate::providers::ErrorType;
use crate::units::PicoUsd;
use crate::usage::{Usage, UsageSource};

/// Writes a call; a second row of the same id changes nothing.
pub(super) const INSERT_CALL: &str = r#"
    INSERT INTO calls (
        id, started_at, ended_at, provider, operation, dialect, request_model, model,
        "key", user, team, project, task, tags, streamed,
        input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens,
        cache_write_1h_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens,
        image_input_tokens, image_output_tokens, other_units, usage_source, cost_picousd,
        price_version, http_status, outcome, error_type, first_byte_ms, duration_ms,
        request_bytes, response_bytes, upstream_request_id, refused_by,
        price_selectors, response_id, sent_model, attempt_of, counted_at, forwarded
    ) VALUES (
        ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
        ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38,
        ?39, ?40, ?41, ?42, ?43, ?44
    ) ON CONFLICT (id) DO NOTHING"#;

/// Writes a hold, in place of the one with its id where there is one.
pub(super) const PUT_HOLD: &str = r#"
    INSERT OR REPLACE INTO holds (
        id, started_at, provider, operation, dialect, request_model,
        "key", user, team, project, task, tags, streamed,
        input_tokens, output_tokens, cost_picousd, price_version, sent_model, attempt_of, counted_at
    ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
        ?19, ?20)"#;

/// Ends a hold.
pub(super) const END_HOLD: &str = "DELETE FROM holds WHERE id = ?1";

/// Binds values to a statement's parameters, one after the other.
struct Binder<'s, 'db> {
    statement: &'s mut Statement<'db>,
    next: usize,
}

impl Binder<'_, '_> {
    fn put(&mut self, value: impl ToSql) -> rusqlite::Result<()> {
        self.statement.raw_bind_parameter(self.next, value)?;
        self.next += 1;
        Ok(())
    }

    /// A count; one that no provider means to say is stored as the largest integer there is.
    fn count(&mut self, count: Option<u64>) -> rusqlite::Result<()> {
        self.put(count.map(|count| i64::try_from(count).unwrap_or(i64::MAX)))
    }

    fn labels(&mut self, labels: &Labels) -> rusqlite::Result<()> {
        for label in [
            &labels.key,
            &labels.user,
            &labels.team,
            &labels.project,
            &labels.task,
        ] {
            self.put(label.as_deref())?;
        }
        self.put(&*tags_text(&labels.tags))
    }

    /// What was sent besides what was asked for.
    fn sent(&mut self, head: &CallHead) -> rusqlite::Result<()> {
        self.put(head.sent_model.as_deref())?;
        let mut buffer = [0; 36];
        self.put(head.attempt_of.map(|id| id_text(id, &mut buffer) as &str))?;
        self.put(head.counted_at)
    }
}

fn tags_text(tags: &BTreeMap<String, String>) -> Cow<'static, str> {
    if tags.is_empty() {
        return "{}".into();
    }
    serde_json::to_string(tags)
        .expect("a map of texts is JSON")
        .into()
}

fn id_text(id: Uuid, buffer: &mut [u8; 36]) -> &str {
    id.hyphenated().encode_lower(buffer)
}

/// Runs [`PUT_HOLD`].
pub(super) fn put_hold(statement: &mut Statement<'_>, hold: &Hold) -> rusqlite::Result<()> {
    let head = &hold.head;
    let mut to = Binder { statement, next: 1 };
    to.put(id_text(head.id, &mut [0; 36]))?;
    to.put(head.started_at)?;
    to.put(&*head.provider)?;
    to.put(&*head.operation)?;
    to.put(&*head.dialect)?;
    to.put(head.request_model.as_deref())?;
    to.labels(&head.labels)?;
    to.put(head.streamed)?;
    to.count(hold.input_tokens)?;
    to.count(hold.output_tokens)?;
    to.put(hold.cost.map(PicoUsd::to_i64))?;
    to.put(hold.price_version.as_deref())?;
    to.sent(head)?;
    statement.raw_execute().map(drop)
}

/// Runs [`END_HOLD`].
pub(super) fn end_hold(statement: &mut Statement<'_>, id: Uuid) -> rusqlite::Result<()> {
    statement.raw_bind_parameter(1, id_text(id, &mut [0; 36]))?;
    statement.raw_execute().map(drop)
}

/// Runs [`INSERT_CALL`].
pub(super) fn insert_call(statement: &mut Statement<'_>, call: &Call) -> rusqlite::Result<()> {
    let head = &call.head;
    let mut to = Binder { statement, next: 1 };
    to.put(id_text(head.id, &mut [0; 36]))?;
    to.put(head.started_at)?;
    to.put(call.ended_at)?;
    to.put(&*head.provider)?;
    to.put(&*head.operation)?;
    to.put(&*head.dialect)?;
    to.put(head.request_model.as_deref())?;
    to.put(call.model.as_deref())?;
    to.labels(&head.labels)?;
    to.put(head.streamed)?;
    put_usage(&mut to, call.usage.as_ref())?;
    to.put(call.usage_source.name())?;
    to.put(call.cost.map(PicoUsd::to_i64))?;
    to.put(call.price_version.as_deref())?;
    to.put(call.http_status)?;
    to.put(call.outcome.name())?;
    to.put(call.error_type.map(crate::providers::ErrorType::name))?;
    to.put(call.first_byte_ms)?;
    to.put(call.duration_ms)?;
    to.count(Some(call.request_bytes))?;
    to.count(Some(call.response_bytes))?;
    to.put(call.upstream_request_id.as_deref())?;
    to.put(call.refused_by.as_deref())?;
    to.put(selectors_json::write(&call.selectors))?;
    to.put(call.response_id.as_deref())?;
    to.sent(head)?;
    to.put(call.forwarded)?;
    statement.raw_execute().map(drop)
}

fn put_usage(to: &mut Binder<'_, '_>, usage: Option<&Usage>) -> rusqlite::Result<()> {
    let none = Usage::default();
    let usage = usage.unwrap_or(&none);
    let short_writes = match (usage.cache_write_5m, usage.cache_write_other) {
        (None, None) => None,
        (five, other) => Some(five.unwrap_or(0).saturating_add(other.unwrap_or(0))),
    };
    to.count(usage.input)?;
    to.count(usage.output)?;
    to.count(usage.cache_read)?;
    to.count(short_writes)?;
    to.count(usage.cache_write_1h)?;
    to.count(usage.reasoning)?;
    to.count(usage.audio_input)?;
    to.count(usage.audio_output)?;
    to.count(usage.image_input)?;
    to.count(usage.image_output)?;
    to.put(&*units_json::write(usage))
}

/// The columns that [`call`] reads, in its order.
pub(super) const CALL_COLUMNS: &str = r#"
    id, started_at, ended_at, provider, operation, dialect, request_model, model,
    "key", user, team, project, task, tags, streamed,
    input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens,
    cache_write_1h_tokens, reasoning_tokens, audio_input_tokens, audio_output_tokens,
    image_input_tokens, image_output_tokens, other_units, usage_source, cost_picousd,
    price_version, http_status, outcome, error_type, first_byte_ms, duration_ms,
    request_bytes, response_bytes, upstream_request_id, refused_by, price_selectors, response_id,
    sent_model, attempt_of, counted_at, forwarded"#;

/// The labels of a row in which six columns from `first` on are key to tags.
pub(super) fn labels(row: &Row<'_>, first: usize) -> rusqlite::Result<Labels> {
    let tags = row.get_ref(first + 5)?.as_str().unwrap_or("{}");
    Ok(Labels {
        key: row.get(first)?,
        user: row.get(first + 1)?,
        team: row.get(first + 2)?,
        project: row.get(first + 3)?,
        task: row.get(first + 4)?,
        tags: if tags == "{}" {
            BTreeMap::new()
        } else {
            serde_json::from_str(tags).unwrap_or_default()
        },
    })
}

/// A count; `None` where it was not reported.
pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    Ok(row
        .get::<_, Option<i64>>(column)?
        .map(|count| u64::try_from(count).unwrap_or(0)))
}

/// The token columns of a row in which they begin at `first`, from `input_tokens` on.
pub(super) fn token_columns(row: &Row<'_>, first: usize) -> rusqlite::Result<Usage> {
    Ok(Usage {
        input: count(row, first)?,
        output: count(row, first + 1)?,
        cache_read: count(row, first + 2)?,
        cache_write_5m: count(row, first + 3)?,
        cache_write_1h: count(row, first + 4)?,
        reasoning: count(row, first + 5)?,
        audio_input: count(row, first + 6)?,
        audio_output: count(row, first + 7)?,
        image_input: count(row, first + 8)?,
        image_output: count(row, first + 9)?,
        ..Usage::default()
    })
}

fn usage(row: &Row<'_>) -> rusqlite::Result<Option<Usage>> {
    let mut usage = token_columns(row, 15)?;
    units_json::read(row.get_ref(25)?.as_str()?, &mut usage);
    if let (Some(written), Some(other)) = (usage.cache_write_5m, usage.cache_write_other) {
        usage.cache_write_5m = Some(written.saturating_sub(other)).filter(|&five| five > 0);
    }
    Ok(Some(usage).filter(|usage| *usage != Usage::default()))
}

/// A row of [`CALL_COLUMNS`]. Names that this weir does not know, from a newer one, read as the least
/// that they can mean.
pub(super) fn call(row: &Row<'_>) -> rusqlite::Result<Call> {
    Ok(Call {
        head: Arc::new(CallHead {
            id: Uuid::try_parse(row.get_ref(0)?.as_str()?).unwrap_or_default(),
            started_at: row.get(1)?,
            provider: row.get(3)?,
            operation: row.get(4)?,
            dialect: row.get(5)?,
            request_model: row.get(6)?,
            labels: labels(row, 8)?,
            streamed: row.get(14)?,
            sent_model: row.get(40)?,
            attempt_of: row
                .get_ref(41)?
                .as_str_or_null()?
                .and_then(|id| Uuid::try_parse(id).ok()),
            counted_at: row.get(42)?,
        }),
        ended_at: row.get(2)?,
        model: row.get(7)?,
        usage: usage(row)?,
        usage_source: names::usage_source(row.get_ref(26)?.as_str()?).unwrap_or(UsageSource::None),
        cost: row
            .get::<_, Option<i64>>(27)?
            .map(|pico| PicoUsd::new(pico.into())),
        price_version: row.get(28)?,
        http_status: row.get(29)?,
        outcome: Outcome::parse(row.get_ref(30)?.as_str()?).unwrap_or(Outcome::UpstreamError),
        error_type: row
            .get_ref(31)?
            .as_str_or_null()?
            .and_then(ErrorType::parse),
        first_byte_ms: row.get(32)?,
        duration_ms: row.get(33)?,
        request_bytes: count(row, 34)?.unwrap_or(0),
        response_bytes: count(row, 35)?.unwrap_or(0),
        upstream_request_id: row.get(36)?,
        refused_by: row.get(37)?,
        forwarded: row.get(43)?,
        selectors: selectors_json::read(row.get_ref(38)?.as_str_or_null()?),
        response_id: row.get(39)?,
    })
}
