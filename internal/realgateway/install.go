package realgateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	osexec "os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// The versions that Install installs. They are exact on purpose: what the tests prove,
// they prove about these.
const (
	NodeVersion     = "26.10.0"
	OpenClawVersion = "2026.9.6"
)

// Install puts node and openclaw, in the versions above, from npm into cache, once: when they
// are there it returns at once and writes nothing, so a filled cache may be read-only. It needs
// npm on PATH, takes about a minute and 850 MB, and runs no install scripts. Processes that
// install into the same cache wait for each other. progress, which may be nil, gets one line for
// each slow step.
//
// An install that is interrupted leaves nothing that a later one would take for complete.
func Install(ctx context.Context, cache string, progress func(string)) error {
	_, err := install(ctx, cache, progress)
	return err
}

// program is how openclaw is run: its command line, the folders that must be on PATH, and what
// else it wants in its environment.
type program struct {
	argv []string
	path []string
	env  []string
}

// installed returns the openclaw of the cache, and whether it is there.
func installed(cache string) (program, bool) {
	p, ok := programIn(filepath.Join(cache, "node-"+NodeVersion+"-openclaw-"+OpenClawVersion))
	// Keeps compiled code out of the folder for temporary files, where openclaw would put it.
	// The second name stops it from starting itself again to use a subfolder, for then the
	// gateway would not be the process that we started.
	p.env = []string{
		"NODE_COMPILE_CACHE=" + filepath.Join(cache, "compiled"),
		"OPENCLAW_PACKAGED_COMPILE_CACHE_RESPAWNED=1",
	}
	return p, ok
}

func programIn(dir string) (program, bool) {
	bin := filepath.Join(dir, "node_modules", nodePackage(), "bin")
	p := program{
		argv: []string{filepath.Join(bin, "node"), filepath.Join(dir, "node_modules", "openclaw", "openclaw.mjs")},
		path: []string{bin},
	}
	for _, name := range p.argv {
		if _, err := os.Stat(name); err != nil {
			return program{}, false
		}
	}
	return p, true
}

// nodePackage is the npm package that holds nothing but the node binary of this platform.
func nodePackage() string {
	arch := runtime.GOARCH
	if arch == "amd64" {
		arch = "x64"
	}
	return "node-" + runtime.GOOS + "-" + arch
}

func install(ctx context.Context, cache string, progress func(string)) (_ program, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("install openclaw %s: %w", OpenClawVersion, err)
		}
	}()
	if cache, err = filepath.Abs(cache); err != nil {
		return program{}, err
	}
	if p, ok := installed(cache); ok {
		return p, nil
	}
	npm, err := osexec.LookPath("npm")
	if err != nil {
		return program{}, errors.New("npm is not on PATH")
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return program{}, err
	}
	unlock, err := lock(ctx, filepath.Join(cache, "install.lock"))
	if err != nil {
		return program{}, err
	}
	defer unlock()
	if p, ok := installed(cache); ok {
		return p, nil
	}

	// Install beside the final folder and rename at the end, so that the folder's name
	// means that it is complete. Under the lock, what others left behind is garbage.
	left, _ := filepath.Glob(filepath.Join(cache, "partial-*"))
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return program{}, err
		}
	}
	dir, err := os.MkdirTemp(cache, "partial-")
	if err != nil {
		return program{}, err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"private":true}`+"\n"), 0o644); err != nil {
		return program{}, err
	}
	report(progress, "installing node %s and openclaw %s from npm (once, about a minute)", NodeVersion, OpenClawVersion)
	began := time.Now()
	cmd := osexec.Command(npm, "install", "--ignore-scripts", "--omit=dev", "--no-package-lock",
		"--no-audit", "--no-fund", "--loglevel=error",
		nodePackage()+"@"+NodeVersion, "openclaw@"+OpenClawVersion)
	cmd.Dir = dir
	cmd.Env = os.Environ() // npm's own settings: registry, proxy, certificates
	if os.Getenv("HOME") == "" {
		cmd.Env = append(cmd.Env, "HOME="+filepath.Join(cache, "home"))
	}
	if r, err := run(ctx, cmd); err != nil {
		return program{}, fmt.Errorf("npm: %w", err)
	} else if r.ExitCode != 0 {
		return program{}, fmt.Errorf("npm: exit code %d: %s", r.ExitCode, lastLines(r.Stderr, 5))
	}

	p, ok := programIn(dir)
	if !ok {
		return program{}, fmt.Errorf("npm did not install %s and openclaw", nodePackage())
	}
	if err := os.Chmod(p.argv[0], 0o755); err != nil { // its install script would have done it
		return program{}, err
	}
	if v := packageVersion(filepath.Join(dir, "node_modules", "openclaw")); v != OpenClawVersion {
		return program{}, fmt.Errorf("npm installed openclaw %q", v)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return program{}, err
	}
	final := filepath.Join(cache, "node-"+NodeVersion+"-openclaw-"+OpenClawVersion)
	if err := os.RemoveAll(final); err != nil { // somebody damaged it, or installed would have seen it
		return program{}, err
	}
	if err := os.Rename(dir, final); err != nil {
		return program{}, err
	}
	report(progress, "installed openclaw in %s", time.Since(began).Round(time.Second))
	p, _ = installed(cache)
	return p, nil
}

// onPath returns the openclaw on PATH if there is one that runs.
func onPath(ctx context.Context) (program, bool) {
	name, err := osexec.LookPath("openclaw")
	if err != nil {
		return program{}, false
	}
	if name, err = filepath.Abs(name); err != nil {
		return program{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if r, err := run(ctx, osexec.Command(name, "--version")); err != nil || r.ExitCode != 0 {
		return program{}, false
	}
	return program{argv: []string{name}, path: []string{filepath.Dir(name)}}, true
}

func packageVersion(dir string) string {
	var p struct{ Version string }
	data, err := os.ReadFile(filepath.Join(dir, "package.json"))
	if err != nil || json.Unmarshal(data, &p) != nil {
		return ""
	}
	return p.Version
}

// lock takes the lock of file, which is created, and blocks until it has it or ctx ends. The
// kernel gives the lock back when the process dies.
func lock(ctx context.Context, file string) (unlock func(), err error) {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, &fs.PathError{Op: "lock", Path: file, Err: err}
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("wait for another install: %w", context.Cause(ctx))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func report(progress func(string), format string, args ...any) {
	if progress != nil {
		progress(fmt.Sprintf(format, args...))
	}
}

// lastLines returns the last n lines of s that are not blank, on one line.
func lastLines(s string, n int) string {
	var lines []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-n):], " | ")
}
