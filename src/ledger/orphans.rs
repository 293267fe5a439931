//! What a crash left behind: calls that were in flight become rows, once.

use rusqlite::Connection;

/// Turns every hold into a call with outcome `orphaned` charged what its hold says, and says how many
/// there were. A hold whose call is on record just ends.
pub(super) fn settle(db: &mut Connection, ended_at: i64) -> rusqlite::Result<usize> {
    let work = db.transaction()?;
    let settled = work.execute(
        r#"
        INSERT INTO calls (
            id, started_at, ended_at, provider, operation, dialect, request_model, model,
            "key", user, team, project, task, tags, streamed,
            input_tokens, output_tokens, other_units, usage_source, cost_picousd, price_version, outcome,
            sent_model, attempt_of, counted_at
        )
        SELECT
            id, started_at, max(?1, started_at), provider, operation, dialect, request_model,
            coalesce(sent_model, request_model), "key", user, team, project, task, tags, streamed,
            input_tokens, output_tokens, '{}', iif(input_tokens IS NULL, 'none', 'estimated'),
            cost_picousd, price_version, 'orphaned',
            sent_model, attempt_of, counted_at
        FROM holds WHERE true
        ON CONFLICT (id) DO NOTHING"#,
        [ended_at],
    )?;
    work.execute("DELETE FROM holds", [])?;
    work.commit()?;
    Ok(settled)
}
