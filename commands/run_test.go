package commands_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"clawconsole/auth"
	"clawconsole/commands"
	"clawconsole/exec"
)

// newShell is a story with /run switched on.
func newShell(t *testing.T, allow ...string) *story {
	t.Helper()
	p, err := exec.NewPolicy(allow)
	if err != nil {
		t.Fatal(err)
	}
	s := newStory(t, &gateway{})
	s.Shell = commands.Shell{Enabled: true, Policy: p, Dir: t.TempDir(), Env: exec.Pick(os.Environ(), []string{"PATH"})}
	return s
}

func TestRun(t *testing.T) {
	t.Setenv("GATEWAY_TOKEN_OF_TEST", "hunter2")
	tests := []struct {
		line  string
		wants []string
		lacks []string
	}{
		{"/run --yes echo hello", []string{"OK: /run: exit code 0, ", ", 6 B of output @local\n", "\nhello\n"}, nil},
		{"/run --yes echo out; echo err >&2; exit 3", []string{"ERROR: /run: exit code 3, ", "out\nerr\n"}, nil},
		{"/run --yes printf '%s|' \"a  b\" 'it is' back\\\\slash '#x'\n echo second", []string{"a  b|it is|back\\slash|#x|second"}, nil},
		{"/run --yes true", []string{"OK: /run: exit code 0", "No output."}, nil},
		{"/run --yes env", []string{"PATH="}, []string{"hunter2", "HOME="}},
		{"/run --yes cat", []string{"OK: /run: exit code 0", "No output."}, nil}, // standard input is closed
		{"/run --yes pwd", []string{"TestRun"}, nil},
		{"/run --timeout 1 --yes echo begun; sleep 60", []string{"ERROR: /run: timed out, killed, 1", "begun"}, nil},
		{"/run --yes head -c 20000 /dev/zero | tr '\\0' x", []string{"OK: ", "20.0 KB of output", "== the first 8.2 KB of 20.0 KB"}, []string{strings.Repeat("x", 8193)}},
		{"/run --yes kill -9 $$", []string{"ERROR: /run: ended by SIGKILL"}, nil},
		{"/run --yes --timeout 121 true", []string{"ERROR: --timeout: 121 s is too long, the most is 2 min"}, nil},
		{"/run --yes sudo ls", []string{"ERROR: refused: ", "sudo"}, nil},
		{"/run --yes ls; rm -rf /", []string{"ERROR: refused: ", "rm"}, nil},
		{"/run —yes echo “hi” — x", []string{"ERROR: not run: it has quotes or dashes that a phone put in", "== to copy\n/run --yes echo \"hi\" -- x"}, nil},
	}
	for _, tt := range tests {
		s := newShell(t)
		got := s.do(tt.line)
		wants(t, got, tt.wants...)
		lacks(t, got, tt.lacks...)
	}
}

// What is behind the cut comes along, unseen, for the redactor.
func TestRunLooksAhead(t *testing.T) {
	s := newShell(t)
	s.Shell.MaxOutput = 100
	for _, tt := range []struct{ printed, text, ahead int }{
		{100, 100, 0}, {101, 101, 1}, {5000, 100 + commands.Lookahead, commands.Lookahead},
	} {
		b := s.result(t.Context(), fmt.Sprintf("/run --yes head -c %d /dev/zero | tr '\\0' x", tt.printed)).Blocks[0]
		if len(b.Text) != tt.text || b.Lookahead != tt.ahead {
			t.Errorf("of %d bytes: text of %d, %d of them not shown; want %d and %d", tt.printed, len(b.Text), b.Lookahead, tt.text, tt.ahead)
		}
	}
}

func TestRunIsOffByDefault(t *testing.T) {
	s := newStory(t, &gateway{})
	marker := t.TempDir() + "/ran"
	for name, shell := range map[string]commands.Shell{"zero": {}, "without a policy": {Enabled: true}, "switched off": func() commands.Shell {
		sh := newShell(t).Shell
		sh.Enabled = false
		return sh
	}()} {
		s.Shell = shell
		wants(t, s.do("/run --yes touch "+marker), "ERROR: /run is switched off")
		if _, err := os.Stat(marker); err == nil {
			t.Errorf("%s: it ran", name)
		}
	}
}

func TestRunDirect(t *testing.T) {
	s := newShell(t)
	s.Shell.Direct = true
	wants(t, s.do("/run --yes printf '%s|' 'a b' $HOME ; ls"), "OK: ", "a b|$HOME|;|ls|")
	wants(t, s.do("/run --yes echo 'open"), "ERROR: the command has an open quote")
	wants(t, s.do("/run --yes sudo ls"), "ERROR: refused: ")
	wants(t, s.do("/run --yes no-such-program-here"), `ERROR: "no-such-program-here" cannot be started`)
}

func TestRunAllowList(t *testing.T) {
	s := newShell(t, "echo ok")
	wants(t, s.do("/run --yes echo ok then"), "OK: ", "ok then")
	wants(t, s.do("/run --yes echo ok && id"), "ERROR: refused: ", "id")
}

