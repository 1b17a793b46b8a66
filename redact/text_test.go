package redact_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"clawconsole/redact"
)

func TestSecretDoesNotPrint(t *testing.T) {
	const value = "hunter2-hunter2"
	s := redact.NewSecret(value)
	box := struct {
		S redact.Secret
		P *redact.Secret
		M map[string]redact.Secret
	}{s, &s, map[string]redact.Secret{"k": s}}
	for _, verb := range []string{"%s", "%v", "%+v", "%#v", "%q", "%x", "%X", "%d", "%10.3s", "%T"} {
		for _, v := range []any{s, &s, box, []redact.Secret{s}} {
			if got := fmt.Sprintf(verb, v); strings.Contains(got, "hunter") || strings.Contains(got, fmt.Sprintf("%x", value)) {
				t.Errorf("Sprintf(%q, %T) = %q, shows the value", verb, v, got)
			}
		}
	}
	b, err := json.Marshal(box)
	if err != nil || strings.Contains(string(b), value) || !strings.Contains(string(b), redact.Mark) {
		t.Errorf("Marshal = %s, %v", b, err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "a", s, "b", box)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "a", s, "b", box)
	if strings.Contains(log.String(), value) {
		t.Errorf("slog shows the value: %s", log.String())
	}
	var u redact.Secret
	if err := u.UnmarshalText([]byte(value)); err != nil || u.Reveal() != value || u != s {
		t.Errorf("UnmarshalText = %v, Reveal %q", err, u.Reveal())
	}
}

func TestSecretEqual(t *testing.T) {
	for _, tt := range []struct {
		secret, other string
		want          bool
	}{
		{"abc", "abc", true}, {"abc", "abd", false}, {"abc", "", false}, {"", "", false}, {"", "x", false},
	} {
		if got := redact.NewSecret(tt.secret).Equal(tt.other); got != tt.want {
			t.Errorf("NewSecret(%q).Equal(%q) = %v, want %v", tt.secret, tt.other, got, tt.want)
		}
	}
}

func TestHeadAndTail(t *testing.T) {
	r, err := redact.New(redact.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		in         string
		max        int
		head, tail string
	}{
		{"", 0, "", ""},
		{"abc", 3, "abc", "abc"},
		{"abc", 2, "ab", "bc"},
		{"abc", 0, "", ""},
		{"a😀b", 2, "a", "b"},
		{"a😀b", 3, "a😀", "😀b"},
		{"one\ntwo\nthree\n", 9, "one\ntwo\n", "three\n"},
		{"xx [redacted] yy", 8, "xx ", " yy"},
		{"xx [redacted github token] yy", 20, "xx ", " yy"},
		{"a\n" + strings.Repeat("b", 20), 10, "a\nbbbbbbbb", "bbbbbbbbbb"},
	} {
		in := r.Text(tt.in)
		head, cut := in.Head(tt.max)
		if head.String() != tt.head || cut != len(tt.in)-len(tt.head) {
			t.Errorf("Head(%q, %d) = %q, %d, want %q", tt.in, tt.max, head, cut, tt.head)
		}
		tail, cut := in.Tail(tt.max)
		if tail.String() != tt.tail || cut != len(tt.in)-len(tt.tail) {
			t.Errorf("Tail(%q, %d) = %q, %d, want %q", tt.in, tt.max, tail, cut, tt.tail)
		}
	}
}

func TestDrop(t *testing.T) {
	r, err := redact.New(redact.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{
		{"abcdef", 0, "abcdef"},
		{"abcdef", 2, "abcd"},
		{"abcdef", 6, ""},
		{"abcdef", 7, ""},
		{"ab€", 1, "ab"},
		{"ab€", 3, "ab"},
		{"one\ntwo\nthree", 4, "one\ntwo\n"},
		{"xx [redacted] yy", 5, "xx "}, // " yy", and a piece of the replacement
	} {
		if got := r.Text(tt.in).Drop(tt.n).String(); got != tt.want {
			t.Errorf("Drop(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}

func TestCompose(t *testing.T) {
	got := redact.Sprintf("%s: 100%% of %s, %s", redact.Literal("a"), redact.Int(3))
	if want := "a: 100% of 3, %!s(missing)"; got.String() != want {
		t.Errorf("Sprintf = %q, want %q", got, want)
	}
	if got := redact.Sprintf("%d", redact.Literal("x")).String(); got != "%d%!(extra x)" {
		t.Errorf("Sprintf = %q", got)
	}
	if got := redact.Join(redact.Literal(", "), redact.Literal("a"), redact.Concat(redact.Literal("b"), redact.Literal("c"))).String(); got != "a, bc" {
		t.Errorf("Join = %q", got)
	}
}

// The console deletes a message that holds a value of its own, and leaves alone
// one that holds somebody else's.
func TestKnows(t *testing.T) {
	const known = "correct-horse-battery-staple-0123456789"
	r := newRedactor(t, redact.Config{Known: []redact.Known{{Name: "console secret", Value: redact.NewSecret(known)}}})
	for _, tt := range []struct {
		text string
		want bool
	}{
		{known, true},
		{"my secret is " + known + ", or so", true},
		{"first line\n/status " + known, true},
		{"correct-horse%2dbattery-staple-0123456789", true},
		{"", false},
		{"/status", false},
		{"API_KEY=ghp_0123456789abcdefghijABCDEFGHIJ012345", false},
	} {
		if got := r.Knows(tt.text); got != tt.want {
			t.Errorf("Knows(%q) = %v, want %v", tt.text, got, tt.want)
		}
	}
	if newRedactor(t, redact.Config{}).Knows(known) {
		t.Error("a redactor without known values knows one")
	}
}
