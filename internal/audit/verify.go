package audit

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A BrokenError says where the record is not what was written. Every other error
// of the functions here means that it could not be read.
type BrokenError struct {
	File string // base name
	Line int64  // 1, 2, 3, … in File; 0: not about a line
	Why  string
}

func (e *BrokenError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s is broken: %s", e.File, e.Why)
	}
	return fmt.Sprintf("%s is broken at line %d: %s", e.File, e.Line, e.Why)
}

// A Report says what [Verify] has found to be good.
type Report struct {
	Records int64
	Files   int
	From    time.Time // of the first record and the last; zero: there is none
	To      time.Time
	Head    Anchor // the last good record
}

// Verify checks the record at path: every line of the rotated files beside it and
// of path itself, in order. It returns nil if each is what was written and none
// lacks in between, a *BrokenError for the first that is not, and any other error
// if a file cannot be read. The Report holds what was good until then, also with
// an error. That nothing lacks at the end, and that nobody wrote the record anew,
// is known only up to the newest of the anchors, which must be in it.
//
// It can run while a console writes; it then checks up to some moment after it
// was called.
func Verify(ctx context.Context, path string, anchors ...Anchor) (Report, error) {
	r := Report{Head: genesis}
	missing := make(map[int64]string)
	for _, a := range anchors {
		if a.Seq > 0 {
			missing[a.Seq] = a.Hash
		}
	}
	err := walk(ctx, path, &r.Files, func(_ []byte, e Entry) error {
		if want, ok := missing[e.Seq]; ok && want != e.Hash {
			return fmt.Errorf("record %d is not the one of the anchor: the record was written anew", e.Seq)
		}
		delete(missing, e.Seq)
		if r.Records++; r.Records == 1 {
			r.From = e.Time
		}
		r.To, r.Head = e.Time, e.anchor()
		return nil
	})
	if err != nil {
		return r, err
	}
	for seq := range missing {
		return r, &BrokenError{
			File: filepath.Base(path),
			Why:  fmt.Sprintf("it ends with record %d, but the anchor is record %d", r.Head.Seq, max(seq, r.Head.Seq+1)),
		}
	}
	return r, nil
}

// Entries returns all entries of the record at path, oldest first, checked as by
// [Verify]. The last pair has the error, if there is one.
func Entries(ctx context.Context, path string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		err := walk(ctx, path, nil, func(_ []byte, e Entry) error {
			if !yield(e, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(Entry{}, err)
		}
	}
}

// Export writes the lines of the record at path to w, byte for byte, those from
// since on and before until; zero means no bound. The lines are checked as by
// [Verify], and only good ones are written. It returns how many.
func Export(ctx context.Context, path string, w io.Writer, since, until time.Time) (n int64, err error) {
	b := bufio.NewWriter(w)
	err = walk(ctx, path, nil, func(line []byte, e Entry) error {
		if e.Time.Before(since) || !until.IsZero() && !e.Time.Before(until) {
			return nil
		}
		n++
		if _, err := b.Write(line); err != nil {
			return &writeError{err}
		}
		if err := b.WriteByte('\n'); err != nil {
			return &writeError{err}
		}
		return nil
	})
	if we, ok := errors.AsType[*writeError](err); ok {
		err = we.err
	}
	if ferr := b.Flush(); err == nil {
		err = ferr
	}
	return n, err
}

// Tail returns the newest n entries of the record at path, oldest first. It checks
// those n only. If one is not what was written it returns the ones after it, with
// a *BrokenError.
func Tail(ctx context.Context, path string, n int) ([]Entry, error) {
	files, err := openAll(path)
	if err != nil {
		return nil, fmt.Errorf("read record %q: %w", path, err)
	}
	defer closeAll(files)
	var newest []Entry // newest first
	for _, f := range slices.Backward(files) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		lines, err := lastLines(f, n-len(newest))
		if err != nil {
			return nil, fmt.Errorf("read record %q: %w", f.Name(), err)
		}
		for _, line := range slices.Backward(lines) {
			e, why := parse(line, Anchor{})
			if k := len(newest); why == "" && k > 0 && newest[k-1].Prev != e.Hash {
				why = fmt.Sprintf("record %d is not followed by the one that was written after it", e.Seq)
			}
			if why != "" {
				slices.Reverse(newest)
				return newest, &BrokenError{File: filepath.Base(f.Name()), Why: why}
			}
			newest = append(newest, e)
		}
		if len(newest) >= n {
			break
		}
	}
	slices.Reverse(newest)
	return newest, nil
}

var errStop = errors.New("stop")

type writeError struct{ err error }

func (e *writeError) Error() string { return e.err.Error() }

// walk calls do for every line, without its end, and its entry, as long as each
// follows the one before. An error of do says why the line is broken.
func walk(ctx context.Context, path string, count *int, do func(line []byte, e Entry) error) error {
	files, err := openAll(path)
	if err != nil {
		return fmt.Errorf("read record %q: %w", path, err)
	}
	defer closeAll(files)
	if count != nil {
		*count = len(files)
	}
	head := genesis
	for i, f := range files {
		r := lineReader{f: f, r: bufio.NewReaderSize(f, 64<<10), live: i == len(files)-1}
		for n := int64(1); ; n++ {
			broken := func(why string) error {
				return &BrokenError{File: filepath.Base(f.Name()), Line: n, Why: why}
			}
			line, err := r.next(ctx)
			if err == io.EOF {
				break
			}
			if why, ok := errors.AsType[lineError](err); ok {
				return broken(string(why))
			}
			if err != nil {
				return fmt.Errorf("read record %q: %w", f.Name(), err)
			}
			e, why := parse(line, head)
			if why != "" {
				return broken(why)
			}
			head = e.anchor()
			if err := do(line, e); err != nil {
				if _, ok := errors.AsType[*writeError](err); ok || errors.Is(err, errStop) {
					return err
				}
				return broken(err.Error())
			}
		}
	}
	return nil
}

