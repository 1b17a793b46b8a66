package exec_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	osexec "os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"clawconsole/exec"
	"clawconsole/internal/leaktest"
)

// role makes this test binary play a part; see roles.
const role = "EXEC_TEST_ROLE"

var roles = map[string]func(){
	// The program starts itself as a daemon: a child in a new session, whose parent ends.
	"daemonize": func() {
		os.Setenv(role, "daemon")
		p, err := os.StartProcess("/proc/self/exe", []string{"daemon"}, &os.ProcAttr{
			Env:   os.Environ(),
			Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
			Sys:   &syscall.SysProcAttr{Setsid: true},
		})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		p.Release()
	},
	"daemon": func() {
		sh("trap '' TERM HUP; (trap '' TERM HUP; echo up >>up; exec sleep 1000) & exit 0")
	},
	"unsupervised": func() {
		_, err := exec.Run(context.Background(), exec.Spec{Argv: []string{"/bin/true"}})
		fmt.Println(errors.Is(err, exec.ErrUnsupervised))
	},
	"console": func() {
		exec.Supervise()
		_, err := exec.Run(context.Background(), exec.Spec{
			Argv: []string{"/bin/sh", "-c", "trap '' TERM; echo up >>up; sleep 1000 & sleep 1000"},
			Env:  os.Environ(), Timeout: time.Hour, Grace: time.Millisecond,
		})
		fmt.Println(err)
	},
}

func sh(script string) {
	err := syscall.Exec("/bin/sh", []string{"sh", "-c", script}, os.Environ())
	fmt.Println(err)
	os.Exit(1)
}

func TestMain(m *testing.M) {
	if part := roles[os.Getenv(role)]; part != nil && os.Args[0] != "clawconsole-exec" {
		part()
		return
	}
	exec.Supervise()
	os.Setenv("SECRET_OF_OURS", "hunter2")
	os.Exit(leaktest.Wrap(m).Run())
}

// A world is a directory and a mark in the environment by which everything that
// comes from one test can be found again.
type world struct {
	t    *testing.T
	dir  string
	mark string
}

