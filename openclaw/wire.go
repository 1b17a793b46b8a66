package openclaw

import (
	"encoding/json"
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
