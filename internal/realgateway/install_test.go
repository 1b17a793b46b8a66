package realgateway

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// fakeNPM puts an npm on PATH, and nothing else of this project's: it logs how it was called and
// installs packages that are there by name only. script runs at its start. The real npm installs
// whatever the tests with a gateway use.
func fakeNPM(t *testing.T, script string) (log string) {
	t.Helper()
	bin := t.TempDir()
	log = filepath.Join(bin, "log")
	npm := `#!/bin/sh
echo "home=$HOME $*" >>` + log + `
` + script + `
mkdir -p node_modules/` + nodePackage() + `/bin node_modules/openclaw
: >node_modules/` + nodePackage() + `/bin/node
: >node_modules/openclaw/openclaw.mjs
echo '{"version":"` + OpenClawVersion + `"}' >node_modules/openclaw/package.json
`
	if err := os.WriteFile(filepath.Join(bin, "npm"), []byte(npm), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	return log
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func partials(t *testing.T, cache string) []string {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(cache, "partial-*"))
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func TestInstallOnceHoweverManyAsk(t *testing.T) {
	log := fakeNPM(t, "sleep 0.3")
	cache := filepath.Join(t.TempDir(), "a b", "cache")
	if err := os.MkdirAll(filepath.Join(cache, "partial-left-by-a-crash"), 0o755); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var lines []string
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := Install(t.Context(), cache, func(line string) {
				mu.Lock()
				defer mu.Unlock()
				lines = append(lines, line)
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	want := "install --ignore-scripts --omit=dev --no-package-lock --no-audit --no-fund --loglevel=error " +
		nodePackage() + "@26.10.0 openclaw@2026.9.6\n"
	if got := read(t, log); !strings.HasSuffix(got, want) || strings.Count(got, "\n") != 1 {
		t.Errorf("npm was called with\n%swant once\n%s", got, want)
	}
	if len(lines) != 2 {
		t.Errorf("progress = %q, want a line before and one after", lines)
	}
	if left := partials(t, cache); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
	p, ok := installed(cache)
	if !ok {
		t.Fatal("not installed")
	}
	if info, err := os.Stat(p.argv[0]); err != nil || info.Mode()&0o111 == 0 {
		t.Errorf("node: %v, %v, want it executable", info.Mode(), err)
	}

	// What is there needs no npm.
	t.Setenv("PATH", "/nowhere")
	if err := Install(t.Context(), cache, nil); err != nil {
		t.Error(err)
	}
}

func TestInstallFailures(t *testing.T) {
	tests := []struct{ name, script, want string }{
		{"npm fails", "echo one >&2; echo two >&2; exit 7", "npm: exit code 7: one | two"},
		{"npm installs nothing", "exit 0", "npm did not install " + nodePackage() + " and openclaw"},
		{"npm installs another version", "trap 'echo {\\\"version\\\":\\\"1.2.3\\\"} >node_modules/openclaw/package.json' EXIT", `npm installed openclaw "1.2.3"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fakeNPM(t, tt.script)
			cache := t.TempDir()
			err := Install(t.Context(), cache, nil)
			if want := "install openclaw 2026.9.6: " + tt.want; err == nil || err.Error() != want {
				t.Errorf("Install: %v, want %s", err, want)
			}
			if _, ok := installed(cache); ok {
				t.Error("a failed install counts as one")
			}
			if left := partials(t, cache); len(left) != 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}

	t.Setenv("PATH", "/nowhere")
	err := Install(t.Context(), t.TempDir(), nil)
	if want := "install openclaw 2026.9.6: npm is not on PATH"; err == nil || err.Error() != want {
		t.Errorf("Install without npm: %v, want %s", err, want)
	}
}

// npm keeps its own cache in HOME: without one, it goes into ours.
func TestInstallWithoutHome(t *testing.T) {
	for _, home := range []string{"", "/home/somebody"} {
		log := fakeNPM(t, "")
		t.Setenv("HOME", home)
		cache := t.TempDir()
		if err := Install(t.Context(), cache, nil); err != nil {
			t.Fatal(err)
		}
		if home == "" {
			home = filepath.Join(cache, "home")
		}
		if got := read(t, log); !strings.HasPrefix(got, "home="+home+" ") {
			t.Errorf("npm was called with %q, want HOME %q", got, home)
		}
	}
}

func TestOnPath(t *testing.T) {
	bin := t.TempDir()
	t.Setenv("PATH", bin+":/usr/bin:/bin")
	if p, ok := onPath(t.Context()); ok {
		t.Errorf("found %q on a PATH without openclaw", p.argv)
	}
	name := filepath.Join(bin, "openclaw")
	for _, tt := range []struct {
		script string
		want   bool
	}{{"exit 1", false}, {`test "$1" = --version`, true}} {
		if err := os.WriteFile(name, []byte("#!/bin/sh\n"+tt.script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if p, ok := onPath(t.Context()); ok != tt.want || ok && p.argv[0] != name {
			t.Errorf("with %q on PATH: %q, %v, want %v", tt.script, p.argv, ok, tt.want)
		}
	}
}
