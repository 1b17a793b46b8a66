package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"clawconsole/internal/fakegateway"
	"clawconsole/internal/faketelegram"
)

// The scripts tell what a person at a terminal sees, one story a file. Beside the
// standard commands they have
//
//	telegram [webhook|rival|skewed|nosy]…  an embedded Telegram, at $API
//	polls                                  waits until somebody polls that Telegram
//	gateway [down|scopeless]               an embedded gateway, at $GATEWAY
//	expand FILE…                           puts the values of $names into files
//	replace OLD NEW FILE                   edits a file
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"telegram": scriptTelegram,
			"gateway":  scriptGateway,
			"replace": func(ts *testscript.TestScript, _ bool, args []string) {
				text, file := ts.ReadFile(args[2]), ts.MkAbs(args[2])
				if !strings.Contains(text, args[0]) {
					ts.Fatalf("no %q in %s", args[0], args[2])
				}
				ts.Check(os.WriteFile(file, []byte(strings.Replace(text, args[0], args[1], 1)), 0o600))
			},
			"polls": func(ts *testscript.TestScript, _ bool, _ []string) {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				s := ts.Value(telegramKey{}).(**faketelegram.Server)
				ts.Check((*s).Wait(ctx, (*s).Polling))
			},
			"expand": func(ts *testscript.TestScript, _ bool, files []string) {
				for _, f := range files {
					text := os.Expand(ts.ReadFile(f), ts.Getenv)
					ts.Check(os.Remove(ts.MkAbs(f)))
					ts.Check(os.WriteFile(ts.MkAbs(f), []byte(text), 0o600))
				}
			},
		},
		Setup: func(e *testscript.Env) error {
			e.Values[telegramKey{}] = new(*faketelegram.Server)
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("TOKEN", faketelegram.Token)
			e.Setenv("SECRET", testSecret)
			e.Setenv("GATEWAY_TOKEN", "gateway-token-of-the-scripts")
			return nil
		},
		RequireUniqueNames: true,
	})
}

// telegramKey is where a script keeps its embedded Telegram.
type telegramKey struct{}

func scriptTelegram(ts *testscript.TestScript, _ bool, args []string) {
	bot := faketelegram.Bot{Token: faketelegram.Token, Username: "clawconsole_bot", Privacy: true}
	for _, a := range args {
		bot.Privacy = bot.Privacy && a != "nosy"
	}
	s, err := faketelegram.New(faketelegram.Config{Bots: []faketelegram.Bot{bot}})
	ts.Check(err)
	srv := httptest.NewServer(http.Handler(s))
	ts.Defer(func() { s.Close(); srv.Close() })
	ts.Setenv("API", srv.URL)
	*ts.Value(telegramKey{}).(**faketelegram.Server) = s
	call := func(method, params string) {
		res, err := http.Get(srv.URL + "/bot" + faketelegram.Token + "/" + method + params)
		if err == nil {
			res.Body.Close()
		}
	}
	for _, a := range args {
		switch a {
		case "webhook":
			call("setWebhook", "?url=https://elsewhere.example/s3cr3t-path")
		case "skewed":
			s.SetSkew(10 * time.Minute)
		case "rival":
			stop := make(chan struct{})
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					select {
					case <-stop:
						return
					default:
						call("getUpdates", "?timeout=5")
						pause()
					}
				}
			}()
			ts.Defer(func() { close(stop); srv.CloseClientConnections(); s.Close(); <-done })
		case "nosy":
		default:
			ts.Fatalf("telegram: what is %q", a)
		}
	}
}

func scriptGateway(ts *testscript.TestScript, _ bool, args []string) {
	c := fakegateway.Config{Token: ts.Getenv("GATEWAY_TOKEN")}
	kind := strings.Join(args, " ")
	if kind == "scopeless" {
		c.Scopes = []string{"operator.read"}
	}
	g, err := fakegateway.Start(c)
	ts.Check(err)
	ts.Defer(g.Close)
	ts.Setenv("GATEWAY", g.URL())
	if kind == "down" {
		g.Down()
	}
}

// fakeOpenClaw is the openclaw of the scripts. It is configured for the gateway at
// $GATEWAY, which it never reaches.
func fakeOpenClaw() {
	switch args := strings.Join(os.Args[1:], " "); {
	case args == "--version":
		fmt.Println("OpenClaw 2026.9.6 (fake)")
		return
	case strings.HasPrefix(args, "gateway status "):
		u, _ := url.Parse(os.Getenv("GATEWAY"))
		fmt.Printf(`{"rpc":{"ok":false},"port":{"port":%s}}`, u.Port())
		return
	}
	fmt.Println(`{"ok":false,"error":{"type":"cli_error","message":"Gateway not reachable"}}`)
	os.Exit(1)
}
