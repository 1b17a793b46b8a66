package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"time"
)

const (
	// maxBatch is how many writes share a transaction at most.
	maxBatch = 256
	// eraseAfter is how long erased text may stay in the write-ahead log.
	eraseAfter = time.Second
)

// A verdict is an error that is an answer: the write found that it must not
// happen, and has changed nothing. Any other error of a write is a fault.
type verdict string

func (v verdict) Error() string { return string(v) }

// An op is one caller's write. do may run twice, if a neighbour in its
// transaction has a fault, so it sets what it returns and never adds to it.
type op struct {
	do   func(*writer) error
	err  error
	done chan struct{}
}

// write hands do to the writer and waits for the commit. The channel has no
// buffer: either the writer has the op and answers it, or it never happened.
func (s *Store) write(ctx context.Context, doing string, do func(*writer) error) error {
	o := &op{do: do, done: make(chan struct{})}
	err := ctx.Err()
	if err == nil {
		select {
		case s.ops <- o:
			<-o.done
			err = o.err
		case <-ctx.Done():
			err = ctx.Err()
		case <-s.quit:
			err = ErrClosed
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// run is the only writer. It ends when quit is closed.
func (s *Store) run(w *writer) {
	defer close(s.stopped)
	erase := time.NewTimer(eraseAfter)
	erase.Stop()
	armed := false
	batch := make([]*op, 0, maxBatch)
	for {
		select {
		case o := <-s.ops:
			batch = s.gather(append(batch[:0], o))
			w.commit(batch)
			for _, o := range batch {
				close(o.done)
			}
			clear(batch)
		case <-erase.C:
			armed = false
			if w.emptyLog() == nil {
				w.erased = false
			}
		case <-s.quit:
			s.closed = errors.Join(w.emptyLog(), w.close())
			return
		}
		if w.erased && !armed {
			armed = true
			erase.Reset(eraseAfter)
		}
	}
}

// gather adds the writes that wait already. Those answered a moment ago get the
// chance to come with their next one first.
func (s *Store) gather(batch []*op) []*op {
	runtime.Gosched()
	for len(batch) < maxBatch {
		select {
		case o := <-s.ops:
			batch = append(batch, o)
		default:
			return batch
		}
	}
	return batch
}

// A writer is the connection that writes, in the hands of run.
type writer struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt

	erased bool // the log holds text that is erased
}

// commit writes batch in one transaction and sets each op's err. A fault in one
// op fails that op only: SQLite may have rolled back everything, so all are
// done again, each in its own transaction.
func (w *writer) commit(batch []*op) {
	if w.try(batch) || len(batch) == 1 {
		return
	}
	for i := range batch {
		w.try(batch[i : i+1])
	}
}

// try reports false if an op had a fault; then nothing is written. If it is the
// transaction that fails, every op has the error and trying again is no use.
func (w *writer) try(batch []*op) bool {
	fail := func(err error) {
		for _, o := range batch {
			o.err = err
		}
	}
	if _, err := w.exec("BEGIN IMMEDIATE"); err != nil {
		fail(err)
		return true
	}
	erased := w.erased
	undo := func() {
		_, _ = w.exec("ROLLBACK") // fails if SQLite has done it already
		w.erased = erased
	}
	for _, o := range batch {
		o.err = o.do(w)
		if _, ok := errors.AsType[verdict](o.err); o.err != nil && !ok {
			undo()
			return false
		}
	}
	if _, err := w.exec("COMMIT"); err != nil {
		undo()
		fail(err)
	}
	return true
}

// emptyLog moves the write-ahead log into the database and truncates it. It does
// not wait for readers, but returns an error if one is in the way.
func (w *writer) emptyLog() error {
	ctx := context.Background()
	if _, err := w.conn.ExecContext(ctx, "PRAGMA busy_timeout = 0"); err != nil {
		return err
	}
	var busy, pages, moved int
	err := w.conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &moved)
	if err == nil && busy != 0 {
		err = errors.New("empty the write-ahead log: a reader is in the way")
	}
	_, after := w.conn.ExecContext(ctx, "PRAGMA busy_timeout = 5000")
	return errors.Join(err, after)
}

func (w *writer) close() error {
	var errs []error
	for _, s := range w.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, w.conn.Close())...)
}

// exec runs a statement, which it keeps prepared. There is no context: a write
// that has begun is not given up half way.
func (w *writer) exec(query string, args ...any) (sql.Result, error) {
	s, err := w.stmt(query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(context.Background(), args...)
}

// changed is exec that returns how many rows there were to change.
func (w *writer) changed(query string, args ...any) (int64, error) {
	r, err := w.exec(query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (w *writer) row(query string, args []any, dest ...any) error {
	s, err := w.stmt(query)
	if err != nil {
		return err
	}
	return s.QueryRowContext(context.Background(), args...).Scan(dest...)
}

func (w *writer) stmt(query string) (*sql.Stmt, error) {
	if s := w.stmts[query]; s != nil {
		return s, nil
	}
	s, err := w.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	w.stmts[query] = s
	return s, nil
}
