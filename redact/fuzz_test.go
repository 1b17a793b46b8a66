package redact_test

import (
	"strings"
	"testing"

	"clawconsole/redact"
)

const fuzzSecret = "Zx8-known-value-81x"

func fuzzRedactor(f *testing.F) *redact.Redactor {
	return newRedactor(f, redact.Config{
		Known:    []redact.Known{{"a", redact.NewSecret(fuzzSecret)}, {"b", redact.NewSecret("ab12cd34")}},
		Keys:     []string{"*_PIN"},
		Patterns: []string{"acme_[a-z]+x"},
	})
}

func addSeeds(f *testing.F) {
	for i, s := range secretCorpus(f) {
		if i%37 == 0 && len(s.text) < 2000 {
			f.Add(s.text)
		}
	}
	for name, s := range families(400) {
		_ = name
		f.Add(s)
	}
	for i, s := range harmlessCorpus(f) {
		if i%11 == 0 {
			f.Add(s)
		}
	}
}

// FuzzStable: redacting redacted text changes nothing.
func FuzzStable(f *testing.F) {
	r := fuzzRedactor(f)
	addSeeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		once := r.Text(text).String()
		if twice := r.Text(once).String(); twice != once {
			t.Errorf("Text(%q)\n\t= %q\n\tthen %q", text, once, twice)
		}
	})
}

// FuzzCuts: the result does not depend on how the input is cut.
func FuzzCuts(f *testing.F) {
	r := fuzzRedactor(f)
	addSeeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		want := r.Text(text).String()
		if got := inPieces(t, r, text, func() int { return 1 }); got != want {
			t.Errorf("byte by byte: %q\n\twhole: %q", got, want)
		}
		n := 0
		if got := inPieces(t, r, text, func() int { n++; return 1 + n*7%13 }); got != want {
			t.Errorf("in pieces: %q\n\twhole: %q", got, want)
		}
	})
}

// FuzzKnown: no known value survives, whatever is around it, whole or byte by
// byte.
func FuzzKnown(f *testing.F) {
	r := fuzzRedactor(f)
	f.Add("", "")
	f.Add("password=", "\n")
	f.Add("-----BEGIN RSA PRIVATE KEY-----\n", "x")
	f.Add("\x1b[31m", "\x1b[0m")
	f.Add(strings.Repeat("a", 65_530), "b")
	f.Add("key: |\n  ", "\n  more")
	f.Fuzz(func(t *testing.T, before, after string) {
		text := before + fuzzSecret + after
		if strings.Contains(before, "\x00") || strings.Contains(after, "\x00") || strings.ContainsAny(before, "\x1b") {
			return // a NUL or half an escape before it makes it another text
		}
		for _, out := range []string{r.Text(text).String(), inPieces(t, r, text, func() int { return 1 })} {
			if strings.Contains(out, fuzzSecret) {
				t.Errorf("%q: the value survives in %q", text, out)
			}
		}
	})
}

// FuzzSteps: the work for a text repeated is not more than in proportion.
func FuzzSteps(f *testing.F) {
	r := fuzzRedactor(f)
	addSeeds(f)
	f.Fuzz(func(t *testing.T, unit string) {
		if len(unit) == 0 || len(unit) > 200 {
			return
		}
		small := strings.Repeat(unit, 8000/len(unit)+1)
		a, b := redact.Steps(r, small), redact.Steps(r, small+small+small+small)
		if b > 6*a+1000 {
			t.Errorf("%q: %d steps for %d bytes, %d for four times as many", unit, a, len(small), b)
		}
		if b > maxStepsPerByte*4*len(small)+10_000 {
			t.Errorf("%q: %d steps for %d bytes", unit, b, 4*len(small))
		}
	})
}