func newWorld(t *testing.T) world {
	t.Helper()
	w := world{t, t.TempDir(), fmt.Sprintf("EXEC_TEST_MARK=%d.%s.%d", os.Getpid(), t.Name(), time.Now().UnixNano())}
	t.Cleanup(func() {
		for _, pid := range w.alive() {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	return w
}

func (w world) env(more ...string) []string {
	return append([]string{"PATH=/usr/local/bin:/usr/bin:/bin", w.mark}, more...)
}

func (w world) spec(script string) exec.Spec {
	return exec.Spec{
		Argv: []string{"/bin/sh", "-c", script}, Dir: w.dir, Env: w.env(),
		Timeout: time.Minute, Grace: 20 * time.Millisecond,
	}
}

// self is a spec that runs this binary in a role.
func (w world) self(part string) exec.Spec {
	s := w.spec("")
	s.Argv = []string{exe(w.t)}
	s.Env = w.env(role + "=" + part)
	return s
}

func exe(t *testing.T) string {
	name, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// alive returns the living processes of this world.
func (w world) alive() []int {
	var pids []int
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, d := range dirs {
		env, err := os.ReadFile(d + "/environ") // empty for a zombie
		if err == nil && bytes.Contains(env, []byte(w.mark)) {
			pid, _ := strconv.Atoi(filepath.Base(d))
			pids = append(pids, pid)
		}
	}
	return pids
}

func (w world) wantNone() {
	w.t.Helper()
	if pids := w.alive(); len(pids) > 0 {
		w.t.Errorf("still alive after Run: %v", pids)
	}
}

// up waits until n lines were written to the file "up".
func (w world) up(n int) {
	w.t.Helper()
	w.until(fmt.Sprintf("%d lines in up", n), func() bool {
		b, _ := os.ReadFile(filepath.Join(w.dir, "up"))
		return bytes.Count(b, []byte("\n")) >= n
	})
}

func (w world) until(what string, ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); {
		if time.Now().After(deadline) {
			w.t.Errorf("waited a minute for: %s", what)
			return
		}
		<-time.After(2 * time.Millisecond)
	}
}

// cancelWhenUp runs s and cancels it when n lines were written to "up".
func (w world) cancelWhenUp(s exec.Spec, n int) exec.Result {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { w.up(n); cancel() })
	r, err := exec.Run(ctx, s)
	wg.Wait()
	if err != nil {
		w.t.Fatalf("Run: %v", err)
	}
	if !r.Canceled || r.TimedOut {
		w.t.Errorf("Canceled = %v, TimedOut = %v, want true, false", r.Canceled, r.TimedOut)
	}
	return r
}

func (w world) run(s exec.Spec) exec.Result {
	w.t.Helper()
	r, err := exec.Run(context.Background(), s)
	if err != nil {
		w.t.Fatalf("Run: %v", err)
	}
	return r
}

func TestRunEndings(t *testing.T) {
	for _, keep := range []bool{false, true} {
		t.Run(fmt.Sprintf("KeepDaemons=%v", keep), func(t *testing.T) {
			for _, tt := range []struct {
				script, signal, output string
				code                   int
			}{
				{"echo hi", "", "hi\n", 0},
				{"echo out; echo err >&2; exit 3", "", "out\nerr\n", 3},
				{"kill -KILL $$", "SIGKILL", "", -1},
				{"kill -TERM $$", "SIGTERM", "", -1},
				{"cat; echo end of input", "", "end of input\n", 0},
				{"readlink /proc/self/fd/0", "", "/dev/null\n", 0},
				{"ls /proc/self/fd | wc -l", "", "4\n", 0}, // 0, 1, 2 and the directory itself
				{"exec 2>/dev/null; (: </dev/tty) || echo no terminal", "", "no terminal\n", 0},
				{"no-such-program-here 2>/dev/null", "", "", 127},
				{"trap : TERM; kill -TERM $$; echo caught", "", "caught\n", 0},
			} {
				w := newWorld(t)
				s := w.spec(tt.script)
				s.KeepDaemons = keep
				var pid int
				s.OnStart = func(p int) { pid = p }
				r := w.run(s)
				if r.ExitCode != tt.code || r.Signal != tt.signal || string(r.Output) != tt.output {
					t.Errorf("Run(%q) = %d %q %q, want %d %q %q", tt.script, r.ExitCode, r.Signal, r.Output, tt.code, tt.signal, tt.output)
				}
				if r.TimedOut || r.Canceled || r.Survivors != 0 || r.Duration <= 0 || pid <= 1 {
					t.Errorf("Run(%q) = %+v, pid %d", tt.script, r, pid)
				}
				if r.OutputBytes != int64(len(tt.output)) {
					t.Errorf("Run(%q).OutputBytes = %d, want %d", tt.script, r.OutputBytes, len(tt.output))
				}
			}
		})
	}
}

func TestRunCannotStart(t *testing.T) {
	w := newWorld(t)
	plain := filepath.Join(w.dir, "plain")
	if err := os.WriteFile(plain, []byte("echo hi\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	for _, keep := range []bool{false, true} {
		for _, tt := range []struct {
			name string
			ctx  context.Context
			spec exec.Spec
			want error // nil: any
		}{
			{"no argv", nil, exec.Spec{}, nil},
			{"not found", nil, exec.Spec{Argv: []string{"/no/such/program"}}, fs.ErrNotExist},
			{"not in PATH", nil, exec.Spec{Argv: []string{"no-such-program"}, Env: w.env()}, fs.ErrNotExist},
			{"no PATH", nil, exec.Spec{Argv: []string{"sh"}}, fs.ErrNotExist},
			{"not executable", nil, exec.Spec{Argv: []string{plain}}, fs.ErrPermission},
			{"not executable in PATH", nil, exec.Spec{Argv: []string{"plain"}, Env: []string{"PATH=" + w.dir}}, fs.ErrPermission},
			{"no such directory", nil, exec.Spec{Argv: []string{"/bin/true"}, Dir: "/no/such/directory"}, fs.ErrNotExist},
			{"directory is a file", nil, exec.Spec{Argv: []string{"/bin/true"}, Dir: plain}, syscall.ENOTDIR},
			{"NUL", nil, exec.Spec{Argv: []string{"/bin/echo", "a\x00b"}}, syscall.EINVAL},
			{"canceled before", done, exec.Spec{Argv: []string{"/bin/true"}}, context.Canceled},
		} {
			ctx := tt.ctx
			if ctx == nil {
				ctx = context.Background()
			}
			tt.spec.KeepDaemons = keep
			tt.spec.OnStart = func(int) { t.Errorf("%s: started", tt.name) }
			r, err := exec.Run(ctx, tt.spec)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%s, KeepDaemons %v: error %v, want %v", tt.name, keep, err, tt.want)
			}
			if !reflect.DeepEqual(r, exec.Result{}) {
				t.Errorf("%s: result %+v", tt.name, r)
			}
		}
	}
}

func TestRunEnvironmentIsExactlyTheOneGiven(t *testing.T) {
	env, err := osexec.LookPath("env")
	if err != nil {
		t.Fatal(err)
	}
	for _, keep := range []bool{false, true} {
		for _, give := range [][]string{nil, {"A=1"}, {"B=2", "A=x y\nz", "EMPTY="}} {
			r, err := exec.Run(context.Background(), exec.Spec{Argv: []string{env}, Env: give, KeepDaemons: keep})
			if err != nil {
				t.Fatal(err)
			}
			want := ""
			for _, e := range give {
				want += e + "\n"
			}
			if string(r.Output) != want {
				t.Errorf("Env %q: env printed %q", give, r.Output)
			}
		}
	}
}

func TestRunSupervisorTellsNothing(t *testing.T) {
	w := newWorld(t)
	r := w.run(w.spec("tr '\\0' '\\n' </proc/$PPID/environ; tr '\\0' ' ' </proc/$PPID/cmdline"))
	if bytes.Contains(r.Output, []byte("hunter2")) || !bytes.Contains(r.Output, []byte("clawconsole-exec")) {
		t.Errorf("the program reads of its parent: %q", r.Output)
	}
}

func TestRunTimeout(t *testing.T) {
	for _, keep := range []bool{false, true} {
		w := newWorld(t)
		s := w.spec("echo before; exec sleep 1000")
		s.Timeout, s.Grace, s.KeepDaemons = 100*time.Millisecond, time.Minute, keep
		r := w.run(s)
		if !r.TimedOut || r.Canceled || r.Signal != "SIGTERM" || r.ExitCode != -1 {
			t.Errorf("KeepDaemons %v: %+v, want timed out by SIGTERM", keep, r)
		}
		w.wantNone()
	}
}

func TestRunDeadlineOfContextIsATimeout(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	r, err := exec.Run(ctx, w.spec("exec sleep 1000"))
	if err != nil || !r.TimedOut || r.Canceled {
		t.Errorf("Run = %+v, %v, want timed out", r, err)
	}
}

// What is asked to end may say something first.
func TestRunCancelIsGentle(t *testing.T) {
	for _, keep := range []bool{false, true} {
		w := newWorld(t)
		s := w.spec("trap 'echo tidied; exit 5' TERM; echo up >up; while :; do sleep 0.01; done")
		s.Grace, s.KeepDaemons = time.Minute, keep
		r := w.cancelWhenUp(s, 1)
		if r.ExitCode != 5 || !strings.Contains(string(r.Output), "tidied\n") {
			t.Errorf("KeepDaemons %v: %d %q, want 5 and what it said last", keep, r.ExitCode, r.Output)
		}
		w.wantNone()
	}
}

// Each row leaves processes behind; none may be alive when Run returns.
func TestRunEndsEverything(t *testing.T) {
	ignore := "trap '' TERM HUP INT; "
	for _, tt := range []struct {
		name, script string
		up           int // cancel after this many lines; 0: it ends by itself
	}{
		{"program ignores SIGTERM", ignore + "echo up >up; while :; do sleep 1000; done", 1},
		{"grandchild keeps the pipe", "sleep 1000 & echo hi", 0},
		{"grandchild ignores SIGTERM and keeps the pipe", "(" + ignore + "echo up >>up; while :; do sleep 1000; done) & while ! test -s up; do :; done; echo hi", 0},
		{"grandchild ignores SIGTERM, canceled", "(" + ignore + "echo up >>up; exec sleep 1000) & wait", 1},
		{"own session", "setsid sh -c \"" + ignore + "echo up >>up; sleep 1000\" & wait", 1},
		{"own session, parent gone", "(setsid sh -c \"" + ignore + "echo up >>up; sleep 1000\" &) ; while ! test -s up; do :; done; echo hi", 0},
		{"double fork, own session, parent gone", "(setsid sh -c '(setsid sh -c \"" + ignore + "echo up >>up; sleep 1000\" &)' &) ; sleep 1000", 1},
		{"stopped child", "sleep 1000 & kill -STOP $!; echo up >up; wait", 1},
		{"a chain of children", "sh -c 'sh -c \"sh -c \\\"" + ignore + "echo up >up; sleep 1000; :\\\"; :\"; :' ; :", 1},
		{"children of a pipeline", ignore + "sleep 1000 | sleep 1000 | (echo up >up; sleep 1000)", 1},
		{"forks when asked to end", "trap 'for i in 1 2 3 4 5 6 7 8; do (trap \"\" TERM; exec sleep 1000) & done' TERM; echo up >up; while :; do sleep 0.01; done", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if tt.up > 0 {
				w.cancelWhenUp(w.spec(tt.script), tt.up)
			} else if r := w.run(w.spec(tt.script)); r.ExitCode != 0 || string(r.Output) != "hi\n" {
				t.Errorf("%d %q, want 0 and hi", r.ExitCode, r.Output)
			}
			w.wantNone()
		})
	}
}

func TestRunEndsDaemon(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	// The program ends at once; its daemon ignores SIGTERM and keeps the pipe.
	if _, err := exec.Run(ctx, w.self("daemonize")); err != nil {
		t.Fatal(err)
	}
	w.wantNone()
}

// Killed one by one, these would be replaced faster than they are found.
func TestRunEndsWhatForksMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// Bounded: four processes that start 500 each, if nobody ends them.
	s := w.spec(`trap '' TERM
for k in 1 2 3 4; do
	(trap '' TERM; i=0; while [ $i -lt 500 ]; do i=$((i+1)); (exec setsid sleep 1000) & echo up >>up; done; wait) &
done
wait`)
	s.Grace = time.Millisecond
	r := w.cancelWhenUp(s, 40)
	if r.Survivors != 0 {
		t.Errorf("%d survivors", r.Survivors)
	}
	w.wantNone()
}

