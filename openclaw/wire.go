package openclaw

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// frame is any text frame of the protocol, both ways.
// Source: gateway protocol 4, frames.
type frame struct {
	Type    string          `json:"type"` // req, res, event
	ID      string          `json:"id"`
	OK      bool            `json:"ok"`
	Payload json.RawMessage `json:"payload"`
	Error   *wireError      `json:"error"`
	Event   string          `json:"event"`
	Seq     int64           `json:"seq"`
}

// parseFrame reads a frame. It looks at the payload only to find its end, which
// is most of the work that a long one makes, and keeps b: whoever decodes the
// payload finds out whether it is JSON.
func parseFrame(b []byte) (f frame, err error) {
	return f, members(b, func(name, value []byte) error {
		switch string(name) {
		case "payload":
			f.Payload = value
		case "type":
			return json.Unmarshal(value, &f.Type)
		case "id":
			return json.Unmarshal(value, &f.ID)
		case "ok":
			return json.Unmarshal(value, &f.OK)
		case "error":
			return json.Unmarshal(value, &f.Error)
		case "event":
			return json.Unmarshal(value, &f.Event)
		case "seq":
			return json.Unmarshal(value, &f.Seq)
		}
		return nil
	})
}

var errNoObject = errors.New("not a JSON object")

// members calls f for each member of the JSON object b, with its name as written,
// which is right for the names that we know, and its value, of which only the end
// was looked for: a value that f does not decode may be no JSON. It stops at the
// first error of f.
func members(b []byte, f func(name, value []byte) error) error {
	i := blanks(b, 0)
	if i == len(b) || b[i] != '{' {
		return errNoObject
	}
	if i = blanks(b, i+1); i < len(b) && b[i] == '}' {
		return end(b, i+1)
	}
	for ; ; i++ {
		i = blanks(b, i)
		key := i
		if i = skip(b, i); i < 0 || b[key] != '"' {
			return errNoObject
		}
		name := b[key+1 : i-1]
		if i = blanks(b, i); i == len(b) || b[i] != ':' {
			return errNoObject
		}
		i = blanks(b, i+1)
		value := i
		if i = skip(b, i); i < 0 {
			return errNoObject
		}
		if err := f(name, b[value:i:i]); err != nil {
			return err
		}
		if i = blanks(b, i); i == len(b) {
			return errNoObject
		}
		switch b[i] {
		case ',':
		case '}':
			return end(b, i+1)
		default:
			return errNoObject
		}
	}
}

func end(b []byte, i int) error {
	if blanks(b, i) != len(b) {
		return errNoObject
	}
	return nil
}

// text decodes a JSON string; anything else is not ok.
func text(value []byte) (s string, ok bool) {
	if n := len(value); n >= 2 && value[0] == '"' && utf8.Valid(value) && !slices.ContainsFunc(value, escaped) {
		return string(value[1 : n-1]), true
	}
	var p *string
	if json.Unmarshal(value, &p) != nil || p == nil {
		return "", false
	}
	return *p, true
}

// escaped reports whether c in a JSON string begins an escape or should have been one.
func escaped(c byte) bool { return c < ' ' || c == '\\' }

// blanks returns the first index from i on that is not white space.
func blanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// skip returns the index after the JSON value that begins at i, -1 if there is
// none or it has no end. Of a value that is not valid it may return any end.
func skip(b []byte, i int) int {
	depth, begun := 0, i
	for i < len(b) {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if i++; i > len(b) {
				return -1
			}
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		default:
			if depth > 0 {
				i++
				continue
			}
			for i < len(b) && strings.IndexByte(",:]} \n\t\r", b[i]) < 0 {
				i++ // a number or a word
			}
			if i == begun {
				return -1
			}
			return i
		}
		if depth <= 0 {
			if depth < 0 {
				return -1
			}
			return i
		}
	}
	return -1
}

type request struct {
	Type   string `json:"type"`
	ID     string `json:"id"`
	Method string `json:"method"`
	Params any    `json:"params,omitempty"`
}

type wireError struct {
	Code         string          `json:"code"`
	Message      string          `json:"message"`
	Details      json.RawMessage `json:"details"`
	RetryAfterMs float64         `json:"retryAfterMs"`
}

// wireDetails are the keys of error.details that decide something. Details may
// be anything else than an object; then they are zero.
type wireDetails struct {
	Code         string `json:"code"`
	Reason       string `json:"reason"`
	MissingScope string `json:"missingScope"`
	RequestID    string `json:"requestId"`
	DeviceID     string `json:"deviceId"`
}

func (e *wireError) details() (d wireDetails) {
	if len(e.Details) > 0 {
		_ = json.Unmarshal(e.Details, &d) // another shape says nothing that we know
	}
	return d
}

// rpcError turns an error response into an *RPCError.
func (e *wireError) rpcError(method string) *RPCError {
	d := e.details()
	r := &RPCError{
		Method:     method,
		Code:       e.Code,
		Reason:     d.Code,
		Message:    e.Message,
		RetryAfter: millis(e.RetryAfterMs),
		Scope:      d.MissingScope,
	}
	if r.Reason == "" {
		r.Reason = d.Reason
	}
	switch {
	case r.Reason == "MISSING_SCOPE":
		r.kind = ErrScope
	case strings.HasSuffix(r.Reason, "_NOT_FOUND"):
		r.kind = ErrNotFound
	case d.Reason == "gateway-restarting":
		r.kind = ErrDraining
	case strings.HasPrefix(d.Reason, "startup"):
		r.kind = ErrStarting
	}
	return r
}

// millis is a duration of ms milliseconds, within what a Duration can hold.
func millis(ms float64) time.Duration {
	const most = float64(1<<63-1) / float64(time.Millisecond) / 2
	return time.Duration(min(max(ms, -most), most) * float64(time.Millisecond))
}

// instant is a time on the wire: milliseconds since 1970. Zero and null are the
// zero Time.
type instant struct{ time.Time }

func (t *instant) UnmarshalJSON(b []byte) error {
	var ms *float64
	if err := json.Unmarshal(b, &ms); err != nil {
		return err
	}
	t.Time = time.Time{}
	if ms != nil && *ms != 0 {
		t.Time = time.UnixMilli(int64(*ms))
	}
	return nil
}

// ms is a duration on the wire: a number of milliseconds.
type ms float64

func (m ms) duration() time.Duration { return millis(float64(m)) }
