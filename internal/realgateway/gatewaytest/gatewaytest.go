// Package gatewaytest gives tests a real OpenClaw gateway with a mock model.
//
// # How many run at once
//
// A gateway costs ten seconds of two cores and up to 1 GB. So a test binary starts one, when a
// test first asks for it, and its tests share it; only a test that stops, hangs or configures a
// gateway starts its own. Between test binaries nothing is shared: approvals and sessions are
// visible to every client of a gateway, so tests of two packages would see each other's. Instead
// at most two test binaries use gateways at the same time, and the others wait: each takes one
// of two locked files in the cache before its first gateway and keeps it until it ends. The lock
// is of the binary and not of the gateway, so that nobody who has one gateway waits for another.
//
// Nothing is left behind, however a test binary ends: see the package realgateway.
package gatewaytest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"clawconsole/internal/leaktest"
	"clawconsole/internal/mockmodel"
	"clawconsole/internal/realgateway"
)

// CacheVariable names the environment variable with the folder where OpenClaw is installed.
const CacheVariable = "CLAWCONSOLE_OPENCLAW_CACHE"

// binaries is how many test binaries may use gateways at the same time.
const binaries = 2

// startWithin bounds everything up to a gateway that is ready: waiting for other test binaries,
// installing, starting.
const startWithin = 8 * time.Minute

// Cache returns the folder where tests install OpenClaw: the one that CLAWCONSOLE_OPENCLAW_CACHE
// names, else .cache/openclaw at the root of the module.
func Cache() (string, error) {
	if dir := os.Getenv(CacheVariable); dir != "" {
		return filepath.Abs(dir)
	}
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, ".cache", "openclaw"), nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod above %s", start)
		}
	}
}

// Model returns the mock model of this test binary, which its gateways use.
func Model(t testing.TB) *mockmodel.Server {
	t.Helper()
	m, err := model()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var model = sync.OnceValues(func() (*mockmodel.Server, error) {
	m, err := mockmodel.Start("127.0.0.1:0")
	started.Store(m)
	return m, err
})

// started is the mock model, once there is one; Wrap ends it.
var started atomic.Pointer[mockmodel.Server]

// Shared returns the gateway of this test binary, started when it is first asked for, with
// approvals always and the mock model. It is alive: if a test has stopped, killed or paused it,
// it is started again or resumed. Tests that run in parallel should not do that to it, and leave
// no approval pending. A package that uses it calls Main from TestMain.
func Shared(t testing.TB) *realgateway.Gateway {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	switch g := shared.gateway; {
	case shared.err != nil: // do not try again for every test
	case g == nil:
		shared.gateway, shared.err = startShared(ctx, t)
	case !g.Alive():
		shared.err = g.Restart(ctx)
	default:
		shared.err = g.Resume()
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.gateway
}

var shared struct {
	sync.Mutex
	gateway *realgateway.Gateway
	dir     string // removed by Main
	err     error
}

func startShared(ctx context.Context, t testing.TB) (*realgateway.Gateway, error) {
	dir, err := os.MkdirTemp("", "gatewaytest-")
	if err != nil {
		return nil, err
	}
	shared.dir = dir
	return start(ctx, t, realgateway.Config{Dir: dir})
}

// New starts a gateway of its own for t, which is stopped when t ends. Dir, Cache, ModelURL and
// Progress have defaults: a temporary folder, Cache, Model and the log of t.
func New(t testing.TB, c realgateway.Config) *realgateway.Gateway {
	t.Helper()
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	g, err := start(ctx, t, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(g) })
	return g
}

func start(ctx context.Context, t testing.TB, c realgateway.Config) (*realgateway.Gateway, error) {
	t.Helper()
	var err error
	if c.Cache == "" {
		if c.Cache, err = Cache(); err != nil {
			return nil, err
		}
	}
	if c.ModelURL == "" {
		c.ModelURL = Model(t).URL
	}
	if c.Progress == nil {
		c.Progress = func(line string) { t.Log(line) }
	}
	if err := wait(ctx, c.Cache); err != nil {
		return nil, err
	}
	return realgateway.Start(ctx, c)
}

// stop stops g, at once if it will not: one with an approval pending would wait for minutes.
func stop(g *realgateway.Gateway) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	g.Stop(ctx) // an error would say that it was killed
}

// turn is this binary's turn, once it has one. It ends with the binary.
var turn struct {
	sync.Mutex
	file *os.File
}

// wait blocks until it is this binary's turn.
func wait(ctx context.Context, cache string) error {
	turn.Lock()
	defer turn.Unlock()
	if turn.file != nil {
		return nil
	}
	var err error
	turn.file, err = takeTurn(ctx, cache)
	return err
}

// takeTurn blocks until it has locked one of the files of cache that stand for a turn. It gives
// the turn back when the file is closed, which the kernel does for a process that ends.
func takeTurn(ctx context.Context, cache string) (*os.File, error) {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	for {
		for i := range binaries {
			f, err := os.OpenFile(filepath.Join(cache, fmt.Sprintf("turn-%d.lock", i)), os.O_RDWR|os.O_CREATE, 0o644)
			if err != nil {
				return nil, err
			}
			if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
				return f, nil
			}
			f.Close()
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for other tests with gateways: %w", context.Cause(ctx))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Main is the TestMain of a package that uses Shared: it runs the tests, stops the gateway, fails
// if goroutines of ours are left, and exits.
func Main(m *testing.M) { os.Exit(leaktest.Wrap(Wrap(m)).Run()) }

// Wrap returns a Runner that runs m and stops the shared gateway, for a TestMain with more to do
// than Main does.
func Wrap(m leaktest.Runner) leaktest.Runner { return wrapped{m} }

type wrapped struct{ leaktest.Runner }

func (w wrapped) Run() int {
	code := w.Runner.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.gateway != nil {
		stop(shared.gateway)
	}
	if shared.dir != "" {
		os.RemoveAll(shared.dir)
	}
	if m := started.Load(); m != nil {
		m.Close()
	}
	return code
}
