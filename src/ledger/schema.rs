//! The tables, and connections to them.
//!
//! `calls` is keyed by an id that grows with time, so a row is an append to one b-tree; the one index
//! is over `started_at`, which every question narrows by.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

use super::{Error, lock};

static STEPS: [M<'static>; 3] = [
    M::up(
        r#"
    CREATE TABLE calls (
        id TEXT PRIMARY KEY,
        started_at INTEGER NOT NULL,
        ended_at INTEGER NOT NULL,
        provider TEXT NOT NULL,
        operation TEXT NOT NULL,
        dialect TEXT NOT NULL,
        request_model TEXT,
        model TEXT,
        "key" TEXT,
        user TEXT,
        team TEXT,
        project TEXT,
        task TEXT,
        tags TEXT NOT NULL,
        streamed INTEGER NOT NULL,
        input_tokens INTEGER,
        output_tokens INTEGER,
        cache_read_tokens INTEGER,
        cache_write_5m_tokens INTEGER,
        cache_write_1h_tokens INTEGER,
        reasoning_tokens INTEGER,
        audio_input_tokens INTEGER,
        audio_output_tokens INTEGER,
        image_input_tokens INTEGER,
        image_output_tokens INTEGER,
        other_units TEXT NOT NULL,
        usage_source TEXT NOT NULL,
        cost_picousd INTEGER,
        price_version TEXT,
        http_status INTEGER,
        outcome TEXT NOT NULL,
        error_type TEXT,
        first_byte_ms INTEGER,
        duration_ms INTEGER,
        request_bytes INTEGER,
        response_bytes INTEGER,
        upstream_request_id TEXT,
        refused_by TEXT
    ) STRICT, WITHOUT ROWID;

    CREATE INDEX calls_started_at ON calls (started_at);

    CREATE TABLE holds (
        id TEXT PRIMARY KEY,
        started_at INTEGER NOT NULL,
        provider TEXT NOT NULL,
        operation TEXT NOT NULL,
        dialect TEXT NOT NULL,
        request_model TEXT,
        "key" TEXT,
        user TEXT,
        team TEXT,
        project TEXT,
        task TEXT,
        tags TEXT NOT NULL,
        streamed INTEGER NOT NULL,
        input_tokens INTEGER,
        input_cost_picousd INTEGER,
        price_version TEXT
    ) STRICT, WITHOUT ROWID;
    "#,
    ),
    M::up(
        r#"
    -- What the price depended on besides provider and model: an object of texts, or NULL.
    ALTER TABLE calls ADD COLUMN price_selectors TEXT;
    -- The provider's name for what was made: whoever fetches it again is not charged again.
    ALTER TABLE calls ADD COLUMN response_id TEXT;
    CREATE INDEX calls_response_id ON calls (started_at, provider, response_id)
        WHERE response_id IS NOT NULL;

    -- What a call had cost before it was priced anew.
    CREATE TABLE repricings (
        call_id TEXT NOT NULL,
        repriced_at INTEGER NOT NULL,
        cost_picousd INTEGER,
        price_version TEXT,
        PRIMARY KEY (call_id, repriced_at)
    ) STRICT, WITHOUT ROWID;
    "#,
    ),
    M::up(
        r#"
    -- The model that a downgrade put in the place of the one that was asked for.
    ALTER TABLE calls ADD COLUMN sent_model TEXT;
    ALTER TABLE holds ADD COLUMN sent_model TEXT;
    -- The call of which this row is a failed attempt that may have been billed.
    ALTER TABLE calls ADD COLUMN attempt_of TEXT;
    ALTER TABLE calls ADD COLUMN forwarded INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE holds ADD COLUMN attempt_of TEXT;
    -- The instant under which budgets count the call, where that is not its start.
    ALTER TABLE calls ADD COLUMN counted_at INTEGER;
    ALTER TABLE holds ADD COLUMN counted_at INTEGER;
    CREATE INDEX calls_counted_at ON calls (counted_at) WHERE counted_at IS NOT NULL;
    -- What a call in flight is charged if it never ends: more than its input, where that is the policy.
    ALTER TABLE holds RENAME COLUMN input_cost_picousd TO cost_picousd;
    ALTER TABLE holds ADD COLUMN output_tokens INTEGER;

    -- Keys that weir gave out. `id` is what calls show as their key; it outlives a rotation.
    CREATE TABLE keys (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        user TEXT,
        team TEXT,
        project TEXT,
        task TEXT,
        tags TEXT NOT NULL,
        models TEXT,
        budgets TEXT,
        created_at INTEGER NOT NULL,
        expires_at INTEGER,
        revoked_at INTEGER,
        last_used_at INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX keys_name ON keys (name) WHERE revoked_at IS NULL;

    -- What a client shows: SHA-256, never the key itself. A rotated key has two for a while.
    CREATE TABLE key_secrets (
        sha256 TEXT PRIMARY KEY,
        key_id TEXT NOT NULL REFERENCES keys (id),
        hint TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        valid_until INTEGER
    ) STRICT, WITHOUT ROWID;

    -- What operators did.
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        action TEXT NOT NULL,
        subject TEXT NOT NULL,
        via TEXT NOT NULL,
        detail TEXT NOT NULL
    ) STRICT;

    -- From when on a budget counts, where that is later than its window's start. `each_value` is
    -- NULL for all of its instances.
    CREATE TABLE budget_resets (
        id INTEGER PRIMARY KEY,
        budget TEXT NOT NULL,
        each_value TEXT,
        at INTEGER NOT NULL
    ) STRICT;

    -- What was said, once per budget, instance, window and threshold. It resolves itself at
    -- `open_until`, the window's end; NULL = an operator does. The counts are of deliveries.
    CREATE TABLE alerts (
        id TEXT PRIMARY KEY,
        raised_at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        once_key TEXT NOT NULL UNIQUE,
        budget TEXT,
        each_value TEXT,
        detail TEXT NOT NULL,
        open_until INTEGER,
        resolved_at INTEGER,
        delivered INTEGER NOT NULL DEFAULT 0,
        failed INTEGER NOT NULL DEFAULT 0
    ) STRICT, WITHOUT ROWID;

    -- What has yet to be delivered, per target: the name of a webhook, never its address.
    CREATE TABLE alert_deliveries (
        id INTEGER PRIMARY KEY,
        alert_id TEXT NOT NULL REFERENCES alerts (id),
        target TEXT NOT NULL,
        attempts INTEGER NOT NULL,
        next_at INTEGER NOT NULL
    ) STRICT;
    "#,
    ),
];

