package redact

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// A Secret is a string that does not print. Every verb of fmt, slog, JSON and
// the text encodings show "[redacted]"; only [Secret.Reveal] gives the value.
// The zero value is the empty secret. Two secrets can be compared with ==, but
// what an outsider sent should be compared with [Secret.Equal].
type Secret struct{ value string }

// NewSecret returns s as a Secret.
func NewSecret(s string) Secret { return Secret{value: s} }

// Reveal returns the value itself, for the one place that has to send it.
func (s Secret) Reveal() string { return s.value }

// IsZero reports whether s is empty.
func (s Secret) IsZero() bool { return s.value == "" }

// Equal reports whether s is other, in a time that tells nothing about either:
// it compares SHA-256 hashes. The empty secret equals nothing, not even "".
func (s Secret) Equal(other string) bool {
	a, b := sha256.Sum256([]byte(s.value)), sha256.Sum256([]byte(other))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && s.value != ""
}

// String returns "[redacted]".
func (s Secret) String() string { return Mark }

// GoString returns "[redacted]".
func (s Secret) GoString() string { return Mark }

// Format writes "[redacted]" whatever the verb and its flags are.
func (s Secret) Format(f fmt.State, verb rune) { _, _ = io.WriteString(f, Mark) }

// LogValue returns "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(Mark) }

// MarshalText returns "[redacted]"; encoding/json uses it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(Mark), nil }

// UnmarshalText takes text as the value, so that a Secret can be a field of a
// configuration struct.
func (s *Secret) UnmarshalText(text []byte) error {
	s.value = string(text)
	return nil
}
