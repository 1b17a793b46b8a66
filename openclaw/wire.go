package openclaw

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"time"
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

var errFrame = errors.New("not a frame")

// parseFrame reads a frame. It looks at the payload only to find its end, which
// is most of the work that a long one makes, and keeps b: whoever decodes the
// payload finds out whether it is JSON.
func parseFrame(b []byte) (f frame, err error) {
	i := blanks(b, 0)
	if i == len(b) || b[i] != '{' {
		return f, errFrame
	}
	for i++; ; i++ {
		i = blanks(b, i)
		key := i
		if i = skip(b, i); i < 0 || b[key] != '"' {
			return f, errFrame
		}
		name := string(b[key:i])
		if i = blanks(b, i); i == len(b) || b[i] != ':' {
			return f, errFrame
		}
		i = blanks(b, i+1)
		value := i
		if i = skip(b, i); i < 0 {
			return f, errFrame
		}
		var to any
		switch name {
		case `"payload"`:
			f.Payload = b[value:i:i]
		case `"type"`:
			to = &f.Type
		case `"id"`:
			to = &f.ID
		case `"ok"`:
			to = &f.OK
		case `"error"`:
			to = &f.Error
		case `"event"`:
			to = &f.Event
		case `"seq"`:
			to = &f.Seq
		}
		if to != nil {
			if err := json.Unmarshal(b[value:i], to); err != nil {
				return f, err
			}
		}
		if i = blanks(b, i); i == len(b) {
			return f, errFrame
		}
		switch b[i] {
		case ',':
		case '}':
			if blanks(b, i+1) != len(b) {
				return f, errFrame
			}
			return f, nil
		default:
			return f, errFrame
		}
	}
}

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
			for i < len(b) && !bytes.ContainsRune([]byte(",:]} \n\t\r"), rune(b[i])) {
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
