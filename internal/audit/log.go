package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"clawconsole/redact"
)

const (
	// maxFile is the size at which a new file is begun.
	maxFile = 64 << 20
	// maxWrite is how much is written before it is synced, except for a record
	// that is longer by itself.
	maxWrite = 256 << 10
	// window is how much of the newest file Open checks: more than a crash can
	// have left half written.
	window = 2 * (maxWrite + maxLine)
)

var (
	// ErrInUse means that another process writes this record.
	ErrInUse = errors.New("in use by another process")
	// ErrStuck means that the log can no longer say what is on disk, or that its
	// file was changed by somebody else. It takes no record until it is opened
	// again. The error that holds it says why.
	ErrStuck = errors.New("record cannot be continued")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("record is closed")
)

// A Log appends to the record. Its methods are safe for concurrent use.
// Concurrent appends share one write and one fsync.
type Log struct {
	path string
	max  int64 // rotate before the file gets longer

	mu   sync.Mutex // never held while writing
	next *batch     // takes records until somebody writes it
	head Anchor

	writing sync.Mutex // guards what follows
	file    file
	size    int64   // of file, all of it synced
	first   int64   // seq of the first record in file
	stuck   error   // set once: nothing more is written
	owed    *Record // audit.repaired, if Open could not write it
	buf     []byte
}

// file is what a Log does with an *os.File.
type file interface {
	io.WriterAt
	Truncate(size int64) error
	Sync() error
	Stat() (os.FileInfo, error)
	Close() error
}

// A batch is the records of callers that wait for the same write.
type batch struct {
	records []Record
	entries []Entry
	errs    []error
	written bool
}

// Open opens the record at path, a file "audit.jsonl" in the state folder, and
// creates it, 0600, if there is none; the chain then goes on from the newest
// rotated file beside it. A line that a crash has cut short is removed, or
// completed if only its line end is missing, and an audit.repaired record says so.
// It checks the newest records only: a whole check is [Verify]. If those were
// changed it returns a *BrokenError: the file has to be moved away by a person.
func Open(path string) (*Log, error) { return open(path, maxFile) }

func open(path string, max int64) (_ *Log, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("open record %q: %w", path, err)
		}
	}()
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	l := &Log{path: path, max: max}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return nil, err
	}
	l.file = f
	defer func() {
		if err != nil {
			_ = f.Close()
		}
	}()
	if err := lock(f); err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	if now, err := os.Lstat(path); err != nil {
		return nil, err
	} else if !os.SameFile(info, now) {
		return nil, ErrInUse // and rotated just now
	}
	if info.Mode().Perm() != 0o600 {
		if err := f.Chmod(0o600); err != nil {
			return nil, err
		}
	}
	// Left by a crash during a rotation, still empty.
	if err := os.Remove(l.path + ".new"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err := l.resume(f, info.Size()); err != nil {
		return nil, err
	}
	if l.owed != nil {
		// On a full disk this has to wait for the first record that can be written.
		l.write(nil, nil, nil)
	}
	return l, nil
}

// resume finds the head of the record in f, or in the rotated file before it, and
// repairs what a crash has left.
func (l *Log) resume(f *os.File, size int64) error {
	before := genesis
	older, err := segments(l.path)
	if err != nil {
		return err
	}
	if len(older) > 0 {
		if before, err = lastOf(older[len(older)-1].path); err != nil {
			return err
		}
	}
	head, rest, err := scanEnd(f, size, before)
	if err != nil {
		return err
	}
	good := size - int64(len(rest))
	l.head, l.size, l.first = head, good, before.Seq+1
	if len(rest) == 0 {
		return nil
	}
	e, why := parse(rest, head)
	switch {
	case why == "" && head.Hash != "":
		if _, err := f.WriteAt([]byte{'\n'}, size); err != nil {
			return err
		}
		l.head, l.size = e.anchor(), size+1
		l.owed = &Record{Event: Repaired, Reason: redact.Literal("completed the line end of the newest record")}
	case head.Hash != "" && cutShort(rest):
		if err := f.Truncate(good); err != nil {
			return err
		}
		l.owed = &Record{
			Event:  Repaired,
			Reason: redact.Sprintf("removed %s bytes of a record that was cut short", redact.Int(int64(len(rest)))),
			Digest: hexSum(rest),
		}
	default:
		_, err := Verify(context.Background(), l.path)
		if err == nil {
			err = &BrokenError{File: filepath.Base(l.path), Why: "its newest records are not a chain"}
		}
		return err
	}
	return f.Sync()
}