// Each process of a comet starts the next, in a session of its own, and is gone.
func TestRunEndsComet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// Bounded: it burns out after 20,000 steps.
	comet := "trap '' TERM\n[ $1 -lt 20000 ] || exit\n[ $1 != 50 ] || echo up >>up\nsetsid sh ./comet $(($1+1)) &\n"
	if err := os.WriteFile(filepath.Join(w.dir, "comet"), []byte(comet), 0o600); err != nil {
		t.Fatal(err)
	}
	s := w.spec("sh ./comet 0; sh ./comet 0; sh ./comet 0; sleep 1000")
	s.Grace = time.Millisecond
	if r := w.cancelWhenUp(s, 3); r.Survivors != 0 {
		t.Errorf("%d survivors", r.Survivors)
	}
	w.wantNone()
}

func TestRunEndsWithItsConsole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cmd := osexec.Command(exe(t))
	cmd.Dir, cmd.Env = w.dir, w.env(role+"=console")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.up(1)
	cmd.Process.Kill()
	cmd.Wait()
	w.until("everything to end", func() bool { return len(w.alive()) == 0 })
}

func TestRunSurvivesTheDeathOfItsSupervisor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.spec("while ! test -e go; do :; done; echo hi; kill -KILL $PPID; sleep 1000; :")
	s.OnStart = func(int) { os.WriteFile(filepath.Join(w.dir, "go"), nil, 0o600) }
	r := w.run(s)
	if r.Survivors == 0 || r.Signal != "SIGKILL" || string(r.Output) != "hi\n" {
		t.Errorf("%+v, want killed, with survivors feared", r)
	}
	w.until("the program itself to end", func() bool { // the sleep gets away, as documented
		for _, pid := range w.alive() {
			if b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); string(b) == "sh\n" {
				return false
			}
		}
		return true
	})
}

