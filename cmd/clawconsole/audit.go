package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/alecthomas/kong"

	"clawconsole/internal/audit"
)

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Check every line and the chain of hashes. Exit code 0: good, 1: broken, 2: unreadable."`
	Show   auditShowCmd   `cmd:"" help:"Print records, one line each."`
	Tail   auditTailCmd   `cmd:"" help:"Print the newest records."`
	Export auditExportCmd `cmd:"" help:"Write records as they are, JSON lines, checked."`
}

// auditFile says which record; one of the two is needed.
type auditFile struct {
	Config string `help:"Configuration of the console." placeholder:"FILE" xor:"where"`
	Path   string `arg:"" optional:"" help:"audit.jsonl itself, or the state folder." type:"path"`
}

func (f auditFile) locate(e *env) (string, error) {
	path := f.Path
	if path == "" {
		var files []string
		if f.Config != "" {
			if _, err := os.Stat(f.Config); err != nil {
				return "", fmt.Errorf("--config: %s: %s", f.Config, reason(err))
			}
			files = []string{f.Config}
		}
		// Faults elsewhere in the configuration are no reason not to read the record.
		configs, err := LoadAll(files, e.Vars)
		if configs[0].StateDir == "" {
			return "", errors.Join(errors.New("which record? give a path or --config"), err)
		}
		path = configs[0].StateDir
	}
	if filepath.Ext(path) != ".jsonl" {
		path = filepath.Join(path, auditName)
	}
	return path, nil
}

// unreadable says which record cannot be read, why, and what helps. Other errors, of
// what was read or of the output, speak for themselves.
func unreadable(path string, err error) error {
	var pe *fs.PathError
	if !errors.As(err, &pe) || pe.Op == "write" {
		return err
	}
	return fmt.Errorf("%s: %s\n\tname audit.jsonl or the state folder, as a user who may read it", path, reason(err))
}

type auditVerifyCmd struct {
	auditFile
	Anchor []string `help:"A head kept elsewhere, seq:hash; the record must contain it." placeholder:"SEQ:HASH"`
}

// Exit codes of audit verify.
const (
	auditBroken     = exitCode(1)
	auditUnreadable = exitCode(2)
)

// Run checks the record. What keeps it from that is never exit code 1, which says that
// the record is broken.
func (c auditVerifyCmd) Run(ctx context.Context, e *env) error {
	path, err := c.locate(e)
	var anchors []audit.Anchor
	for _, s := range c.Anchor {
		a, bad := audit.ParseAnchor(s)
		if bad != nil {
			err = errors.Join(err, fmt.Errorf("--anchor: %w", bad))
		}
		anchors = append(anchors, a)
	}
	if err != nil {
		fmt.Fprintf(e.Stderr, "clawconsole: %s\n", err)
		return auditUnreadable
	}
	r, err := audit.Verify(ctx, path, anchors...)
	var broken *audit.BrokenError
	switch {
	case errors.As(err, &broken):
		fmt.Fprintf(e.Stdout, "broken: %s\n", broken)
		fmt.Fprintf(e.Stdout, "good until then: %d records, head %s\n", r.Records, r.Head)
		return auditBroken
	case err != nil:
		fmt.Fprintf(e.Stderr, "clawconsole: audit verify: %s\n", unreadable(path, err))
		return auditUnreadable
	case r.Records == 0:
		fmt.Fprintf(e.Stdout, "good: empty\n")
	default:
		fmt.Fprintf(e.Stdout, "good: %d records in %d files, %s to %s\nhead %s\n", r.Records, r.Files,
			r.From.UTC().Format(time.DateTime), r.To.UTC().Format(time.DateTime), r.Head)
	}
	return nil
}

// span is a time of the command line: RFC 3339, a day, or a duration ago.
type span struct{ time.Time }

func (s *span) UnmarshalText(b []byte) error {
	if d, err := time.ParseDuration(string(b)); err == nil {
		s.Time = time.Now().Add(-d)
		return nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(layout, string(b)); err == nil {
			s.Time = t
			return nil
		}
	}
	return fmt.Errorf("%q is not a time: write 2026-11-20, 2026-11-20T14:00:00Z or 2h", b)
}

type auditShowCmd struct {
	auditFile
	Since span   `help:"First instant: 2026-11-20, RFC 3339, or 2h for two hours ago."`
	Until span   `help:"Instant after the last."`
	Event string `help:"Only this event, for example command.refused."`
	JSON  bool   `help:"JSON lines."`
}

// Run prints records, checked as they are read.
func (c auditShowCmd) Run(ctx context.Context, e *env) error {
	path, err := c.locate(e)
	if err != nil {
		return err
	}
	for entry, err := range audit.Entries(ctx, path) {
		switch {
		case err != nil:
			return unreadable(path, err)
		case entry.Time.Before(c.Since.Time), !c.Until.IsZero() && !entry.Time.Before(c.Until.Time):
			continue
		case c.Event != "" && string(entry.Event) != c.Event:
			continue
		}
		if err := printEntry(e, entry, c.JSON); err != nil {
			return err
		}
	}
	return nil
}

func printEntry(e *env, entry audit.Entry, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(e.Stdout).Encode(entry)
	}
	_, err := fmt.Fprintln(e.Stdout, entry)
	return err
}

// count is a number of lines on the command line. It is a word of its own because what
// kong says of "-5" is about flags.
type count int

// Decode takes the next word, whatever it looks like.
func (c *count) Decode(ctx *kong.DecodeContext) error {
	word := ""
	if token := ctx.Scan.Pop(); !token.IsEOL() {
		word = token.String()
	}
	n, err := strconv.Atoi(word)
	if err != nil || n < 1 {
		return fmt.Errorf("%q is not a number of lines: write 1 or more", word)
	}
	*c = count(n)
	return nil
}

type auditTailCmd struct {
	auditFile
	Lines count `short:"n" help:"How many." default:"10"`
	JSON  bool  `help:"JSON lines."`
}

// Run prints the newest records.
func (c auditTailCmd) Run(ctx context.Context, e *env) error {
	path, err := c.locate(e)
	if err != nil {
		return err
	}
	entries, err := audit.Tail(ctx, path, int(c.Lines))
	for _, entry := range entries {
		if err := printEntry(e, entry, c.JSON); err != nil {
			return err
		}
	}
	return unreadable(path, err)
}

type auditExportCmd struct {
	auditFile
	Since span `help:"First instant."`
	Until span `help:"Instant after the last."`
}

// Run writes the lines byte for byte.
func (c auditExportCmd) Run(ctx context.Context, e *env) error {
	path, err := c.locate(e)
	if err != nil {
		return err
	}
	_, err = audit.Export(ctx, path, e.Stdout, c.Since.Time, c.Until.Time)
	return unreadable(path, err)
}
