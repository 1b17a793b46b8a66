// Package redact makes text safe to leave the program: it replaces what is
// secret and keeps everything else byte for byte.
package redact

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"sort"
	"strings"
	"sync"
)

// Known is a secret that the program is configured with.
type Known struct {
	Name  string // for warnings: "telegram.token"
	Value Secret
}

// Config says what a Redactor finds beyond what it always finds. The zero value
// is fine.
type Config struct {
	Known    []Known
	Keys     []string // globs on key names whose values are secret: "*_PIN"
	Patterns []string // RE2; the first group, or the whole match, is secret
}

// A Redactor replaces secrets. It is safe for concurrent use.
type Redactor struct {
	keys     []string
	patterns []*regexp.Regexp

	mu       sync.RWMutex
	known    []string
	warnings []string
}

// minKnown is the shortest known value that is replaced: shorter ones would hit
// ordinary words.
const minKnown = 6

// New returns a Redactor, or an error that joins everything wrong with c.
func New(c Config) (*Redactor, error) {
	r := new(Redactor)
	var errs []error
	for _, k := range c.Keys {
		if _, err := path.Match(k, ""); err != nil {
			errs = append(errs, fmt.Errorf("redact.keys: %q is not a glob", k))
			continue
		}
		r.keys = append(r.keys, strings.ToUpper(k))
	}
	for _, p := range c.Patterns {
		re, err := regexp.Compile(p)
		if err != nil {
			errs = append(errs, fmt.Errorf("redact.patterns: %q: %w", p, err))
			continue
		}
		r.patterns = append(r.patterns, re)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	for _, k := range c.Known {
		r.Learn(k.Name, k.Value)
	}
	return r, nil
}

// Learn adds a known value. Text made before is not affected.
func (r *Redactor) Learn(name string, v Secret) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch n := len(v.value); {
	case n == 0:
	case n < minKnown:
		r.warnings = append(r.warnings, fmt.Sprintf("%s has %d characters, too short to be replaced wherever it appears", name, n))
	default:
		r.known = append(r.known, v.value)
		sort.Slice(r.known, func(i, j int) bool { return len(r.known[i]) > len(r.known[j]) })
	}
}

// Warnings returns one line for each known value that cannot be replaced.
func (r *Redactor) Warnings() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return append([]string(nil), r.warnings...)
}

var keyed = regexp.MustCompile(`(?i)([a-z0-9_.-]*(?:token|secret|passw(?:or)?d|api_?key|credential)[a-z0-9_]*["']?\s*[:=]\s*["']?)([^\s"',;&]+)`)

// Text returns s with its secrets replaced.
func (r *Redactor) Text(s string) Text {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, k := range r.known {
		s = strings.ReplaceAll(s, k, Mark)
	}
	s = keyed.ReplaceAllStringFunc(s, func(m string) string {
		g := keyed.FindStringSubmatch(m)
		if strings.HasPrefix(g[2], "[redacted") || strings.HasPrefix(g[2], "$") {
			return m
		}
		return g[1] + Mark
	})
	return Text{s}
}

// Writer returns a writer that passes what it is given to w, redacted. Close
// writes what is still held back; it does not close w.
func (r *Redactor) Writer(w io.Writer) io.WriteCloser { return &writer{r: r, w: w} }

type writer struct {
	r   *Redactor
	w   io.Writer
	buf []byte
}

func (w *writer) Write(p []byte) (int, error) {
	w.buf = append(w.buf, p...)
	i := bytes.LastIndexByte(w.buf, '\n') + 1
	if i == 0 {
		return len(p), nil
	}
	_, err := io.WriteString(w.w, w.r.Text(string(w.buf[:i])).s)
	w.buf = append(w.buf[:0], w.buf[i:]...)
	return len(p), err
}

func (w *writer) Close() error {
	_, err := io.WriteString(w.w, w.r.Text(string(w.buf)).s)
	w.buf = nil
	return err
}
