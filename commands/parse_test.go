package commands_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"clawconsole/auth"
	"clawconsole/commands"
)

func TestParse(t *testing.T) {
	tests := []struct {
		msg  string
		want commands.Request
	}{
		{"/status", commands.Request{Name: "status", Class: auth.Safe, Command: &commands.Status{}, Line: "/status"}},
		{"/status@OurBot --verbose", commands.Request{Name: "status", Class: auth.Safe, Command: &commands.Status{Verbose: true}, Line: "/status --verbose"}},
		{"/STATUS", commands.Request{Name: "status", Class: auth.Safe, Command: &commands.Status{}, Line: "/status"}},
		{"/status —verbose", commands.Request{Name: "status", Class: auth.Safe, Command: &commands.Status{Verbose: true}, Line: "/status —verbose"}},
		{"/status --", commands.Request{Name: "status", Class: auth.Safe, Command: &commands.Status{}, Line: "/status --"}},
		{"/logs", commands.Request{Name: "logs", Class: auth.Safe, Command: &commands.Logs{Tail: 100}, Line: "/logs"}},
		{
			"/logs –tail=7 --grep “a b” --follow 1m",
			commands.Request{Name: "logs", Class: auth.Safe, Command: &commands.Logs{Tail: 7, Grep: "a b", Follow: time.Minute}, Line: "/logs –tail=7 --grep “a b” --follow 1m"},
		},
		{
			"/gateway Restart --reason 'stuck channel' --now",
			commands.Request{Name: "gateway restart", Class: auth.Moderate, Command: &commands.GatewayRestart{Reason: "stuck channel", Now: true}, Line: "/gateway Restart --reason 'stuck channel' --now"},
		},
		{
			"/auth hunter2",
			commands.Request{Name: "auth", Class: auth.Safe, Command: &commands.Auth{Code: "hunter2"}, Line: "/auth [redacted]"},
		},
		{
			"/run —secret “two words” --yes ls -l | wc",
			commands.Request{Name: "run", Class: auth.Dangerous, Command: &commands.Run{Command: "ls -l | wc"}, Line: "/run —secret [redacted] --yes ls -l | wc", Secret: "two words", Yes: true},
		},
		{
			"/gateway restart --secret=-dash-",
			commands.Request{Name: "gateway restart", Class: auth.Moderate, Command: &commands.GatewayRestart{}, Line: "/gateway restart --secret=[redacted]", Secret: "-dash-"},
		},
		{
			"/run --timeout 90 -- --version",
			commands.Request{Name: "run", Class: auth.Dangerous, Command: &commands.Run{Timeout: 90 * time.Second, Command: "--version"}, Line: "/run --timeout 90 -- --version"},
		},
		{
			"/agent ops - item",
			commands.Request{Name: "agent", Class: auth.Moderate, Command: &commands.Agent{Label: "ops", Timeout: 10 * time.Minute, Message: "- item"}, Line: "/agent ops - item"},
		},
		{
			"/help gateway restart",
			commands.Request{Name: "help", Class: auth.Safe, Command: &commands.Help{Topic: "gateway restart"}, Line: "/help gateway restart"},
		},
		{"/start", commands.Request{Name: "start", Class: auth.Safe, Command: &commands.Begin{}, Line: "/start"}},
	}
	for _, tt := range tests {
		got, err := commands.Parse(tt.msg, "ourbot")
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("Parse(%q)\n got %+v %+v, %v\nwant %+v %+v", tt.msg, got, got.Command, err, tt.want, tt.want.Command)
		}
	}
}