// cutShort reports whether a crash can have left rest after the last good line: a
// line without its end, or blocks that were never written. One changed byte makes
// neither of an acknowledged line.
func cutShort(rest []byte) bool {
	return bytes.IndexByte(rest, '\n') < 0 || bytes.Contains(rest, make([]byte, 16))
}

// scanEnd checks the newest lines of f and returns the last good record and what
// comes after it. before is the record before the file. If not even the first of
// those lines is good, the head has no hash.
func scanEnd(f io.ReaderAt, size int64, before Anchor) (head Anchor, rest []byte, err error) {
	start := max(0, size-window)
	rest = make([]byte, size-start)
	if _, err := f.ReadAt(rest, start); err != nil && (err != io.EOF || size > start) {
		return head, nil, err
	}
	if start > 0 {
		rest = rest[bytes.IndexByte(rest, '\n')+1:]
	} else {
		head = before
	}
	for {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			return head, rest, nil
		}
		e, why := parse(rest[:i], head)
		if why != "" {
			return head, rest, nil
		}
		head, rest = e.anchor(), rest[i+1:]
	}
}

// Append writes r and returns its entry when it is on disk. If it returns an error
// the record is not in the log, and what was to be recorded must not be done. After
// a failed write the log goes on as soon as it can write again; after a failed
// fsync, or if the file was changed by somebody else, every Append returns an error
// that is ErrStuck. ctx is only looked at before: a record under way is waited for.
func (l *Log) Append(ctx context.Context, r Record) (Entry, error) {
	fail := func(err error) (Entry, error) {
		return Entry{}, fmt.Errorf("record %s: %w", r.Event, err)
	}
	if r.Event == "" {
		return fail(errors.New("no event"))
	}
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	l.mu.Lock()
	if l.next == nil {
		l.next = new(batch)
	}
	b := l.next
	i := len(b.records)
	b.records = append(b.records, r)
	l.mu.Unlock()

	// Who gets here first writes for all who have come until then.
	l.writing.Lock()
	defer l.writing.Unlock()
	if !b.written {
		l.mu.Lock()
		l.next = nil
		l.mu.Unlock()
		l.writeBatch(b)
	}
	if err := b.errs[i]; err != nil {
		return fail(err)
	}
	return b.entries[i], nil
}

// writeBatch writes the records of b in portions.
func (l *Log) writeBatch(b *batch) {
	b.written = true
	b.entries = make([]Entry, len(b.records))
	b.errs = make([]error, len(b.records))
	for i := 0; i < len(b.records); {
		i += l.write(b.records[i:], b.entries[i:], b.errs[i:])
	}
}

// write writes the first of records, up to maxWrite bytes, sets their entries or
// errs and returns how many it has dealt with.
func (l *Log) write(records []Record, entries []Entry, errs []error) (n int) {
	head, now, buf := l.head, time.Now(), l.buf[:0]
	if l.owed != nil {
		e := l.owed.next(head, now)
		buf, head = e.appendLine(buf), e.anchor()
	}
	for ; n < len(records) && len(buf) < maxWrite; n++ {
		e := records[n].next(head, now)
		long := e.appendLine(buf)
		if len(long)-len(buf) > maxLine {
			errs[n] = fmt.Errorf("%d bytes are more than a record can have (%d)", len(long)-len(buf), maxLine)
			continue
		}
		buf, head, entries[n] = long, e.anchor(), e
	}
	l.buf = buf
	if len(buf) == 0 {
		return n
	}
	if err := l.put(buf); err != nil {
		for i := range n {
			entries[i] = Entry{}
			if errs[i] == nil {
				errs[i] = err
			}
		}
		return n
	}
	l.owed = nil
	l.mu.Lock()
	l.head = head
	l.mu.Unlock()
	return n
}

