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
	config Config
	stop   context.CancelFunc
	done   chan struct{} // closed when it has ended
}

func (s *server) run(ctx context.Context, configs []Config, reload func() ([]Config, error)) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)

	// Consoles outlive ctx by their drain, so they get a context of their own.
	all, stopAll := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAll()
	ready, awaited := make(chan struct{}, len(configs)), len(configs)
	for _, c := range configs {
		s.start(all, c, func() { ready <- struct{}{} })
	}

	ticks, stopTicks := s.notify.watchdog()
	defer stopTicks()
	var failure error
	for ended := false; !ended; {
		select {
		case <-ready:
			if awaited--; awaited == 0 {
				s.notify.send("READY=1")
			}
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

func (s *server) start(ctx context.Context, c Config, ready func()) {
	ctx, stop := context.WithCancel(ctx)
	r := &running{config: c, stop: stop, done: make(chan struct{})}
	s.running[c.File] = r
	log := slog.New(slog.NewTextHandler(s.env.Stderr, &slog.HandlerOptions{Level: s.level}))
	go func() {
		defer close(r.done)
		err := serve(ctx, c, s.env, log, ready)
		if err == nil && ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("ended by itself")
		}
		select {
		case s.failed <- fmt.Errorf("%s: %w", c.File, err):
		default: // another one was first
		}
	}()
}

// reload starts anew what has changed. A bad file changes nothing.
func (s *server) reload(ctx context.Context, load func() ([]Config, error)) {
	log := slog.New(slog.NewTextHandler(s.env.Stderr, nil))
	s.notify.send("RELOADING=1")
	defer s.notify.send("READY=1")
	configs, err := load()
	if err != nil {
		var faults Faults
		if !errors.As(err, &faults) {
			faults = Faults{{File: "configuration", Text: err.Error()}}
		}
		for _, f := range faults {
			attrs := []any{"file", f.File, "fault", f.Text}
			if f.Key != "" {
				attrs = append(attrs, "key", f.Key)
			}
			if f.Advice != "" {
				attrs = append(attrs, "advice", f.Advice)
			}
			log.Error("configuration refused, the old one stays", attrs...)
		}
		s.notify.send("STATUS=configuration refused, the old one stays: " + faults[0].String())
		return
	}
	for _, c := range configs {
		old := s.running[c.File]
		if old != nil && reflect.DeepEqual(old.config, c) {
			log.Info("configuration unchanged", "file", c.File)
			continue
		}
		if old != nil {
			old.stop()
			<-old.done
		}
		log.Info("configuration changed, console starts anew", "file", c.File)
		s.start(ctx, c, func() {})
	}
	s.notify.send("STATUS=configuration reloaded")
}
