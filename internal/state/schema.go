package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
)

// applicationID marks our files in SQLite's header: "claw".
const applicationID = 0x636c6177

// checkBytes is the largest file that Open checks as a whole, which takes some
// 2 ms for each megabyte. A ledger of 10,000 updates has about one.
const checkBytes = 16 << 20

// migrations[n] brings a ledger from version n to n+1. What is here has been
// released: append, never edit.
var migrations = []string{
	`CREATE TABLE updates (
		seq         INTEGER PRIMARY KEY,    -- in the order of arrival
		id          INTEGER NOT NULL UNIQUE, -- Telegram's update_id
		chat        INTEGER NOT NULL,
		topic       INTEGER NOT NULL DEFAULT 0,
		user        INTEGER NOT NULL,
		message     INTEGER NOT NULL,
		sent_at     INTEGER NOT NULL,       -- all instants: Unix milliseconds, 0: none
		received_at INTEGER NOT NULL,
		status      INTEGER NOT NULL DEFAULT 0,
		body        BLOB,                   -- until claimed or ended
		command     TEXT NOT NULL DEFAULT '',
		class       TEXT NOT NULL DEFAULT '',
		claimed_at  INTEGER NOT NULL DEFAULT 0,
		finished_at INTEGER NOT NULL DEFAULT 0
	) STRICT;
	CREATE INDEX updates_open ON updates (status) WHERE status IN (0, 1);
	CREATE TABLE outbox (
		id         INTEGER PRIMARY KEY AUTOINCREMENT,
		chat       INTEGER NOT NULL,
		topic      INTEGER NOT NULL,
		edit       INTEGER NOT NULL,
		body       BLOB NOT NULL,
		attempts   INTEGER NOT NULL,
		not_before INTEGER NOT NULL
	) STRICT;
	CREATE TABLE lockouts (
		operator INTEGER PRIMARY KEY,
		failures INTEGER NOT NULL,
		until    INTEGER NOT NULL
	) STRICT;
	CREATE TABLE meta (
		key   TEXT PRIMARY KEY,
		value TEXT NOT NULL
	) STRICT, WITHOUT ROWID;`,
	`CREATE TABLE approvals (
		key     TEXT NOT NULL UNIQUE,
		version INTEGER NOT NULL,
		open    INTEGER NOT NULL,
		body    BLOB NOT NULL,
		at      INTEGER NOT NULL
	) STRICT;
	CREATE INDEX approvals_open ON approvals (open) WHERE open;
	CREATE TABLE prompts (
		approval TEXT NOT NULL,
		chat     INTEGER NOT NULL,
		topic    INTEGER NOT NULL,
		message  INTEGER NOT NULL,
		extra    INTEGER NOT NULL,
		shown    INTEGER NOT NULL,
		UNIQUE (approval, chat, topic)
	) STRICT;
	CREATE INDEX prompts_message ON prompts (chat, message);`,
	// Finish has not always erased it.
	`UPDATE updates SET command = '' WHERE status NOT IN (0, 1);`,
	`ALTER TABLE approvals ADD COLUMN leader TEXT NOT NULL DEFAULT '';
	CREATE INDEX approvals_leader ON approvals (leader);`,
	// What the message was when we sent it, as hashes, newest first.
	`ALTER TABLE prompts ADD COLUMN prints TEXT NOT NULL DEFAULT '';`,
}

func dsn(path string) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{"_pragma": {
		"busy_timeout(5000)", // an operator's sqlite3 may look in
		"synchronous(FULL)",
		"secure_delete(ON)",
		"temp_store(MEMORY)",
		"cache_size(-1024)", // KiB, for each connection
		"fullfsync(ON)",     // macOS: fsync that means it
		"trusted_schema(OFF)",
	}}.Encode()}
	return u.String()
}

// prepare checks that conn is a sound ledger that we understand, and brings it to
// the newest schema.
func prepare(ctx context.Context, conn *sql.Conn, path string) error {
	app, err := number(ctx, conn, "PRAGMA application_id")
	if err != nil {
		return err
	}
	version, err := number(ctx, conn, "PRAGMA user_version")
	if err != nil {
		return err
	}
	tables, err := number(ctx, conn, "SELECT count(*) FROM sqlite_schema")
	if err != nil {
		return err
	}
	switch fresh := app == 0 && version == 0 && tables == 0; {
	case !fresh && app != applicationID:
		return fmt.Errorf("%w: an SQLite file of another program", ErrCorrupt)
	case version > int64(len(migrations)):
		return fmt.Errorf("%w: its schema is %d, this one knows %d", ErrNewer, version, len(migrations))
	}
	if info, err := os.Stat(path); err != nil {
		return err
	} else if info.Size() <= checkBytes {
		var found string
		if err := conn.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&found); err != nil {
			return err
		}
		if found != "ok" {
			return fmt.Errorf("%w: %s", ErrCorrupt, strings.Join(strings.Fields(found), " "))
		}
	}
	if _, err := conn.ExecContext(ctx, "PRAGMA journal_mode = WAL"); err != nil {
		return err
	}
	for n := int(version); n < len(migrations); n++ {
		if err := migrate(ctx, conn, n); err != nil {
			return fmt.Errorf("bring schema %d to %d: %w", n, n+1, err)
		}
	}
	return nil
}

// migrate runs migrations[n] and notes it, in one transaction.
func migrate(ctx context.Context, conn *sql.Conn, n int) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, q := range []string{
		migrations[n],
		fmt.Sprintf("PRAGMA user_version = %d", n+1),
		fmt.Sprintf("PRAGMA application_id = %d", applicationID),
	} {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

func number(ctx context.Context, conn *sql.Conn, query string) (n int64, err error) {
	err = conn.QueryRowContext(ctx, query).Scan(&n)
	return n, err
}