// put puts lines on disk at the end of the file, or leaves it as it was.
func (l *Log) put(lines []byte) error {
	if l.stuck != nil {
		return l.stuck
	}
	if err := l.untouched(); err != nil {
		return err
	}
	if l.size > 0 && l.size+int64(len(lines)) > l.max {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	if _, err := l.file.WriteAt(lines, l.size); err != nil {
		if undo := l.file.Truncate(l.size); undo != nil {
			return l.getStuck(errors.Join(err, undo))
		}
		return err
	}
	if err := l.file.Sync(); err != nil {
		// The kernel may have dropped the pages and would call the next fsync a
		// success, so nothing after this can be believed.
		_ = l.file.Truncate(l.size)
		return l.getStuck(err)
	}
	l.size += int64(len(lines))
	return nil
}

func (l *Log) getStuck(why error) error {
	l.stuck = fmt.Errorf("%w until the console is started again: %w", ErrStuck, why)
	return l.stuck
}

// untouched finds out whether the file at path is still the one that we have open,
// as long as we left it.
func (l *Log) untouched() error {
	info, err := l.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() != l.size {
		return l.getStuck(fmt.Errorf("the file has %d bytes, not the %d that were written", info.Size(), l.size))
	}
	now, err := os.Lstat(l.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err != nil || !os.SameFile(info, now) {
		return l.getStuck(errors.New("the file was moved, removed or replaced"))
	}
	return nil
}

// rotate begins a new file. If it cannot, the log goes on in the old one: a record
// that is too long is better than none. It returns an error only if it is stuck.
func (l *Log) rotate() error {
	old := segmentName(l.path, l.first)
	if _, err := os.Lstat(old); err == nil || !errors.Is(err, os.ErrNotExist) {
		return nil
	}
	fresh := l.path + ".new"
	_ = os.Remove(fresh)
	f, err := os.OpenFile(fresh, os.O_RDWR|os.O_CREATE|os.O_EXCL|noFollow, 0o600)
	if err != nil {
		return nil
	}
	giveUp := func() {
		_ = f.Close()
		_ = os.Remove(fresh)
	}
	if err := lock(f); err != nil {
		giveUp()
		return nil
	}
	if err := os.Rename(l.path, old); err != nil {
		giveUp()
		return nil
	}
	if err := os.Rename(fresh, l.path); err != nil {
		giveUp()
		if undo := os.Rename(old, l.path); undo != nil {
			return l.getStuck(errors.Join(err, undo))
		}
		return nil
	}
	// The new name must last before the first record in the file counts.
	if err := syncDir(filepath.Dir(l.path)); err != nil {
		_ = f.Close()
		return l.getStuck(err)
	}
	_ = l.file.Close() // synced with its last record
	l.file, l.size, l.first = f, 0, l.head.Seq+1
	return nil
}

// Head returns the place and hash of the newest record; of an empty log, 0 and 64
// zeros.
func (l *Log) Head() Anchor {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

// Tail returns the newest n entries, oldest first. See the function [Tail].
func (l *Log) Tail(ctx context.Context, n int) ([]Entry, error) { return Tail(ctx, l.path, n) }

// Err returns nil if the log can go on, as far as is known, else what Append would
// return.
func (l *Log) Err() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	return l.stuck
}

// Close waits for the write in progress and closes the file.
func (l *Log) Close() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if errors.Is(l.stuck, ErrClosed) {
		return nil
	}
	l.stuck = ErrClosed
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("close record: %w", err)
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