const MIGRATIONS: Migrations<'static> = Migrations::from_slice(&STEPS);

/// The schema that this weir reads and writes: the number of migrations.
const VERSION: i64 = 3;

/// How long a statement waits for another process that holds the database's write lock, such as a
/// shell. Below the time that a hold is waited for, so that the fault is seen.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// Pages (4 KiB) in the write-ahead log past which the writer itself folds it in: 32 MiB. Under
/// unbroken load the folding thread never quite catches up, and the log can only begin anew when it
/// has; what is left for the writer by then is little.
const LOG_PAGES_MAX: i64 = 8_192;

/// The log file is cut to this after a checkpoint.
const LOG_BYTES_MAX: i64 = 16 * 1024 * 1024;

/// The database's path in a data directory.
pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join("weir.db")
}

/// The writer's connection, with every migration applied.
pub(super) fn open_to_write(dir: &Path) -> Result<Connection, Error> {
    let path = path(dir);
    // SQLite would make it readable by everyone; its log and index take the mode of this file.
    drop(lock::private_file(&path)?);
    prepare(&path).map_err(|fault| match fault {
        rusqlite_migration::Error::RusqliteError { err, .. } => Error::at(&path, err),
        rusqlite_migration::Error::MigrationDefinition(_) => Error::Schema {
            found: version(&path).unwrap_or(-1),
            path: path.clone(),
            wanted: VERSION,
            remedy: "a newer weir wrote it; use that one",
        },
        other => Error::Io {
            path: path.clone(),
            source: std::io::Error::other(other),
        },
    })
}

fn prepare(path: &Path) -> Result<Connection, rusqlite_migration::Error> {
    let mut db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "NORMAL")?;
    db.pragma_update(None, "wal_autocheckpoint", LOG_PAGES_MAX)?;
    db.pragma_update(None, "journal_size_limit", LOG_BYTES_MAX)?;
    MIGRATIONS.to_latest(&mut db)?;
    Ok(db)
}

