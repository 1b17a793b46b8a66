package console_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"clawconsole/auth"
	"clawconsole/commands"
)

// pressIn taps data under s as a person, in a topic.
func (g *rig) pressIn(topic, user int64, s sent, data string) {
	g.t.Helper()
	s.to.TopicID = topic
	g.press(user, s, data)
	synctest.Wait()
}

// A command too long for a message is sent whole before the button that runs it:
// what nobody can have read is not confirmed.
func TestLongCommandIsSeenFirst(t *testing.T) {
	for _, tt := range []struct {
		units int
		docs  int
	}{{300, 0}, {3000, 1}} {
		bubble(t, func(t *testing.T, g *rig) {
			g.unlock(alice)
			g.start()
			line := "/run echo " + strings.Repeat("x", tt.units) + " the end"
			g.send(g.message(line))
			synctest.Wait()
			all := g.chat.all()
			if len(all) != tt.docs+1 || all[len(all)-1].button("Run it") == "" {
				t.Fatalf("%d messages for %d units, want %d and [Run it] in the last", len(all), tt.units, tt.docs+1)
			}
			if tt.docs > 0 && (all[0].doc == nil || all[0].doc.Text.String() != line) {
				t.Errorf("before the button: %.40q", all[0].text())
			}
		})
	}
}

// A result offers what acts, and what only looks. The first is for the person who
// asked, in that place, once; the second for everybody there, as often as they like.
func TestResultButtons(t *testing.T) {
	offer := func(g *rig) sent {
		g.do = func(_ context.Context, _ auth.Grant, q commands.Request, _ func(commands.Result)) (commands.Result, error) {
			if q.Line != "/gateway status" {
				return commands.Result{Summary: "done"}, nil
			}
			return commands.Result{Buttons: [][]commands.Button{{{Label: "Restart", Line: "/gateway restart"}, {Label: "Logs", Line: "/logs"}}}}, nil
		}
		g.gate = newGate(g.t, func(c *auth.Config) { c.Groups = []auth.Group{{ID: forum, Topics: []int64{topic, topic + 1}}} })
		g.unlock(alice)
		g.unlock(bob)
		g.start()
		m := g.message("/gateway status")
		m.Private, m.ChatID, m.TopicID = false, forum, topic
		g.send(m)
		synctest.Wait()
		return g.chat.last(g.t)
	}
	for _, tt := range []struct {
		name  string
		press func(g *rig, s sent)
		ran   []string
		note  string
	}{
		{"twice", func(g *rig, s sent) {
			g.pressIn(topic, alice, s, s.button("Restart"))
			g.pressIn(topic, alice, s, s.button("Restart"))
		}, []string{"/gateway restart"}, "works once"},
		{"somebody else", func(g *rig, s sent) { g.pressIn(topic, bob, s, s.button("Restart")) }, nil, "someone else's"},
		{"after two minutes", func(g *rig, s sent) {
			time.Sleep(2 * time.Minute)
			g.pressIn(topic, alice, s, s.button("Restart"))
		}, nil, "works once"},
		{"another topic", func(g *rig, s sent) { g.pressIn(topic+1, alice, s, s.button("Restart")) }, nil, "works once"},
		{"looking, by anybody", func(g *rig, s sent) {
			g.pressIn(topic, alice, s, s.button("Logs"))
			g.pressIn(topic, bob, s, s.button("Logs"))
		}, []string{"/logs", "/logs"}, ""},
		{"looking, another topic", func(g *rig, s sent) { g.pressIn(topic+1, bob, s, s.button("Logs")) }, nil, "expired"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, g *rig) {
				tt.press(g, offer(g))
				if got := g.lines()[1:]; !slices.Equal(got, tt.ran) {
					t.Errorf("ran %q, want %q", got, tt.ran)
				}
				if notes := strings.Join(g.chat.notes, "|"); !strings.Contains(notes, tt.note) {
					t.Errorf("notes %q, want %q", notes, tt.note)
				}
			})
		})
	}
}

// [Run now] under a command that came too late is for its sender, once.
func TestRunNowIsForItsSender(t *testing.T) {
	bubble(t, func(t *testing.T, g *rig) {
		g.unlock(alice)
		g.unlock(bob)
		g.start()
		m := g.message("/gateway restart")
		m.Private, m.ChatID, m.ToUs, m.SentAt = false, group, true, m.SentAt.Add(-9*time.Minute)
		g.send(m)
		synctest.Wait()
		s := g.chat.last(t)
		g.pressIn(0, bob, s, s.button("Run now"))
		if len(g.lines()) > 0 || !slices.Equal(g.chat.notes, []string{"This button is someone else's."}) {
			t.Errorf("bob: ran %q, notes %q", g.lines(), g.chat.notes)
		}
		g.pressIn(0, alice, s, s.button("Run now"))
		g.pressIn(0, alice, s, s.button("Run now"))
		if got := g.lines(); !slices.Equal(got, []string{"/gateway restart"}) {
			t.Errorf("ran %q", got)
		}
	})
}