func TestRunCancel(t *testing.T) {
	s := newShell(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { // [Cancel], once it runs
		defer cancel()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for range 2000 {
			if _, err := os.Stat(s.Shell.Dir + "/begun"); err == nil {
				return
			}
			<-tick.C
		}
	}()
	began := time.Now()
	wants(t, show(s.result(ctx, "/run --yes echo hi; touch begun; sleep 60")), "ERROR: /run: stopped, ", "hi")
	if took := time.Since(began); took > 25*time.Second {
		t.Errorf("took %v", took)
	}
	wants(t, s.told(), "Running, 0 ms of 30 s.", "[Cancel]")
	wants(t, show(s.result(ctx, "/run --yes touch again")), "ERROR: stopped before it began")
}

// The line to copy is the one that was typed, straight: it asks for what that asked
// for, and no more. One that brought its own --yes would run at once.
func TestLineToCopy(t *testing.T) {
	s := newShell(t)
	for line, want := range map[string]string{
		"/run echo “hi”":                                      "/run echo \"hi\"",
		"/run —yes echo “hi” — x":                             "/run --yes echo \"hi\" -- x",
		"/run –timeout 90  echo ‘a  b’\n ls":                  "/run --timeout 90 echo 'a  b'\n ls",
		"/run --timeout “90” -- echo “hi”":                    "/run --timeout \"90\" -- echo \"hi\"",
		"/run --secret " + secret + " --yes echo “hi”":        "/run --yes echo \"hi\"",
		"/run@ourbot --yes --secret=" + secret + " echo “hi”": "/run --yes echo \"hi\"",
	} {
		r, err := commands.Parse(line, "ourbot")
		if err != nil {
			t.Fatal(err)
		}
		if res, ok := s.Check(r); ok || res.Blocks[0].Text != want {
			t.Errorf("Check(%q): to copy %q, want %q", line, res.Blocks[0].Text, want)
		}
		if res := s.result(t.Context(), line); res.Blocks[0].Text != want {
			t.Errorf("Do(%q): to copy %q, want %q", line, res.Blocks[0].Text, want)
		}
	}
}

// Check says before a confirmation what will not be done after it, to anybody.
func TestCheck(t *testing.T) {
	s := newShell(t)
	for line, want := range map[string]string{
		"/run ls -l":            "",
		"/status":               "",
		"/run echo ‘hi’":        "ERROR: not run: it has quotes",
		"/run rm -rf /":         "ERROR: refused: ",
		"/run --timeout 10m id": "ERROR: --timeout: 10 min is too long",
	} {
		r, err := commands.Parse(line, "")
		if err != nil {
			t.Fatal(err)
		}
		res, ok := s.Check(r)
		if ok != (want == "") || !ok && !strings.Contains(show(res), want) {
			t.Errorf("Check(%q) = %t\n%s", line, ok, show(res))
		}
	}
}

func TestTable(t *testing.T) {
	seen := make(map[string]bool)
	for _, e := range commands.Table() {
		if seen[e.Name] {
			t.Errorf("%s twice", e.Name)
		}
		seen[e.Name] = true
		if e.Class < auth.Safe || e.Summary == "" || len(e.Summary) > 50 || strings.HasSuffix(e.Summary, ".") {
			t.Errorf("%s: class %v, summary %q", e.Name, e.Class, e.Summary)
		}
		if !strings.HasPrefix(e.Usage, "/"+e.Name) {
			t.Errorf("%s: usage %q", e.Name, e.Usage)
		}
		for _, f := range e.Flags {
			if f.Value == "" {
				t.Errorf("%s: %s has no help", e.Name, f.Label)
			}
		}
		if len(e.Examples) == 0 {
			t.Errorf("%s has no example", e.Name)
		}
		for _, ex := range e.Examples {
			if r, err := commands.Parse(ex, ""); err != nil || r.Name != e.Name {
				t.Errorf("%s: example %q is %q, %v", e.Name, ex, r.Name, err)
			}
		}
	}
	for name, class := range map[string]auth.Class{
		"help": auth.Safe, "start": auth.Safe, "whoami": auth.Safe, "status": auth.Safe, "sessions": auth.Safe, "session": auth.Moderate, "agent": auth.Moderate,
		"logs": auth.Safe, "gateway status": auth.Safe, "gateway restart": auth.Moderate, "gateway start": auth.Moderate, "cron list": auth.Safe, "cron runs": auth.Safe,
		"cron run": auth.Moderate, "stop": auth.Moderate, "run": auth.Dangerous, "auth": auth.Safe, "lock": auth.Safe, "audit": auth.Safe,
	} {
		if got := (&commands.Env{}).Class(name); got != class {
			t.Errorf("class of %s = %v, want %v", name, got, class)
		}
	}
	if got := (&commands.Env{Raised: map[string]auth.Class{"run": auth.Safe, "logs": auth.Moderate}}).Class("run"); got != auth.Dangerous {
		t.Errorf("configuration lowered /run to %v", got)
	}
}