/// The connection that folds the log in; it writes nothing of its own.
pub(super) fn open_to_fold(dir: &Path) -> Result<Connection, Error> {
    let path = path(dir);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let db = Connection::open_with_flags(&path, flags)?;
        db.pragma_update(None, "synchronous", "NORMAL")?;
        Ok(db)
    };
    open().map_err(|source| Error::at(&path, source))
}

fn version(path: &Path) -> Option<i64> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    db.pragma_query_value(None, "user_version", |row| row.get(0))
        .ok()
}

/// How long a statement that changes rows beside a running weir waits for its turn: the writer's
/// groups take milliseconds, but under load they come one after the other.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection that cannot write, whether or not a weir is writing at the same time.
pub(super) fn open_to_read(dir: &Path) -> Result<Connection, Error> {
    open_as_it_is(dir, OpenFlags::SQLITE_OPEN_READ_ONLY, BUSY_TIMEOUT)
}

/// A connection for changing rows that are on record, whether or not a weir is writing at the same time.
pub(super) fn open_to_change(dir: &Path) -> Result<Connection, Error> {
    let db = open_as_it_is(dir, OpenFlags::SQLITE_OPEN_READ_WRITE, CHANGE_TIMEOUT)?;
    db.pragma_update(None, "synchronous", "NORMAL")
        .map_err(|source| Error::at(&path(dir), source))?;
    Ok(db)
}

/// Does `work` in one transaction: all of it, or nothing.
pub(super) fn change<T>(
    db: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

/// A connection to a ledger that this weir can use without changing its tables.
fn open_as_it_is(dir: &Path, access: OpenFlags, patience: Duration) -> Result<Connection, Error> {
    let path = path(dir);
    if !path.exists() {
        return Err(Error::Missing { path });
    }
    let at = |source| Error::at(&path, source);
    let db =
        Connection::open_with_flags(&path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(at)?;
    db.busy_timeout(patience).map_err(at)?;
    let found: i64 = db
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(at)?;
    if found != VERSION {
        let remedy = if found < VERSION {
            "start `weir serve` on it once"
        } else {
            "a newer weir wrote it; use that one"
        };
        return Err(Error::Schema {
            path,
            found,
            wanted: VERSION,
            remedy,
        });
    }
    Ok(db)
}

/// A database as the first schema made it, with what `rows` adds.
#[cfg(test)]
pub(super) fn first(dir: &Path, rows: &str) {
    let mut db = Connection::open(path(dir)).unwrap();
    MIGRATIONS.to_version(&mut db, 1).unwrap();
    db.execute_batch(rows).unwrap();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_migrations_lead_to_the_version_that_readers_expect() {
        assert_eq!(MIGRATIONS.validate(), Ok(()));
        let dir = tempfile::tempdir().unwrap();
        drop(open_to_write(dir.path()).unwrap());
        assert_eq!(version(&path(dir.path())), Some(VERSION));
        open_to_read(dir.path()).unwrap();
    }

    #[test]
    fn a_newer_or_damaged_file_is_refused_with_a_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let db = open_to_write(dir.path()).unwrap();
        db.pragma_update(None, "user_version", 99).unwrap();
        drop(db);
        for fault in [open_to_write(dir.path()), open_to_read(dir.path())] {
            let text = fault.unwrap_err().to_string();
            assert!(
                text.contains("schema 99") && text.contains("newer weir"),
                "{text}"
            );
        }
        std::fs::write(
            path(dir.path()),
            "not a database, and longer than its header is ".repeat(9),
        )
        .unwrap();
        let text = open_to_write(dir.path()).unwrap_err().to_string();
        assert!(text.contains("is damaged; move it aside"), "{text}");
    }

    #[test]
    #[cfg(unix)]
    fn only_the_owner_can_read_the_files() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("data");
        let _lock = lock::take(&dir).unwrap();
        let db = open_to_write(&dir).unwrap();
        db.execute_batch("CREATE TABLE t (a)").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&dir), 0o700);
        let files: Vec<_> = std::fs::read_dir(&dir)
            .unwrap()
            .map(|f| f.unwrap().path())
            .collect();
        assert!(files.len() >= 3, "database, log and lock: {files:?}");
        for file in files {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    }
}
