package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"clawconsole/redact"
)

type redactCmd struct {
	Known    string   `help:"JSON object of name to value; the values are secrets." placeholder:"FILE"`
	Keys     []string `help:"Further key names, globs (as redact.keys)."`
	Patterns []string `help:"Further patterns, RE2 (as redact.patterns)." sep:"none"`
}

// Run filters standard input to standard output.
func (c redactCmd) Run(e *env) error {
	cfg := redact.Config{Keys: c.Keys, Patterns: c.Patterns}
	if c.Known != "" {
		known, err := readKnown(c.Known)
		if err != nil {
			return err
		}
		cfg.Known = known
	}
	r, err := redact.New(cfg)
	if err != nil {
		return err
	}
	for _, w := range r.Warnings() {
		fmt.Fprintln(e.Stderr, "clawconsole: redact:", w)
	}
	w := r.Writer(e.Stdout)
	_, err = io.Copy(w, e.Stdin)
	return errors.Join(err, w.Close())
}

func readKnown(file string) ([]redact.Known, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("--known: %s: %s", file, reason(err))
	}
	var values map[string]string
	if json.Unmarshal(raw, &values) != nil {
		// The library's words could quote the file, which is all secrets.
		return nil, fmt.Errorf("--known: %s: is not a JSON object of name to string", file)
	}
	var known []redact.Known
	for name, v := range values {
		known = append(known, redact.Known{Name: name, Value: redact.NewSecret(v)})
	}
	return known, nil
}
