package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"runtime/debug"
	"syscall"

	"clawconsole/exec"
)

type serveCmd struct {
	Config []string `help:"Configuration; each file is one console. Without one the environment configures it." placeholder:"FILE" sep:"none"`
	Debug  bool     `help:"Log more."`
}

// Run serves until interrupted.
func (c serveCmd) Run(ctx context.Context, e *env) error {
	configs, err := LoadAll(c.Config, e.Vars)
	if err != nil {
		return err
	}
	level := slog.LevelInfo
	if c.Debug {
		level = slog.LevelDebug
	}
	// What runs as our user, a command of /run too, shall not read our secrets.
	if err := exec.Conceal(); err != nil {
		slog.New(slog.NewTextHandler(e.Stderr, nil)).Warn("other processes of this user can read this one", "err", err)
	}
	limitMemory(e.Vars, len(configs))
	s := &server{env: e, level: level, notify: newNotifier(e.Vars), failed: make(chan error, 1), running: map[string]*running{}}
	return s.run(ctx, configs, func() ([]Config, error) { return LoadAll(c.Config, e.Vars) })
}

// limitMemory makes the collector work harder rather than let the heap grow beyond
// what a console needs under load, whatever it has collected from so far: by itself
// it lets the heap double, and gives memory back late. The limit is soft: what is
// really in use, such as an answer of the gateway of 25 MB, gets its memory. Who sets
// GOMEMLIMIT knows better.
func limitMemory(vars []string, consoles int) {
	const first, each = 32 << 20, 8 << 20
	if _, set := environment(vars)["GOMEMLIMIT"]; !set {
		debug.SetMemoryLimit(first + each*int64(consoles))
	}
}

// server keeps the consoles of one process running.
type server struct {
	env    *env
	level  slog.Level
	notify *notifier
	failed chan error // the first console that ended by itself

	running map[string]*running // by file
}

type running struct {
	*instance
	stop context.CancelFunc
	done chan struct{} // closed when it has ended
}

func (s *server) run(ctx context.Context, configs []Config, reload func() ([]Config, error)) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)

	// Consoles outlive ctx by their drain, so they get a context of their own.
	all, stopAll := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAll()
	built, err := s.build(ctx, configs)
	if err != nil {
		return err
	}
	for _, i := range built {
		s.start(all, i)
	}
	s.notify.send("READY=1")

	ticks, stopTicks := s.notify.watchdog()
	defer stopTicks()
	var failure error
	for ended := false; !ended; {
		select {
		case <-ticks:
			s.notify.send("WATCHDOG=1")
		case <-hup:
			s.reload(all, reload)
		case failure = <-s.failed:
			ended = true
		case <-ctx.Done():
			ended = true
		}
	}
	s.notify.send("STOPPING=1")
	stopAll()
	for _, r := range s.running {
		<-r.done
	}
	if failure == nil {
		select {
		case failure = <-s.failed:
		default:
		}
	}
	return failure
}

// build wires a console for each configuration that does not run already, and starts
// none. The error is a Faults with what is wrong with all of them; then there is none.
func (s *server) build(ctx context.Context, configs []Config) (built []*instance, err error) {
	var faults Faults
	for _, c := range configs {
		var old *instance
		if r := s.running[c.File]; r != nil {
			old = r.instance
		}
		if old != nil && reflect.DeepEqual(old.config, c) {
			s.log().Info("configuration unchanged", "file", c.File)
			continue
		}
		i, err := newInstance(ctx, c, s.env, s.log(), old)
		if err != nil {
			faults = append(faults, faultsOf(c.File, err)...)
			continue
		}
		built = append(built, i)
	}
	if len(faults) > 0 {
		for _, i := range built {
			i.close()
		}
		return nil, faults
	}
	return built, nil
}

func (s *server) log() *slog.Logger {
	return slog.New(slog.NewTextHandler(s.env.Stderr, &slog.HandlerOptions{Level: s.level}))
}

func (s *server) start(ctx context.Context, i *instance) {
	ctx, stop := context.WithCancel(ctx)
	r := &running{instance: i, stop: stop, done: make(chan struct{})}
	s.running[i.config.File] = r
	go func() {
		defer close(r.done)
		defer i.close()
		err := i.run(ctx)
		if err == nil && ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("ended by itself")
		}
		select {
		case s.failed <- fmt.Errorf("%s: %w", i.config.File, err):
		default: // another one was first
		}
	}()
}

// reload starts anew what has changed. A bad file, or one that no console can be made
// of, changes nothing: what runs is ended only for one that is ready to take over.
func (s *server) reload(ctx context.Context, load func() ([]Config, error)) {
	s.notify.send("RELOADING=1")
	defer s.notify.send("READY=1")
	configs, err := load()
	var built []*instance
	if err == nil {
		built, err = s.build(ctx, configs)
	}
	if err != nil {
		s.refuse(faultsOf("configuration", err))
		return
	}
	for _, next := range built {
		old := s.running[next.config.File]
		if next.store == old.store {
			next.owns, old.owns = true, false
		}
		old.stop()
		<-old.done
		s.log().Info("configuration changed, console starts anew", "file", next.config.File)
		s.start(ctx, next)
	}
	s.notify.send("STATUS=configuration reloaded")
}

// refuse says why the configuration stays as it was.
func (s *server) refuse(faults Faults) {
	for _, f := range faults {
		attrs := []any{"file", f.File, "fault", f.Text}
		if f.Key != "" {
			attrs = append(attrs, "key", f.Key)
		}
		if f.Advice != "" {
			attrs = append(attrs, "advice", f.Advice)
		}
		s.log().Error("configuration refused, the old one stays", attrs...)
	}
	s.notify.send("STATUS=configuration refused, the old one stays: " + faults[0].String())
}

// faultsOf is err as faults, of file if it does not say of which.
func faultsOf(file string, err error) Faults {
	var faults Faults
	if errors.As(err, &faults) {
		return faults
	}
	return Faults{{File: file, Text: err.Error()}}
}
