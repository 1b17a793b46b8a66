package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	timeFormat = "2006-01-02T15:04:05.000Z"
	hashOpen   = `,"hash":"`
	hashClose  = `"}`
	hashLen    = sha256.Size * 2
	tailLen    = len(hashOpen) + hashLen + len(hashClose)

	// maxLine is the longest line, with its line end. A message of Telegram has at
	// most 4096 UTF-16 units, which is 24 KiB when each is escaped.
	maxLine = 256 << 10
)

// genesis is the head of an empty record.
var genesis = Anchor{Hash: strings.Repeat("0", hashLen)}

// next returns the entry that r makes after head, without its hash.
func (r Record) next(head Anchor, now time.Time) Entry {
	text := func(s string) string { return strings.ToValidUTF8(s, "\ufffd") }
	e := Entry{
		Seq:      head.Seq + 1,
		Time:     now.UTC().Truncate(time.Millisecond),
		Event:    Event(text(string(r.Event))),
		Chat:     r.ChatID,
		Topic:    r.TopicID,
		Update:   r.Update,
		Approval: text(r.Approval),
		Command:  text(r.Command.String()),
		Class:    text(r.Class),
		Result:   text(r.Result),
		Reason:   text(r.Reason.String()),
		Digest:   text(r.Digest),
		MS:       r.Duration.Milliseconds(),
		Prev:     head.Hash,
	}
	if r.OperatorID != 0 || r.Operator != "" {
		e.Operator = &Operator{ID: r.OperatorID, Name: text(r.Operator)}
	}
	return e
}

// appendLine appends the line of e, with its line end, to b and sets e.Hash.
// Members are in the order of their names, as RFC 8785 has it.
func (e *Entry) appendLine(b []byte) []byte {
	start := len(b)
	str := func(name, v string) {
		if v != "" {
			b = appendString(append(append(append(b, `,"`...), name...), `":`...), v)
		}
	}
	num := func(name string, v int64) {
		if v != 0 {
			b = strconv.AppendInt(append(append(append(b, `,"`...), name...), `":`...), v, 10)
		}
	}
	str("approval", e.Approval)
	num("chat", e.Chat)
	str("class", e.Class)
	str("command", e.Command)
	str("digest", e.Digest)
	str("event", string(e.Event))
	num("ms", e.MS)
	if e.Operator != nil {
		b = strconv.AppendInt(append(b, `,"operator":{"id":`...), e.Operator.ID, 10)
		b = append(appendString(append(b, `,"name":`...), e.Operator.Name), '}')
	}
	str("prev", e.Prev)
	str("reason", e.Reason)
	str("result", e.Result)
	num("seq", e.Seq)
	str("time", e.Time.Format(timeFormat))
	num("topic", e.Topic)
	num("update", e.Update)
	b[start] = '{'
	b = append(b, '}')
	e.Hash = hexSum(b[start:])
	b = append(b[:len(b)-1], hashOpen...)
	b = append(b, e.Hash...)
	return append(append(b, hashClose...), '\n')
}

// appendString appends s as RFC 8785 writes strings: nothing is escaped that need
// not be. s is UTF-8.
func appendString(b []byte, s string) []byte {
	const digits = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\b':
			b = append(b, `\b`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\f':
			b = append(b, `\f`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r < ' ':
			b = append(b, '\\', 'u', '0', '0', digits[r>>4], digits[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// parse returns the entry of a line without its line end, if the line is one that
// may follow head; otherwise why is not empty. A head without hash may be followed
// by any.
func parse(line []byte, head Anchor) (e Entry, why string) {
	body := len(line) - tailLen
	if body < 1 || string(line[body:body+len(hashOpen)]) != hashOpen || string(line[len(line)-len(hashClose):]) != hashClose {
		return e, "not a record"
	}
	h := sha256.New()
	h.Write(line[:body])
	h.Write([]byte{'}'})
	var sum [hashLen]byte
	hex.Encode(sum[:], h.Sum(nil))
	if string(sum[:]) != string(line[body+len(hashOpen):len(line)-len(hashClose)]) {
		return e, "changed: its hash does not fit its content"
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return e, "not a record"
	}
	switch {
	case head.Hash == "":
	case e.Seq > head.Seq+1:
		return e, fmt.Sprintf("record %d follows record %d: %s missing", e.Seq, head.Seq, records(e.Seq-head.Seq-1))
	case e.Seq < head.Seq+1:
		return e, fmt.Sprintf("record %d follows record %d: out of order", e.Seq, head.Seq)
	case e.Prev != head.Hash:
		return e, fmt.Sprintf("record %d does not continue the chain: the record before it was replaced", e.Seq)
	}
	return e, ""
}

func records(n int64) string {
	if n == 1 {
		return "1 record is"
	}
	return strconv.FormatInt(n, 10) + " records are"
}

func (e Entry) anchor() Anchor { return Anchor{Seq: e.Seq, Hash: e.Hash} }

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// String returns e as one line for people. What was typed is quoted, so that it
// can do nothing to a terminal.
func (e Entry) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s %s", e.Seq, e.Time.Format(timeFormat), e.Event)
	if e.Operator != nil {
		fmt.Fprintf(&b, " operator=%d %q", e.Operator.ID, e.Operator.Name)
	}
	for _, f := range []struct {
		name string
		n    int64
	}{{"chat", e.Chat}, {"topic", e.Topic}, {"update", e.Update}} {
		if f.n != 0 {
			fmt.Fprintf(&b, " %s=%d", f.name, f.n)
		}
	}
	for _, f := range []struct{ name, s string }{
		{"class", e.Class}, {"approval", e.Approval}, {"command", e.Command},
		{"result", e.Result}, {"reason", e.Reason}, {"digest", e.Digest},
	} {
		switch {
		case f.s == "":
		case f.name == "command" || f.name == "reason" || strings.ContainsFunc(f.s, notWord):
			fmt.Fprintf(&b, " %s=%q", f.name, f.s)
		default:
			fmt.Fprintf(&b, " %s=%s", f.name, f.s)
		}
	}
	if e.MS != 0 {
		fmt.Fprintf(&b, " ms=%d", e.MS)
	}
	return b.String()
}

func notWord(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '=' }

// String returns a as "seq:hash", which [ParseAnchor] reads.
func (a Anchor) String() string { return strconv.FormatInt(a.Seq, 10) + ":" + a.Hash }

// ParseAnchor reads "seq:hash".
func ParseAnchor(s string) (Anchor, error) {
	seq, hash, ok := strings.Cut(strings.TrimSpace(s), ":")
	n, err := strconv.ParseInt(seq, 10, 64)
	if _, hexErr := hex.DecodeString(hash); !ok || err != nil || n < 0 || hexErr != nil || len(hash) != hashLen {
		return Anchor{}, fmt.Errorf("anchor %q is not a record's number, a colon and 64 hex digits", s)
	}
	return Anchor{Seq: n, Hash: strings.ToLower(hash)}, nil
}
