package gatewaytest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestTurns(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache")
	var turns []*os.File
	for range binaries {
		f, err := takeTurn(t.Context(), cache)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		turns = append(turns, f)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 20*time.Millisecond, errors.New("no turn"))
	defer cancel()
	if _, err := takeTurn(ctx, cache); err == nil || err.Error() != "wait for other tests with gateways: no turn" {
		t.Errorf("one turn more than there are: %v", err)
	}
	turns[1].Close()
	f, err := takeTurn(t.Context(), cache)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func TestCache(t *testing.T) {
	t.Setenv(CacheVariable, "")
	dir, err := Cache()
	if err != nil {
		t.Fatal(err)
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(wd, "..", "..", "..", ".cache", "openclaw"); dir != want {
		t.Errorf("Cache() = %s, want %s", dir, want)
	}
	t.Setenv(CacheVariable, "/elsewhere")
	if dir, err := Cache(); dir != "/elsewhere" || err != nil {
		t.Errorf("Cache() = %s, %v, want what the variable says", dir, err)
	}
	t.Setenv(CacheVariable, "")
	t.Chdir(t.TempDir())
	if dir, err := Cache(); err == nil {
		t.Errorf("Cache() outside of a module = %s", dir)
	}
}

type failing struct{}

func (failing) Run() int { return 3 }

func TestWrapKeepsTheExitCode(t *testing.T) {
	if code := Wrap(failing{}).Run(); code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
}