func TestRunDropsTermOfTheSupervisor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if r := w.run(w.spec("kill -TERM $PPID; kill -INT $PPID; kill -HUP $PPID; echo hi; exit 4")); r.ExitCode != 4 || r.Survivors != 0 {
		t.Errorf("%+v, want exit code 4", r)
	}
}

func TestRunKeepDaemons(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.self("daemonize")
	s.KeepDaemons = true
	if r := w.run(s); r.ExitCode != 0 {
		t.Fatalf("%+v", r)
	}
	w.up(1)

	// Whatever else is ended meanwhile, the daemon of the first is not its business.
	other := newWorld(t)
	other.cancelWhenUp(other.spec("trap '' TERM; (setsid sleep 1000 &); echo up >up; sleep 1000"), 1)
	other.wantNone()
	if n := len(w.alive()); n != 1 {
		t.Errorf("%d processes of the daemon alive, want 1", n)
	}
}

func TestRunKeepDaemonsEndsItsGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.spec("(setsid sh -c 'echo up >>up; exec sleep 1000' &); (trap '' TERM; echo up >>up; exec sleep 1000) & wait")
	s.KeepDaemons = true
	w.cancelWhenUp(s, 2)
	w.until("one process left", func() bool { return len(w.alive()) == 1 })
}

