package commands_test

import (
	"testing"

	"clawconsole/commands"
)

// Whoever is told to look at the gateway after a message of his was cut short sends
// it once more; its run can be asked for.
func TestAftermath(t *testing.T) {
	e := &commands.Env{Agents: map[string]string{"devops": "agent:devops:ops"}}
	for line, want := range map[string]string{
		"/session 'my ops' --timeout 60 go on": "look again: /session 'my ops' --again clawconsole:a:1:2",
		"/session main --again run-1":          "look again: /session main --again run-1",
		"/agent devops go on":                  "look again: /session agent:devops:ops --again clawconsole:a:1:2",
		"/agent main go on":                    "look again: /session agent:main:main --again clawconsole:a:1:2",
		"/cron run nightly":                    "check /cron runs nightly",
		"/stop main":                           "check /sessions",
		"/deny abc no":                         "check /pending",
		"/run --yes rm x":                      "see on its host what it has done",
		"/gateway restart --now":               "check /gateway status",
		"/stauts":                              "check /gateway status",
		"/auth [redacted]":                     "send it again",
		"/status":                              "send it again",
	} {
		if got := e.Aftermath(line, "clawconsole:a:1:2"); got != want {
			t.Errorf("Aftermath(%q) = %q, want %q", line, got, want)
		}
	}
}
