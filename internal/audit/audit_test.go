package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"clawconsole/redact"
)

func openLog(t testing.TB, path string, max int64) *Log {
	t.Helper()
	l, err := open(path, max)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return l
}

func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "audit.jsonl") }

func add(t testing.TB, l *Log, n int) {
	t.Helper()
	for i := range n {
		if _, err := l.Append(t.Context(), Record{Event: CommandDone, OperatorID: 7, Operator: "alice", Update: int64(i), Result: "ok"}); err != nil {
			t.Fatal(err)
		}
	}
}

func verify(t testing.TB, path string) Report {
	t.Helper()
	r, err := Verify(t.Context(), path)
	if err != nil {
		t.Fatalf("Verify = %v", err)
	}
	return r
}

func full() Record {
	return Record{
		Event: CommandDone, OperatorID: 123456789, Operator: "alice", ChatID: -1001234567890, TopicID: 4, Update: 815,
		Approval: "ap-1", Command: redact.Literal("/run \"a\\b\"\n\t<&>\u2028\x7f\x01 \U0001F980 – \xff"), Class: "dangerous", Result: "ok",
		Reason: redact.Literal("exit 1"), Digest: "00ff", Duration: 1234567 * time.Microsecond,
	}
}

// TestLine holds the form of a line: it may never change.
func TestLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // 2000-01-01
		path := newPath(t)
		l := openLog(t, path, maxFile)
		e, err := l.Append(t.Context(), full())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Append(t.Context(), Record{Event: Stop}); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		const h1, h2 = "%HASH1%", "%HASH2%"
		want := `{"approval":"ap-1","chat":-1001234567890,"class":"dangerous","command":"/run \"a\\b\"\n\t<&>` + "\u2028\x7f" + `\u0001 🦀 – ` + "\ufffd" +
			`","digest":"00ff","event":"command.done","ms":1234,"operator":{"id":123456789,"name":"alice"},"prev":"` + strings.Repeat("0", 64) +
			`","reason":"exit 1","result":"ok","seq":1,"time":"2000-01-01T00:00:00.000Z","topic":4,"update":815,"hash":"` + h1 + "\"}\n" +
			`{"event":"stop","prev":"` + h1 + `","seq":2,"time":"2000-01-01T00:00:00.000Z","hash":"` + h2 + "\"}\n"
		for i, mark := range []string{h1, h2} {
			lines := strings.SplitAfter(want, "\n")
			content := strings.Replace(lines[i], `,"hash":"`+mark+`"}`+"\n", "}", 1)
			want = strings.ReplaceAll(want, mark, fmt.Sprintf("%x", sha256.Sum256([]byte(content))))
		}
		if string(got) != want {
			t.Errorf("file:\n%s\nwant:\n%s", got, want)
		}
		if !strings.Contains(want, e.Hash) || l.Head().Seq != 2 {
			t.Errorf("entry %+v, head %v", e, l.Head())
		}
		entries, err := Tail(t.Context(), path, 2)
		if err != nil || len(entries) != 2 || !reflect.DeepEqual(entries[0].Operator, &Operator{123456789, "alice"}) || entries[0].MS != 1234 || !entries[0].Time.Equal(time.Now()) {
			t.Errorf("Tail = %+v, %v", entries, err)
		}
	})
}

// TestCanonical has another program's way of making the canonical form: members
// sorted, nothing escaped that need not be.
func TestCanonical(t *testing.T) {
	path := newPath(t)
	l := openLog(t, path, maxFile)
	for _, r := range []Record{full(), {Event: Start}, {Event: AuthFailed, Operator: "bob"}} {
		if _, err := l.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		var m map[string]any
		if err := d.Decode(&m); err != nil {
			t.Fatal(err)
		}
		hash := m["hash"]
		delete(m, "hash")
		var out bytes.Buffer
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(m); err != nil {
			t.Fatal(err)
		}
		// The one thing in which encoding/json differs.
		canonical := bytes.ReplaceAll(bytes.TrimSpace(out.Bytes()), []byte(`\u2028`), []byte("\u2028"))
		if got := fmt.Sprintf("%x", sha256.Sum256(canonical)); got != hash {
			t.Errorf("hash of the canonical form of %s is %s", line, got)
		}
	}
}

// sample returns a small record.
func sample(t testing.TB) []byte {
	t.Helper()
	return sampleOf(t, redact.Literal("v1"))
}