func TestRunUnsupervised(t *testing.T) {
	cmd := osexec.Command(exe(t))
	cmd.Env = []string{role + "=unsupervised"}
	if out, err := cmd.CombinedOutput(); err != nil || !strings.HasPrefix(string(out), "true\n") {
		t.Errorf("without Supervise: %q, %v", out, err)
	}
}

func TestRunKeepsTheStartOfTheOutput(t *testing.T) {
	for _, keep := range []bool{false, true} {
		w := newWorld(t)
		s := w.spec("i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; done; echo e >&2")
		s.MaxOutput, s.Separate, s.KeepDaemons = 100, true, keep
		r := w.run(s)
		var all strings.Builder
		for i := range 3000 {
			fmt.Fprintf(&all, "line %d\n", i+1)
		}
		if string(r.Output) != all.String()[:100] || r.OutputBytes != int64(all.Len()) {
			t.Errorf("kept %q of %d bytes", r.Output, r.OutputBytes)
		}
		if string(r.Stderr) != "e\n" {
			t.Errorf("stderr %q", r.Stderr)
		}
	}
}

// What the program wrote before it ended is not lost, however late we read it.
func TestRunLosesNothing(t *testing.T) {
	w := newWorld(t)
	s := w.spec("head -c 60000 /dev/zero; sleep 1000 &")
	s.MaxOutput = 1 << 20
	for _, s.KeepDaemons = range []bool{false, true} {
		for range 10 {
			if r := w.run(s); r.OutputBytes != 60000 || len(r.Output) != 60000 {
				t.Fatalf("%d bytes, %d kept, want 60000", r.OutputBytes, len(r.Output))
			}
		}
	}
}

func TestRunGigabyte(t *testing.T) {
	w := newWorld(t)
	s := w.spec("head -c 1073741824 /dev/zero")
	s.MaxOutput = 8192
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := w.run(s)
	runtime.ReadMemStats(&after)
	if r.OutputBytes != 1<<30 || len(r.Output) != 8192 || r.ExitCode != 0 {
		t.Errorf("%d bytes, %d kept, exit code %d", r.OutputBytes, len(r.Output), r.ExitCode)
	}
	// All that was ever allocated, so no collection can hide anything.
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("allocated %d bytes for 8192 kept", n)
	}
}

func TestRunManyAtOnce(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			s := w.spec(fmt.Sprintf("echo %d; exit %d", i, i))
			s.KeepDaemons = i%4 == 0
			r, err := exec.Run(context.Background(), s)
			if err != nil || r.ExitCode != i || string(r.Output) != fmt.Sprintf("%d\n", i) {
				t.Errorf("run %d: %+v, %v", i, r, err)
			}
		})
	}
	wg.Wait()
	w.wantNone()
}

func TestPick(t *testing.T) {
	environ := []string{"PATH=/bin", "TOKEN=x", "HOME=/root", "PATHS=/no", "LANG=", "BAD"}
	got := exec.Pick(environ, []string{"LANG", "PATH", "HOME", "TERM", "BAD"})
	if want := []string{"PATH=/bin", "HOME=/root", "LANG="}; !reflect.DeepEqual(got, want) {
		t.Errorf("Pick = %q, want %q", got, want)
	}
}

// BenchmarkRunGigabyte reports the peak of this process's memory while a program
// prints 1 GB.
func BenchmarkRunGigabyte(b *testing.B) {
	for b.Loop() {
		r, err := exec.Run(context.Background(), exec.Spec{
			Argv: []string{"/bin/sh", "-c", "head -c 1073741824 /dev/zero"}, Env: []string{"PATH=/usr/bin:/bin"},
			Timeout: 5 * time.Minute, MaxOutput: 8192,
		})
		if err != nil || r.OutputBytes != 1<<30 {
			b.Fatalf("%+v, %v", r, err)
		}
		b.SetBytes(r.OutputBytes)
	}
	b.ReportMetric(peakMB(b), "peak-MB")
}

// BenchmarkRunTrue is what it costs to run anything, with a supervisor and without.
func BenchmarkRunTrue(b *testing.B) {
	for _, keep := range []bool{false, true} {
		b.Run(fmt.Sprintf("KeepDaemons=%v", keep), func(b *testing.B) {
			for b.Loop() {
				if _, err := exec.Run(context.Background(), exec.Spec{Argv: []string{"/bin/true"}, KeepDaemons: keep}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func peakMB(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		b.Fatal(err)
	}
	return float64(kb) / 1024
}