// lineError says why what was read is not a line.
type lineError string

func (e lineError) Error() string { return string(e) }

type lineReader struct {
	f    *os.File
	r    *bufio.Reader
	buf  []byte
	live bool // another process may be writing f
}

// next returns the next line, without its end, until the next call. At the end of
// the file a line without its end is one that is being written, if somebody writes
// the file: it is waited for, but not for long.
func (l *lineReader) next(ctx context.Context) ([]byte, error) {
	const patience, step = 250 * time.Millisecond, 5 * time.Millisecond
	l.buf = l.buf[:0]
	for waited := time.Duration(0); ; {
		part, err := l.r.ReadSlice('\n')
		l.buf = append(l.buf, part...)
		switch {
		case len(l.buf) > maxLine:
			return nil, lineError("longer than any record")
		case err == nil:
			return l.buf[:len(l.buf)-1], ctx.Err()
		case err == bufio.ErrBufferFull:
		case err != io.EOF || len(l.buf) == 0:
			return nil, err
		case !l.live || waited >= patience || !locked(l.f):
			return nil, lineError("cut short: it has no line end")
		default:
			waited += step
			t := time.NewTimer(step)
			select {
			case <-ctx.Done():
				t.Stop()
				return nil, ctx.Err()
			case <-t.C:
			}
		}
	}
}

// A segment is a rotated file.
type segment struct {
	path  string
	first int64 // seq of its first record, by its name
}

func segmentName(path string, first int64) string {
	ext := filepath.Ext(path)
	return fmt.Sprintf("%s-%012d%s", strings.TrimSuffix(path, ext), first, ext)
}

// segments returns the rotated files of path, oldest first.
func segments(path string) ([]segment, error) {
	dir, ext := filepath.Dir(path), filepath.Ext(path)
	stem := strings.TrimSuffix(filepath.Base(path), ext) + "-"
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []segment
	for _, d := range names {
		mid, ok := strings.CutPrefix(d.Name(), stem)
		mid, ok2 := strings.CutSuffix(mid, ext)
		if n, err := strconv.ParseUint(mid, 10, 63); ok && ok2 && err == nil {
			all = append(all, segment{filepath.Join(dir, d.Name()), int64(n)})
		}
	}
	slices.SortFunc(all, func(a, b segment) int {
		if a.first != b.first {
			return int(min(1, max(-1, a.first-b.first)))
		}
		return strings.Compare(a.path, b.path)
	})
	return all, nil
}

// openAll opens the files of the record at path, oldest first: as many as there
// were at one moment, whatever a console rotates meanwhile.
func openAll(path string) (files []*os.File, err error) {
	defer func() {
		if err != nil {
			closeAll(files)
		}
	}()
	newest, err := os.Open(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	missing := err
	older, err := segments(path)
	if err != nil {
		return appendFile(nil, newest), err
	}
	if missing != nil && len(older) == 0 {
		return nil, missing
	}
	for _, s := range older {
		f, err := os.Open(s.path)
		if err != nil {
			return appendFile(files, newest), err
		}
		if newest != nil && same(f, newest) {
			_ = f.Close()
			break
		}
		files = append(files, f)
	}
	return appendFile(files, newest), nil
}

func appendFile(files []*os.File, f *os.File) []*os.File {
	if f == nil {
		return files
	}
	return append(files, f)
}

func same(a, b *os.File) bool {
	ai, err := a.Stat()
	if err != nil {
		return false
	}
	bi, err := b.Stat()
	return err == nil && os.SameFile(ai, bi)
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// lastOf returns the last record of a rotated file.
func lastOf(path string) (Anchor, error) {
	f, err := os.Open(path)
	if err != nil {
		return Anchor{}, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return Anchor{}, err
	}
	head, rest, err := scanEnd(f, info.Size(), Anchor{})
	if err == nil && (head.Hash == "" || len(rest) > 0) {
		err = &BrokenError{File: filepath.Base(path), Why: "its newest records are not a chain"}
	}
	return head, err
}

// lastLines returns the last n complete lines of f, oldest first.
func lastLines(f *os.File, n int) ([][]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if n <= 0 {
		return nil, nil
	}
	var tail []byte
	for start := info.Size(); start > 0 && bytes.Count(tail, []byte{'\n'}) <= n; {
		more := min(start, max(64<<10, int64(len(tail)))) // twice as much each time
		start -= more
		b := make([]byte, more, more+int64(len(tail)))
		if _, err := f.ReadAt(b, start); err != nil {
			return nil, err
		}
		tail = append(b, tail...)
		if start == 0 {
			tail = append([]byte{'\n'}, tail...) // so that every line has one before it
		}
	}
	tail = tail[:bytes.LastIndexByte(tail, '\n')+1] // what is being written
	lines := bytes.Split(tail, []byte{'\n'})
	if len(lines) <= 2 {
		return nil, nil
	}
	lines = lines[1 : len(lines)-1]
	return lines[max(0, len(lines)-n):], nil
}
