// Package state is the ledger: what has been received, what was claimed and how
// it ended, what is still to be sent. It is one SQLite file in the state folder,
// and what makes "never twice" true. It is not evidence; that is the audit.
//
// # What a crash can do
//
// Every method that writes returns when its change is on disk (WAL, synchronous
// FULL), so after a kill or a power cut at any point the file says one of these:
//
//   - The update was never stored. It was not confirmed to Telegram either and
//     comes again.
//   - It is [Received]: stored, nothing done. [Store.Recover] returns it with its
//     body; Telegram may deliver it again, and [Store.Receive] says it is not new.
//   - It is [Claimed]: its command may have run, or part of it. Recover returns
//     the claim. The caller ends it as [Unknown] with a notice in the same
//     transaction ([Store.Finish]), so that the notice cannot be lost and is not
//     made twice by the next crash. It is never run again: [Store.Claim] succeeds
//     once for an update, whoever asks and however often.
//   - It has an outcome, and the replies that belong to it wait in the outbox
//     until [Store.Sent]. A crash between sending and Sent sends them again.
//
// If a write returns an error after the disk failed during the commit, the change
// may still be found after a crash. That is the safe side for each of them: an
// update known though it is delivered again, a claim listed as unknown.
//
// # What is erased
//
// An update's body is erased when it is claimed or ends, a claim's command when it
// ends, a reply's when it was sent. The row is overwritten in its page at once (secure_delete). Older images of
// the page stay in the write-ahead log until a checkpoint empties it; that happens
// within about a second, at the latest in Close, and in the next Open after a crash.
// From then on no file of the ledger holds the text. Blocks that the file system
// or the disk keeps of freed space are out of reach.
package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Errors of [Open].
var (
	// ErrInUse means that another process has the state folder open.
	ErrInUse = errors.New("in use by another console")
	// ErrNewer means that a newer clawconsole wrote the ledger.
	ErrNewer = errors.New("written by a newer clawconsole")
	// ErrOpenFolder means that others than the folder's owner may write to it.
	ErrOpenFolder = errors.New("folder can be written by others")
	// ErrForeignFolder means that the folder is somebody else's.
	ErrForeignFolder = errors.New("folder belongs to another user")
	// ErrCorrupt means that the file is damaged, or is no ledger.
	ErrCorrupt = errors.New("damaged or not a ledger")
)

// ErrClosed is returned by every method after Close.
var ErrClosed = errors.New("ledger is closed")

// A Store is an open ledger. Its methods are safe for concurrent use. Concurrent
// writes share one transaction and one fsync; each returns its own error, and a
// write that fails does not touch the others.
//
// A method whose ctx ends before its write has begun writes nothing and returns
// ctx's error. Once begun it is waited for, so that the answer is always true.
type Store struct {
	path    string
	db      *sql.DB
	lock    *os.File
	ops     chan *op
	quit    chan struct{} // closed by Close
	stopped chan struct{} // closed when the writer has ended

	closing sync.Once
	closed  error
}

// Open opens the ledger at path and creates it, and the folder, if there is none.
// The folder is made 0700, the file 0600; an existing file is set to 0600, and an
// existing folder that others may write to gets ErrOpenFolder, another user's
// ErrForeignFolder. Only
// one process can have it open: the second gets ErrInUse. A file that fails
// SQLite's check gets ErrCorrupt, one with a later schema ErrNewer, and neither is
// changed.
func Open(ctx context.Context, path string) (_ *Store, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("open ledger %q: %w", path, classify(err))
		}
	}()
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	if err := CheckFolder(filepath.Dir(path), os.Geteuid()); err != nil {
		return nil, err
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, err
	}
	s := &Store{
		path:    path,
		lock:    lock,
		ops:     make(chan *op),
		quit:    make(chan struct{}),
		stopped: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			if s.db != nil {
				_ = s.db.Close()
			}
			_ = lock.Close()
		}
	}()
	if err := secureFiles(path); err != nil {
		return nil, err
	}
	if s.db, err = sql.Open("sqlite", dsn(path)); err != nil {
		return nil, err
	}
	// One connection writes, one reads.
	s.db.SetMaxOpenConns(2)
	s.db.SetMaxIdleConns(2)
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, conn, path); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	w := &writer{conn: conn, stmts: make(map[string]*sql.Stmt)}
	if err := w.emptyLog(); err != nil {
		return nil, errors.Join(err, w.close())
	}
	go s.run(w)
	return s, nil
}

// Close waits for the write in progress, empties the write-ahead log and releases
// the folder. Calls that wait to write get ErrClosed.
func (s *Store) Close() error {
	s.closing.Do(func() {
		close(s.quit)
		<-s.stopped
		if err := errors.Join(s.closed, s.db.Close(), s.lock.Close()); err != nil {
			s.closed = fmt.Errorf("close ledger: %w", err)
		}
	})
	return s.closed
}

// Check reports whether the ledger can be written, by writing to it.
func (s *Store) Check(ctx context.Context) error {
	return s.SetMeta(ctx, "checked_at", time.Now().UTC().Format(time.RFC3339))
}

// classify adds our sentinel to SQLite's error where there is one.
func classify(err error) error {
	if e, ok := errors.AsType[*sqlite.Error](err); ok && !errors.Is(err, ErrCorrupt) {
		switch e.Code() & 0xff {
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return fmt.Errorf("%w (%w)", ErrCorrupt, err)
		}
	}
	return err
}

// CheckFolder refuses a folder in which anybody but user uid can replace the files:
// with them go what was claimed, who is locked out and the record. A uid below 0 stands
// for whoever owns it. The error is ErrForeignFolder, ErrOpenFolder or of the system.
func CheckFolder(dir string, uid int) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if is, ok := owner(info); ok && uid >= 0 && is != uid {
		return fmt.Errorf("%w: %q is of user %d, this is %d; chown it", ErrForeignFolder, dir, is, uid)
	}
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("%w: %q has mode %#o; chmod 700", ErrOpenFolder, dir, mode)
	}
	return nil
}

// secureFiles creates the file at path if there is none, and sees to it that
// nobody else can read what is there. SQLite gives -wal and -shm the mode of the
// database.
func secureFiles(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case err == nil:
		if err := f.Close(); err != nil {
			return err
		}
		if err := syncDir(filepath.Dir(path)); err != nil {
			return err
		}
	case !errors.Is(err, os.ErrExist):
		return err
	}
	for _, p := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Lstat(p)
		if errors.Is(err, os.ErrNotExist) && p != path {
			continue
		}
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%q is not a regular file", p)
		}
		if info.Mode().Perm() != 0o600 {
			if err := os.Chmod(p, 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