// The payload is the message from its first byte to the message's last.
func TestParsePayload(t *testing.T) {
	payloads := []string{
		"hello", "it's", `"quoted"`, "“curly” — and …", "two\n\nlines\n", "tab\tand trailing  ", "a #b", `back\slash\\`, "emoji 👩‍💻",
		"x --timeout 5 --yes", "'", `'open`, "\u00a0x"[2:], "😀", "a\u200bb", "-", "- - -", "5 -3", "it’s", "z \xff",
	}
	heads := []string{"/session main ", "/session main --timeout 5 ", "/session --timeout=5 “main” -- ", "/SESSION@ourbot\nmain\n", "/session main —timeout 5s\t"}
	for _, head := range heads {
		for _, p := range payloads {
			r, err := commands.Parse(head+p, "ourbot")
			if err != nil {
				t.Errorf("Parse(%q) = %v", head+p, err)
				continue
			}
			if s := r.Command.(*commands.Session); string(s.Message) != p || s.Key != "main" {
				t.Errorf("Parse(%q): key %q, message %q, want %q", head+p, s.Key, s.Message, p)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ msg, message, usage, hint string }{
		{"/stauts", "unknown command /stauts", "", "did you mean /status?"},
		{"/stat", "unknown command /stat", "", "did you mean /status?"},
		{"/usr/bin/true", "unknown command /usr/bin/true", "", "/help lists what there is"},
		{"/gateway", "/gateway needs a subcommand", "/gateway status|restart|start", ""},
		{"/gateway restrat", `/gateway has no subcommand "restrat"`, "/gateway status|restart|start", "did you mean /gateway restart?"},
		{"/cron", "/cron needs a subcommand", "/cron list|runs|run", ""},
		{"/cron runs", "/cron runs needs an id", "/cron runs <id> [--limit n]", ""},
		{"/logs --tail lots", `--tail: "lots" is not a whole number`, "/logs [--tail n] [--grep pattern] [--follow s]", ""},
		{"/logs --tail 99999999999999999999", `--tail: "99999999999999999999" is not a whole number`, "", ""},
		{"/logs --tail 1e3", `--tail: "1e3" is not a whole number`, "", ""},
		{"/logs --tail 0", "--tail: 0 is too small, the least is 1", "", ""},
		{"/logs --tail 5001", "--tail: 5001 is too large, the most is 5000", "", ""},
		{"/logs --tail", "--tail needs a value", "", ""},
		{"/logs --tail --grep x", "--tail needs a value", "", ""},
		{"/logs --tail=", `--tail: "" is not a whole number`, "", ""},
		{"/logs --grep ''", "--grep: is empty", "", ""},
		{"/logs --grep [", `--grep: "[" is not a pattern: missing closing ]: ` + "`[`", "", ""},
		{"/logs --grep (?<=a)b", `--grep: "(?<=a)b" is not a pattern: invalid named capture: ` + "`(?<=a)b`", "", ""},
		{"/logs --tail 5 --tail 6", "--tail is given twice", "", ""},
		{"/logs --tail 5 —tail=6", "--tail is given twice", "", ""},
		{"/status --verbose --verbose", "--verbose is given twice", "", ""},
		{"/status --verbose=yes", "--verbose takes no value", "", ""},
		{"/run --yes=false ls", "--yes takes no value", "", ""},
		{"/logs --tial 5", "unknown flag --tial", "", "did you mean --tail?"},
		{"/logs -t 5", "unknown flag -t", "", ""},
		{"/agent ops -v hello", "unknown flag -v", "", "text that begins with a dash goes behind --"},
		{"/logs 5", `"5" is too much for /logs`, "", ""},
		{"/logs --follow 121s", "--follow: 121 s is too long, the most is 2 min", "", ""},
		{"/logs --follow soon", `--follow: "soon" is not a time like 30, 90s or 2m`, "", ""},
		{"/session main", "/session needs a message", "", ""},
		{"/session", "/session needs a key", "", ""},
		{"/session main --again x hello", "--again sends no message", "", ""},
		{"/sessions --kinds a,,b", `--kinds: "a,,b" has an empty part`, "", ""},
		{"/run", "/run needs a command", "/run [--timeout s] --yes <command…>", ""},
		{"/auth", "/auth needs a secret", "", ""},
	}
	for _, tt := range tests {
		_, err := commands.Parse(tt.msg, "ourbot")
		var u *commands.UsageError
		if !errors.As(err, &u) {
			t.Errorf("Parse(%q) = %v, want a UsageError", tt.msg, err)
			continue
		}
		if u.Message != tt.message || tt.usage != "" && u.Usage != tt.usage || u.Hint != tt.hint {
			t.Errorf("Parse(%q) = %q, %q, %q, want %q, %q, %q", tt.msg, u.Message, u.Usage, u.Hint, tt.message, tt.usage, tt.hint)
		}
	}
	for msg, want := range map[string]error{
		"hello": commands.ErrNotCommand, "": commands.ErrNotCommand, "/": commands.ErrNotCommand, "/ status": commands.ErrNotCommand,
		" /status": commands.ErrNotCommand, "/status@other": commands.ErrOtherBot, "/nothing@other x": commands.ErrOtherBot, "/status@": commands.ErrOtherBot,
	} {
		if _, err := commands.Parse(msg, "ourbot"); err != want {
			t.Errorf("Parse(%q) = %v, want %v", msg, err, want)
		}
	}
	if _, err := commands.Parse("/status@", ""); err != commands.ErrOtherBot {
		t.Errorf("an unknown name of ours took a command: %v", err)
	}
}

// A usage error goes to a chat and into logs: a secret in a message that is
// misspelt must not.
func TestParseErrorsHoldNoSecret(t *testing.T) {
	for _, msg := range []string{
		"/auth hunter2 hunter2", "/auth --sceret hunter2", "/logs --secret hunter2 --tail x", "/logs --secret=hunter2 --secret=hunter2", "/logs --secrt hunter2",
		"/logs --secret a hunter2", "/auth -x=hunter2", "/auth --yes hunter2 hunter2", "/logs --secrets=hunter2", "/status —secret a hunter2 b",
	} {
		r, err := commands.Parse(msg, "")
		var u *commands.UsageError
		if !errors.As(err, &u) {
			t.Errorf("Parse(%q) = %+v, %v, want a UsageError", msg, r, err)
			continue
		}
		if all := u.Message + u.Usage + u.Hint; strings.Contains(all, "hunter2") {
			t.Errorf("Parse(%q) tells the secret: %+v", msg, u)
		}
		if !commands.HoldsSecret(msg) {
			t.Errorf("HoldsSecret(%q) = false", msg)
		}
	}
}

func TestHoldsSecret(t *testing.T) {
	yes := []string{
		"/auth x", "/AUTH x", "/auth@ourbot x", "/auht x", "/atuh x", "/uth x", "/authx", "auth x", "\u200b/auth x", "/au\u200dth x",
		"/run --secret x ls", "/run —secret x", "/run –secret=x", "/run -secret x", "/run --SECRET x", "/run --sec'r'et x", "/run “--secret” x", "/run --secert x",
		"/run --secrets x", "/run ―secret x", "/run −secret x", "/run --yes\n--secret\nx", "/run --se\u200bcret x", "/run ---secret x",
	}
	no := []string{
		"/status", "/logs --tail 5", "hello", "", "/agent ops tell me a secret", "/session main what is --section", "the author", "/run --yes echo secret",
	}
	for _, s := range yes {
		if !commands.HoldsSecret(s) {
			t.Errorf("HoldsSecret(%q) = false", s)
		}
	}
	for _, s := range no {
		if commands.HoldsSecret(s) {
			t.Errorf("HoldsSecret(%q) = true", s)
		}
	}
}

// FuzzParse: it never panics; the payload is a suffix of the message; a secret is
// never in the line, and never in a text that may be stored.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"/status", "/session main it's --yes", "/run --secret 'a b' --yes ls", "/auth x", "/auth@ourbot “x”", "/logs --tail 5 --grep a|b", "/cron run x", "/gateway",
		"/run -- --x", "/agent a —timeout 5 “b", "/help x y", "/sessions --kinds a,b --page 2", "/session k --again r", "/run --secret=x --secret y",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, msg string) {
		r, err := commands.Parse(msg, "ourbot")
		if err != nil {
			var u *commands.UsageError
			if !errors.As(err, &u) && !errors.Is(err, commands.ErrNotCommand) && !errors.Is(err, commands.ErrOtherBot) {
				t.Fatalf("Parse(%q) = %v", msg, err)
			}
			if u != nil && (u.Message == "" || u.Message == "cannot read this command" || strings.Contains(u.Message, "\n")) {
				t.Fatalf("Parse(%q) = %q", msg, u.Message)
			}
			return
		}
		var payload commands.Raw
		secret := r.Secret
		switch c := r.Command.(type) {
		case *commands.Session:
			payload = c.Message
		case *commands.Agent:
			payload = c.Message
		case *commands.Run:
			payload = c.Command
		case *commands.Help:
			payload = c.Topic
		case *commands.Auth:
			secret += c.Code
		}
		if !strings.HasSuffix(msg, string(payload)) || !strings.HasSuffix(r.Line, string(payload)) {
			t.Fatalf("Parse(%q): payload %q is no suffix of message and line %q", msg, payload, r.Line)
		}
		if secret != "" && !commands.HoldsSecret(msg) {
			t.Fatalf("HoldsSecret(%q) = false, Parse found %q", msg, secret)
		}
		if secret != "" && !strings.Contains(r.Line, "[redacted]") {
			t.Fatalf("Parse(%q): line %q", msg, r.Line)
		}
		if r.Class < auth.Safe || r.Name == "" {
			t.Fatalf("Parse(%q) = %+v", msg, r)
		}
	})
}

// Messages of many chats are parsed at once; what they share is only read.
func TestParseConcurrently(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 50 {
				n := 1 + (i*50+j)%5000
				r, err := commands.Parse(fmt.Sprintf("/logs --tail %d", n), "")
				if err != nil || r.Command.(*commands.Logs).Tail != n {
					t.Errorf("--tail %d: %+v, %v", n, r.Command, err)
				}
				commands.Parse("/gateway restrat --x", "")
				commands.Parse("/logs --tial 5", "")
			}
		})
	}
	wg.Wait()
}
