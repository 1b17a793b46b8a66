package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"clawconsole/auth"
	"clawconsole/internal/audit"
	"clawconsole/internal/state"
)

// Names in the state folder.
const (
	ledgerName = "ledger.db"
	auditName  = "audit.jsonl"
	deviceName = "device.key"
)

// core is what a console keeps when it starts anew with another configuration: its
// state folder, open and locked, and who is unlocked.
type core struct {
	store  *state.Store
	record *audit.Log
	gate   *auth.Gate
}

// openCore opens the state folder of c, which it makes if there is none. There is no
// gate in it yet. The error is a Faults.
func openCore(ctx context.Context, c Config) (core, error) {
	store, err := state.Open(ctx, filepath.Join(c.StateDir, ledgerName))
	if err != nil {
		return core{}, Faults{folderFault(c, err)}
	}
	record, err := audit.Open(filepath.Join(c.StateDir, auditName))
	if err != nil {
		store.Close()
		return core{}, Faults{folderFault(c, err)}
	}
	return core{store: store, record: record}, nil
}

func (k core) close() {
	if k.record != nil {
		k.record.Close()
	}
	if k.store != nil {
		k.store.Close()
	}
}

// claim binds the state folder to the bot of c. Update ids are counted per bot: those
// of another would be taken for repeated ones and not be answered.
func (k core) claim(ctx context.Context, c Config) error {
	const key = "bot"
	bot := botID(c)
	was, err := k.store.Meta(ctx, key)
	if err == nil && was == "" {
		err = k.store.SetMeta(ctx, key, bot)
	}
	switch {
	case err != nil:
		return Faults{folderFault(c, err)}
	case was != "" && was != bot:
		return Faults{{c.File, "state_dir", fmt.Sprintf("%s belongs to bot %s, the token is of bot %s", c.StateDir, was, bot), "give this one a state_dir of its own"}}
	}
	return nil
}

// folderFault says in an operator's words why the state folder of c cannot be used.
func folderFault(c Config, err error) Fault {
	f := Fault{File: c.File, Key: "state_dir"}
	var broken *audit.BrokenError
	switch {
	case errors.Is(err, state.ErrInUse), errors.Is(err, audit.ErrInUse):
		f.Text, f.Advice = c.StateDir+" is in use by another console", "give each console a state_dir of its own"
	case errors.Is(err, state.ErrNewer):
		f.Text, f.Advice = c.StateDir+" was written by a newer clawconsole", "run that one"
	case errors.Is(err, state.ErrOpenFolder):
		f.Text, f.Advice = c.StateDir+" can be written by others", "chmod 700 "+c.StateDir
	case errors.Is(err, state.ErrForeignFolder):
		f.Text, f.Advice = c.StateDir+" belongs to another user", "the user that runs clawconsole must own it: chown -R USER "+c.StateDir
	case errors.Is(err, state.ErrCorrupt):
		f.Text, f.Advice = filepath.Join(c.StateDir, ledgerName)+" is damaged", "restore it from a backup; without it a command that Telegram delivers again counts as new"
	case errors.As(err, &broken):
		f.Text, f.Advice = filepath.Join(c.StateDir, broken.Error()), brokenAdvice
	default:
		f.Text, f.Advice = c.StateDir+": "+reason(err), "the user that runs clawconsole must own it"
	}
	return f
}

// brokenAdvice is for a record that is not what was written.
const brokenAdvice = "move it away after you have understood why; the console does not go on with a broken record"