// sampleOf is a record of four lines whose first has reason, so that records with
// other reasons differ in every hash.
func sampleOf(t testing.TB, reason redact.Text) []byte {
	t.Helper()
	path := newPath(t)
	l := openLog(t, path, maxFile)
	for _, r := range []Record{
		{Event: Start, Reason: reason},
		{Event: CommandClaimed, OperatorID: 7, Operator: "alice", ChatID: -5, Update: 1, Command: redact.Literal("/run 1"), Class: "dangerous"},
		{Event: CommandDone, Update: 1, Result: "ok", Duration: time.Second},
		{Event: Stop},
	} {
		if _, err := l.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// found reports how Verify sees content: the line, or an error of the test.
func found(t *testing.T, path string, content []byte) *BrokenError {
	t.Helper()
	if err := overwrite(path, content); err != nil {
		t.Fatal(err)
	}
	_, err := Verify(context.Background(), path)
	broken, _ := errors.AsType[*BrokenError](err)
	if err != nil && broken == nil {
		t.Fatalf("Verify = %v", err)
	}
	return broken
}

// overwrite is os.WriteFile without emptying the file first: ext4 flushes a file that
// was emptied to disk when it is closed, which takes milliseconds.
func overwrite(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content, 0)
	return errors.Join(err, f.Truncate(int64(len(content))), f.Close())
}

func TestEveryByteCounts(t *testing.T) {
	good := sample(t)
	path := newPath(t)
	if b := found(t, path, good); b != nil {
		t.Fatalf("the sample: %v", b)
	}
	line := int64(1)
	for i := range good {
		for _, c := range []byte{0, ' ', '\n', '\r', '"', '0', '1', 'a', 'A', 'f', '}', 0xff, good[i] ^ 1, good[i] ^ 0x20, good[i] ^ 0x80} {
			if c == good[i] {
				continue
			}
			bad := slices.Clone(good)
			bad[i] = c
			if b := found(t, path, bad); b == nil || b.Line != line {
				t.Fatalf("byte %d changed from %q to %q: %v, want broken at line %d", i, good[i], c, b, line)
			}
		}
		if b := found(t, path, slices.Delete(slices.Clone(good), i, i+1)); b == nil || b.Line != line {
			t.Fatalf("byte %d removed: %v, want broken at line %d", i, b, line)
		}
		if b := found(t, path, slices.Insert(slices.Clone(good), i, good[i])); b == nil || b.Line != line && b.Line != line+1 {
			t.Fatalf("byte %d doubled: %v, want broken at line %d", i, b, line)
		}
		if good[i] == '\n' {
			line++
		}
	}
	for _, end := range []string{"\n", " ", "{}\n", "x", "\x00"} {
		if b := found(t, path, append(slices.Clone(good), end...)); b == nil || b.Line != line {
			t.Errorf("%q at the end: %v, want broken at line %d", end, b, line)
		}
	}
}

// TestEveryChangeOfOneByte has all 255 other values for each byte of a line.
func TestEveryChangeOfOneByte(t *testing.T) {
	good := bytes.TrimSuffix(bytes.SplitAfter(sample(t), []byte("\n"))[0], []byte("\n"))
	if _, why := parse(good, genesis); why != "" {
		t.Fatal(why)
	}
	for i := range good {
		bad := slices.Clone(good)
		for d := 1; d < 256; d++ {
			bad[i] = good[i] ^ byte(d)
			if _, why := parse(bad, genesis); why == "" {
				t.Errorf("byte %d changed from %q to %q is not found", i, good[i], bad[i])
			}
		}
	}
}

func TestLinesRemovedInsertedReordered(t *testing.T) {
	lines := bytes.SplitAfter(bytes.TrimSuffix(sample(t), []byte("\n")), []byte("\n"))
	lines[3] = append(lines[3], '\n')
	other := bytes.SplitAfter(sampleOf(t, redact.Literal("v2")), []byte("\n"))
	path := newPath(t)
	check := func(what string, at int, with ...[]byte) {
		t.Helper()
		b := found(t, path, bytes.Join(with, nil))
		if b == nil || b.Line != int64(at) || b.File != "audit.jsonl" || strings.Contains(b.Error(), "\n") {
			t.Errorf("%s: %v, want broken at line %d", what, b, at)
		}
	}
	n := len(lines)
	for i := range n {
		if i < n-1 {
			without := bytes.Join(slices.Delete(slices.Clone(lines), i, i+1), nil)
			if b := found(t, path, without); b == nil || b.Why != fmt.Sprintf("record %d follows record %d: 1 record is missing", i+2, i) {
				t.Errorf("line %d removed: %v", i+1, b)
			}
			check(fmt.Sprintf("line %d removed", i+1), i+1, slices.Delete(slices.Clone(lines), i, i+1)...)
			check(fmt.Sprintf("lines %d and %d swapped", i+1, i+2), i+1, slices.Concat(lines[:i], lines[i+1:i+2], lines[i:i+1], lines[i+2:])...)
		}
		check(fmt.Sprintf("line %d doubled", i+1), i+2, slices.Insert(slices.Clone(lines), i, lines[i])...)
		for j := range n {
			if i != j {
				at := i + 1
				if j == i-1 {
					at = i + 1 // the copy of the line before
				}
				check(fmt.Sprintf("line %d again before line %d", j+1, i+1), at, slices.Insert(slices.Clone(lines), i, lines[j])...)
			}
		}
	}
	check("a line of another record", 2, lines[0], other[1], lines[2], lines[3])
	check("the head of another record", 2, other[0], lines[1], lines[2], lines[3])
	// What Verify cannot know without an anchor, it says so in its doc comment.
	if b := found(t, path, bytes.Join(lines[:2], nil)); b != nil {
		t.Errorf("lines removed from the end: %v", b)
	}
}

func TestAnchors(t *testing.T) {
	path := newPath(t)
	l := openLog(t, path, maxFile)
	var anchors []Anchor
	for range 5 {
		add(t, l, 1)
		anchors = append(anchors, l.Head())
	}
	if _, err := Verify(t.Context(), path, append(anchors, genesis)...); err != nil {
		t.Errorf("all anchors: %v", err)
	}
	parsed, err := ParseAnchor(" " + anchors[3].String() + "\n")
	if err != nil || parsed != anchors[3] {
		t.Errorf("ParseAnchor(%q) = %v, %v", anchors[3], parsed, err)
	}
	for _, s := range []string{"", ":", "1", "x:" + anchors[0].Hash, "-1:" + anchors[0].Hash, "1:" + anchors[0].Hash[1:], "1:" + strings.Repeat("g", 64)} {
		if a, err := ParseAnchor(s); err == nil {
			t.Errorf("ParseAnchor(%q) = %v", s, a)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Join(bytes.SplitAfter(b, []byte("\n"))[:3], nil), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, a := range anchors {
		_, err := Verify(t.Context(), path, a)
		broken, _ := errors.AsType[*BrokenError](err)
		if cut := i >= 3; cut != (broken != nil) || err != nil && !strings.Contains(err.Error(), "ends with record 3") {
			t.Errorf("cut after record 3, anchor %d: %v", a.Seq, err)
		}
	}
	wrong := anchors[1]
	wrong.Hash = anchors[0].Hash
	if _, err := Verify(t.Context(), path, wrong); err == nil || !strings.Contains(err.Error(), "line 2: ") {
		t.Errorf("a record written anew: %v", err)
	}
}

func TestVerifyUnreadable(t *testing.T) {
	path := newPath(t)
	r, err := Verify(t.Context(), path)
	if broken, ok := errors.AsType[*BrokenError](err); ok || !errors.Is(err, os.ErrNotExist) || r.Records != 0 {
		t.Errorf("no file: %+v, %v, %v", r, broken, err)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(t.Context(), path); err == nil {
		t.Error("a folder is fine")
	} else if _, ok := errors.AsType[*BrokenError](err); ok {
		t.Errorf("a folder: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path = newPath(t)
	add(t, openLog(t, path, maxFile), 1)
	if _, err := Verify(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestReopenContinuesTheChain(t *testing.T) {
	path := newPath(t)
	for i := range 5 {
		l := openLog(t, path, maxFile)
		if got := l.Head().Seq; got != int64(3*i) {
			t.Errorf("head after %d opens is %d, want %d", i, got, 3*i)
		}
		add(t, l, 3)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if r := verify(t, path); r.Records != 15 || r.Head.Seq != 15 || r.Files != 1 || r.From.IsZero() || r.To.Before(r.From) {
		t.Errorf("Verify = %+v", r)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
}

// TestTornEnd cuts the file at every byte of its last two records.
func TestTornEnd(t *testing.T) {
	good := sample(t)
	ends := []int{0}
	for i, c := range good {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	for cut := ends[2]; cut <= len(good); cut++ {
		for _, rest := range []string{"", string(make([]byte, 100)), string(make([]byte, 100)) + "\n", string(make([]byte, 100)) + string(good[ends[3]:])} {
			if rest != "" && slices.Contains(ends, cut-1) {
				continue // a file that lacks nothing but got a line end too many
			}
			path := newPath(t)
			content := append(slices.Clone(good[:cut]), rest...)
			if err := os.WriteFile(path, content, 0o644); err != nil {
				t.Fatal(err)
			}
			whole := int64(0) // records that the crash has left whole
			for _, e := range ends[1:] {
				if cut >= e || cut == e-1 && rest == "" {
					whole++
				}
			}
			clean := rest == "" && slices.Contains(ends, cut)
			l := openLog(t, path, maxFile)
			want := whole
			if !clean {
				want++ // audit.repaired
			}
			if l.Head().Seq != want {
				t.Fatalf("cut at %d with %d bytes more: head is %d, want %d", cut, len(rest), l.Head().Seq, want)
			}
			add(t, l, 1)
			if r := verify(t, path); r.Records != want+1 {
				t.Fatalf("cut at %d: %d records, want %d", cut, r.Records, want+1)
			}
			entries, err := l.Tail(t.Context(), 2)
			if err != nil || !clean && (entries[0].Event != Repaired || entries[0].Reason == "") {
				t.Fatalf("cut at %d: entries %+v, %v", cut, entries, err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestOpenRefusesAChangedEnd(t *testing.T) {
	good := sample(t)
	for i := range good[:len(good)-1] {
		path := newPath(t)
		bad := slices.Clone(good)
		bad[i] ^= 1
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := Open(path)
		broken, _ := errors.AsType[*BrokenError](err)
		if want := int64(1 + bytes.Count(good[:i], []byte("\n"))); broken == nil || broken.Line != want {
			if err == nil {
				_ = l.Close()
			}
			t.Fatalf("byte %d changed: Open = %v, want broken at line %d", i, err, want)
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, bad) {
			t.Fatalf("byte %d changed: Open has changed the file, %v", i, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	path := newPath(t)
	l := openLog(t, path, maxFile)
	if _, err := Open(path); !errors.Is(err, ErrInUse) {
		t.Errorf("second Open = %v, want ErrInUse", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Rename(path, path+".away"), os.Symlink(path+".away", path)); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, filepath.Dir(path), filepath.Join(path, "x"), filepath.Join(filepath.Dir(path), "no", "folder")} {
		if l, err := Open(p); err == nil {
			_ = l.Close()
			t.Errorf("Open(%q) = nil", p)
		}
	}
}

func TestRotation(t *testing.T) {
	path := newPath(t)
	l := openLog(t, path, 1000)
	var want []Entry
	for i := range 40 {
		e, err := l.Append(t.Context(), Record{Event: CommandDone, Update: int64(i + 1)})
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, e)
		if i%7 == 0 { // go on after a restart, just after a rotation too
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = openLog(t, path, 1000)
		}
		if r := verify(t, path); r.Records != int64(i+1) || r.Head != l.Head() {
			t.Fatalf("after %d records: %+v, head %v", i+1, r, l.Head())
		}
	}
	older, err := segments(path)
	if err != nil || len(older) < 5 {
		t.Fatalf("segments: %v, %v", older, err)
	}
	for _, s := range older {
		info, err := os.Stat(s.path)
		if err != nil || info.Mode() != 0o600 || info.Size() > 1000 || info.Size() == 0 {
			t.Errorf("%s: %v, %v bytes, %v", s.path, info.Mode(), info.Size(), err)
		}
		first, err := lastLines(openFile(t, s.path), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if e, why := parse(first[0], Anchor{}); e.Seq != s.first || why != "" {
			t.Errorf("%s begins with record %d", s.path, e.Seq)
		}
	}
	for n := range 45 {
		got, err := l.Tail(t.Context(), n)
		if tail := want[max(0, len(want)-n):]; err != nil || len(got) != len(tail) || n > 0 && !reflect.DeepEqual(got, tail) {
			t.Fatalf("Tail(%d) = %d entries, %v, want %d", n, len(got), err, len(tail))
		}
	}
	var got []Entry
	for e, err := range Entries(t.Context(), path) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Entries gave %d, want %d", len(got), len(want))
	}
	for e, err := range Entries(t.Context(), path) {
		if err != nil || e.Seq != 1 {
			t.Errorf("first of Entries = %+v, %v", e, err)
		}
		break
	}

	// A rotated file removed, changed or put in another's place is found.
	for i, s := range older {
		if err := os.Rename(s.path, s.path+".away"); err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(t.Context(), path); err == nil {
			t.Errorf("rotated file %d removed is not found", i)
		}
		if err := os.Rename(s.path+".away", s.path); err != nil {
			t.Fatal(err)
		}
	}
	verify(t, path)
	a, b := older[1].path, older[2].path
	if err := errors.Join(os.Rename(a, a+".x"), os.Rename(b, a), os.Rename(a+".x", b)); err != nil {
		t.Fatal(err)
	}
	_, err = Verify(t.Context(), path)
	if broken, ok := errors.AsType[*BrokenError](err); !ok || broken.File != filepath.Base(a) || broken.Line != 1 {
		t.Errorf("rotated files swapped: %v", err)
	}
}

func openFile(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// TestVerifyDuringARotation has the moment between opening audit.jsonl and looking
// for rotated files, in which a console has made one of it.
func TestVerifyDuringARotation(t *testing.T) {
	path := newPath(t)
	add(t, openLog(t, path, maxFile), 3)
	if err := os.Link(path, segmentName(path, 1)); err != nil {
		t.Fatal(err)
	}
	// Later still: the next one is there too, and is not looked at.
	if err := os.WriteFile(segmentName(path, 9), []byte("not now\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, path); r.Records != 3 || r.Files != 1 {
		t.Errorf("Verify = %+v, want 3 records in 1 file", r)
	}
	if entries, err := Tail(t.Context(), path, 10); err != nil || len(entries) != 3 {
		t.Errorf("Tail = %d entries, %v, want 3", len(entries), err)
	}
}

// TestCrashWhileRotating has the files as a crash leaves them between the steps.
func TestCrashWhileRotating(t *testing.T) {
	for name, crash := range map[string]func(path string) error{
		"new file made": func(path string) error { return os.WriteFile(path+".new", nil, 0o600) },
		"old file moved": func(path string) error {
			return errors.Join(os.WriteFile(path+".new", nil, 0o600), os.Rename(path, segmentName(path, 1)))
		},
		"done": func(path string) error {
			return errors.Join(os.Rename(path, segmentName(path, 1)), os.WriteFile(path, nil, 0o600))
		},
	} {
		path := newPath(t)
		l := openLog(t, path, maxFile)
		add(t, l, 3)
		if err := errors.Join(l.Close(), crash(path)); err != nil {
			t.Fatal(err)
		}
		if r := verify(t, path); r.Records != 3 {
			t.Errorf("%s: %+v", name, r)
		}
		add(t, openLog(t, path, 1), 2)
		if r := verify(t, path); r.Records != 5 {
			t.Errorf("%s: %+v after two more", name, r)
		}
	}
}

func TestExport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := newPath(t)
		l := openLog(t, path, 500)
		start := time.Now()
		for range 10 {
			add(t, l, 1)
			time.Sleep(time.Minute)
		}
		var all bytes.Buffer
		if n, err := Export(t.Context(), path, &all, time.Time{}, time.Time{}); err != nil || n != 10 {
			t.Fatalf("Export = %d, %v", n, err)
		}
		copied := newPath(t)
		if err := os.WriteFile(copied, all.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := verify(t, copied); r.Head != l.Head() {
			t.Errorf("what was exported: %+v", r)
		}
		var part bytes.Buffer
		if n, err := Export(t.Context(), path, &part, start.Add(2*time.Minute), start.Add(5*time.Minute)); err != nil || n != 3 {
			t.Errorf("Export of three minutes = %d, %v", n, err)
		}
		lines := bytes.SplitAfter(all.Bytes(), []byte("\n"))
		if !bytes.Equal(part.Bytes(), bytes.Join(lines[2:5], nil)) {
			t.Errorf("Export of three minutes:\n%s", &part)
		}
		full := errors.New("no room")
		_, err := Export(t.Context(), path, writerFunc(func([]byte) (int, error) { return 0, full }), time.Time{}, time.Time{})
		if _, ok := errors.AsType[*BrokenError](err); ok || !errors.Is(err, full) {
			t.Errorf("Export to a full disk = %v", err)
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestConcurrentAppendsAreOneChain(t *testing.T) {
	path := newPath(t)
	l := openLog(t, path, 20_000)
	const writers, each = 32, 40
	var mu sync.Mutex
	acknowledged := make(map[int64]string)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() { // the record is good at any moment
		for {
			if _, err := Verify(t.Context(), path); err != nil {
				t.Errorf("Verify meanwhile: %v", err)
				return
			}
			if _, err := l.Tail(t.Context(), 5); err != nil {
				t.Errorf("Tail meanwhile: %v", err)
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for range writers {
		wg.Go(func() {
			for range each {
				e, err := l.Append(t.Context(), Record{Event: CommandClaimed, Command: redact.Literal("/status")})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acknowledged[e.Seq] = e.Hash
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	close(stop)
	watching.Wait()
	if len(acknowledged) != writers*each {
		t.Fatalf("%d places for %d records", len(acknowledged), writers*each)
	}
	for e, err := range Entries(t.Context(), path) {
		if err != nil {
			t.Fatal(err)
		}
		if acknowledged[e.Seq] != e.Hash {
			t.Errorf("record %d has hash %s, but %s was acknowledged", e.Seq, e.Hash, acknowledged[e.Seq])
		}
	}
}

func TestAppendRefuses(t *testing.T) {
	path := newPath(t)
	l := openLog(t, path, maxFile)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(ctx, Record{Event: Start}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if _, err := l.Append(t.Context(), Record{}); err == nil {
		t.Error("a record without event is taken")
	}
	if _, err := l.Append(t.Context(), Record{Event: Start, Result: strings.Repeat("x", maxLine)}); err == nil {
		t.Error("a record longer than a line can be is taken")
	}
	// One that is too long does not hurt others in the same batch.
	b := &batch{records: []Record{{Event: Start}, {Event: Stop, Result: strings.Repeat("x", maxLine)}, {Event: Stop}}}
	l.writeBatch(b)
	if b.errs[0] != nil || b.errs[1] == nil || b.errs[2] != nil || b.entries[2].Seq != 2 {
		t.Errorf("batch: %v", b.errs)
	}
	// Many long ones are written in portions, none of them lost.
	b = new(batch)
	for range 20 {
		b.records = append(b.records, Record{Event: Start, Result: strings.Repeat("x", maxWrite/3)})
	}
	l.writeBatch(b)
	if err := errors.Join(b.errs...); err != nil || b.entries[19].Seq != 22 {
		t.Errorf("long batch: %v", err)
	}
	if r := verify(t, path); r.Records != 22 {
		t.Errorf("Verify = %+v", r)
	}
	if err := errors.Join(l.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(t.Context(), Record{Event: Start}); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v, want ErrClosed", err)
	}
	if r := verify(t, openLog(t, path, maxFile).path); r.Records != 22 {
		t.Errorf("Verify = %+v", r)
	}
}

// A sick file does what a disk does that fails.
type sick struct {
	*os.File
	write, sync, truncate error
	room                  int // bytes that are written before write fails
}

func (s *sick) WriteAt(p []byte, off int64) (int, error) {
	if s.write == nil {
		return s.File.WriteAt(p, off)
	}
	n, _ := s.File.WriteAt(p[:min(s.room, len(p))], off)
	return n, s.write
}

func (s *sick) Sync() error {
	if s.sync != nil {
		return s.sync
	}
	return s.File.Sync()
}

func (s *sick) Truncate(n int64) error {
	if s.truncate != nil {
		return s.truncate
	}
	return s.File.Truncate(n)
}

func TestSickDisk(t *testing.T) {
	ill := errors.New("no space left")
	for _, tt := range []struct {
		name  string
		sick  sick
		stuck bool
		left  int64 // records found after a restart, without audit.repaired
	}{
		{"nothing written", sick{write: ill}, false, 2},
		{"half a line written", sick{write: ill, room: 50}, false, 2},
		{"line written, said not", sick{write: ill, room: 1000}, false, 2},
		{"not undone", sick{write: ill, room: 50, truncate: ill}, true, 2},
		{"not synced", sick{sync: ill}, true, 2},
		{"not synced, not undone", sick{sync: ill, truncate: ill}, true, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := newPath(t)
			l := openLog(t, path, maxFile)
			add(t, l, 2)
			head := l.Head()
			well := l.file.(*os.File)
			tt.sick.File = well
			l.file = &tt.sick
			for range 3 {
				e, err := l.Append(t.Context(), Record{Event: CommandClaimed})
				if !errors.Is(err, ill) || e.Seq != 0 || l.Head() != head {
					t.Fatalf("Append = %+v, %v; head %v", e, err, l.Head())
				}
				if errors.Is(err, ErrStuck) != tt.stuck || errors.Is(l.Err(), ErrStuck) != tt.stuck {
					t.Errorf("Append = %v, Err = %v, want stuck: %v", err, l.Err(), tt.stuck)
				}
			}
			l.file = well
			want := tt.left
			if _, err := l.Append(t.Context(), Record{Event: Stop}); tt.stuck != errors.Is(err, ErrStuck) {
				t.Errorf("Append when the disk is well again = %v, want stuck: %v", err, tt.stuck)
			}
			if !tt.stuck {
				want++
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = openLog(t, path, maxFile)
			if tt.name == "not undone" {
				want++ // audit.repaired
			}
			if r := verify(t, path); r.Records != want || r.Head != l.Head() {
				t.Errorf("after a restart: %+v, want %d records", r, want)
			}
		})
	}
}

// TestRepairOnAFullDisk opens a torn record when nothing can be written: what is
// owed comes before the first record that can.
func TestRepairOnAFullDisk(t *testing.T) {
	path := newPath(t)
	l := openLog(t, path, maxFile)
	add(t, l, 2)
	l.owed = &Record{Event: Repaired}
	well := l.file
	l.file = &sick{File: well.(*os.File), write: io.ErrShortWrite}
	if _, err := l.Append(t.Context(), Record{Event: Start}); err == nil {
		t.Error("Append on a full disk = nil")
	}
	l.file = well
	e, err := l.Append(t.Context(), Record{Event: Start})
	if err != nil || e.Seq != 4 {
		t.Errorf("Append = %+v, %v, want record 4", e, err)
	}
	add(t, l, 1)
	entries, err := l.Tail(t.Context(), 3)
	if err != nil || entries[0].Event != Repaired || entries[1].Event != Start || entries[2].Event != CommandDone {
		t.Errorf("Tail = %v, %v", entries, err)
	}
	verify(t, path)
}

func TestFileTouchedByOthers(t *testing.T) {
	for name, touch := range map[string]func(path string) error{
		"removed": os.Remove,
		"moved":   func(path string) error { return os.Rename(path, path+".1") },
		"cut":     func(path string) error { return os.Truncate(path, 100) },
		"emptied": func(path string) error { return os.Truncate(path, 0) },
		"replaced": func(path string) error {
			return errors.Join(os.Rename(path, path+".1"), os.WriteFile(path, nil, 0o600))
		},
		"longer": func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("{}\n")
			return errors.Join(err, f.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := newPath(t)
			l := openLog(t, path, maxFile)
			add(t, l, 3)
			if err := touch(path); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := l.Append(t.Context(), Record{Event: CommandClaimed}); !errors.Is(err, ErrStuck) {
					t.Errorf("Append = %v, want ErrStuck", err)
				}
			}
		})
	}
}

func TestRotationThatFails(t *testing.T) {
	path := newPath(t)
	l := openLog(t, path, 1000)
	add(t, l, 2)
	if err := os.Mkdir(segmentName(path, 1), 0o700); err != nil { // in the way
		t.Fatal(err)
	}
	add(t, l, 20)
	if err := os.Remove(segmentName(path, 1)); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, path); r.Records != 22 || r.Files != 1 {
		t.Errorf("Verify = %+v", r)
	}
	add(t, l, 1)
	if r := verify(t, path); r.Records != 23 || r.Files != 2 {
		t.Errorf("Verify with room = %+v", r)
	}
}

// TestVerifyWaitsForTheWriter has a writer in the middle of a line.
func TestVerifyWaitsForTheWriter(t *testing.T) {
	good := sample(t)
	synctest.Test(t, func(t *testing.T) {
		path := newPath(t)
		if err := os.WriteFile(path, good[:len(good)-30], 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Verify(t.Context(), path)
		if broken, ok := errors.AsType[*BrokenError](err); !ok || broken.Line != 4 {
			t.Errorf("a cut line that nobody writes: %v, want broken at line 4", err)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := lock(f); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = Verify(t.Context(), path)
		if broken, ok := errors.AsType[*BrokenError](err); !ok || broken.Line != 4 || time.Since(start) > time.Second {
			t.Errorf("a cut line that stays: %v after %v, want broken at line 4", err, time.Since(start))
		}
		go func() {
			time.Sleep(12 * time.Millisecond)
			_, _ = f.WriteAt(good[len(good)-30:], int64(len(good)-30))
		}()
		if r := verify(t, path); r.Records != 4 {
			t.Errorf("Verify = %+v", r)
		}
		synctest.Wait()
	})
}

func TestEntryString(t *testing.T) {
	got := full().next(Anchor{Seq: 4}, time.Date(2026, 3, 1, 3, 12, 0, 0, time.UTC)).String()
	want := `5 2026-03-01T03:12:00.000Z command.done operator=123456789 "alice" chat=-1001234567890 topic=4 update=815 class=dangerous approval=ap-1 ` +
		`command="/run \"a\\b\"\n\t<&>\u2028\x7f\x01 🦀 – ` + "\ufffd" + `" result=ok reason="exit 1" digest=00ff ms=1234`
	if got != want {
		t.Errorf("String = %s, want %s", got, want)
	}
	if got := (Entry{Result: "a b\x1b"}).String(); !strings.HasSuffix(got, ` result="a b\x1b"`) {
		t.Errorf("String = %s", got)
	}
}

func FuzzVerify(f *testing.F) {
	good := sample(f)
	f.Add(good)
	f.Add([]byte("{}\n"))
	f.Add([]byte("\n\n\n"))
	f.Add(good[:len(good)-1])
	f.Add([]byte(`{"seq":1e400,"hash":"` + strings.Repeat("0", 64) + "\"}\n"))
	f.Add(bytes.Repeat([]byte{0}, 5000))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := newPath(t)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Verify(context.Background(), path)
		if broken, ok := errors.AsType[*BrokenError](err); err != nil && (!ok || broken.Line < 1) {
			t.Errorf("Verify = %v", err)
		}
		if err == nil && int(r.Records) != bytes.Count(content, []byte("\n")) {
			t.Errorf("Verify = %+v of %q", r, content)
		}
		_, _ = Tail(context.Background(), path, 3)
		// Whatever Open makes of it, it is good afterwards, or untouched.
		l, err := Open(path)
		if err != nil {
			if now, _ := os.ReadFile(path); !bytes.Equal(now, content) {
				t.Error("Open has changed what it refused")
			}
			return
		}
		_, err = l.Append(context.Background(), Record{Event: Start})
		_, verr := Verify(context.Background(), path)
		if err := errors.Join(err, verr, l.Close()); err != nil {
			t.Error(err)
		}
	})
}

// FuzzRecord writes any text and reads it back.
func FuzzRecord(f *testing.F) {
	f.Add("alice", "/run 'x' \u2028\x00\xff\"\\", int64(-5))
	f.Fuzz(func(t *testing.T, name, text string, n int64) {
		redactor, err := redact.New(redact.Config{})
		if err != nil {
			t.Fatal(err)
		}
		r := Record{Event: CommandDone, Operator: name, OperatorID: n, ChatID: n, Command: redactor.Text(text), Result: text, Class: name}
		e := r.next(genesis, time.Unix(n%1e9, 0))
		line := e.appendLine(nil)
		got, why := parse(line[:len(line)-1], genesis)
		if why != "" || bytes.IndexByte(line, '\n') != len(line)-1 {
			t.Fatalf("%q: %s", line, why)
		}
		if !reflect.DeepEqual(got, e) || utf8.ValidString(text) && got.Result != text {
			t.Errorf("read %+v, want %+v", got, e)
		}
	})
}

// BenchmarkAppend is what one record costs before the effect may begin, alone and
// with others that share the fsync.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			l := openLog(b, newPath(b), maxFile)
			r := Record{Event: CommandClaimed, OperatorID: 7, Operator: "alice", ChatID: 7, Update: 9, Command: redact.Literal("/status --verbose"), Class: "safe"}
			work := make(chan struct{}, b.N)
			for range b.N {
				work <- struct{}{}
			}
			close(work)
			b.ResetTimer()
			var wg sync.WaitGroup
			for range writers {
				wg.Go(func() {
					for range work {
						if _, err := l.Append(b.Context(), r); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	path := newPath(b)
	l := openLog(b, path, maxFile)
	batch := &batch{records: slices.Repeat([]Record{full()}, 20_000)}
	l.writeBatch(batch)
	b.SetBytes(l.size)
	for b.Loop() {
		if _, err := Verify(b.Context(), path); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(20_000*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkOpen opens a file as long as it gets.
func BenchmarkOpen(b *testing.B) {
	path := newPath(b)
	l := openLog(b, path, maxFile)
	for l.size < maxFile*9/10 {
		l.writeBatch(&batch{records: slices.Repeat([]Record{full()}, 10_000)})
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		l, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
