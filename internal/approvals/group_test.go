package approvals

import (
	"fmt"
	"testing"
	"time"

	"clawconsole/openclaw"
)

// TestView: a prompt shows identical calls and such as have ended. A kill between the
// change of one and its parting leaves a group that is not identical any more: what
// differs is not before people's eyes, so that no button may stand for it.
func TestView(t *testing.T) {
	for _, tt := range []struct {
		name   string
		states []State
		calls  []string
		shown  string
		strays string
	}{
		{"identical", []State{Pending, Pending}, []string{"ls", "ls"}, "01", ""},
		{"the second differs", []State{Pending, Pending, Pending}, []string{"ls", "rm", "ls"}, "02", "1"},
		{"the first differs", []State{Pending, Pending, Pending}, []string{"rm", "ls", "ls"}, "0", "12"},
		{"what has ended stays", []State{Pending, Denied}, []string{"rm", "ls"}, "01", ""},
		{"the leader is gone", []State{"", Pending}, []string{"", "ls"}, "1", ""},
	} {
		br := New(Config{})
		for i, state := range tt.states {
			key := fmt.Sprint(i)
			if state == "" {
				br.groups["0"] = append(br.groups["0"], key)
				continue
			}
			a := openclaw.Approval{ID: key, Kind: openclaw.KindExec, Command: tt.calls[i], SessionKey: "s"}
			br.enter(Case{Key: key, Leader: "0", State: state, Step: Open, Approval: a, Digest: digest(a)}, nil)
		}
		keys := func(cases []Case) (keys string) {
			for _, c := range cases {
				keys += c.Key
			}
			return keys
		}
		if shown, strays := keys(br.view("0")), keys(br.strays("0")); shown != tt.shown || strays != tt.strays {
			t.Errorf("%s: shown %q, strays %q, want %q and %q", tt.name, shown, strays, tt.shown, tt.strays)
		}
		// Whatever is missing, the next call finds its place.
		next := openclaw.Approval{ID: "next", Kind: openclaw.KindExec, Command: tt.calls[0], SessionKey: "s"}
		want := "0"
		if tt.states[0] == "" {
			want = ""
		}
		if got := br.leader(Case{Key: "next", Approval: next, Digest: digest(next)}); got != want {
			t.Errorf("%s: the next call is led by %q, want %q", tt.name, got, want)
		}
	}
}

// TestButtons: a button is good for exactly the calls that were shown, as they were.
func TestButtons(t *testing.T) {
	c := func(key, digest string) Case { return Case{Key: key, Token: "token of " + key, Digest: digest} }
	shown := View{c("a", "1"), c("b", "1")}
	for _, tt := range []struct {
		name  string
		now   View
		calls int // 0: not found
	}{
		{"the same", shown, 2},
		{"one has joined", View{shown[0], shown[1], c("c", "1")}, 2},
		{"one has left", View{shown[0]}, 0},
		{"one has left, another joined", View{shown[0], c("c", "1")}, 0},
		{"the first has changed", View{c("a", "2"), shown[1]}, 0},
		{"the second has changed", View{shown[0], c("b", "2")}, 0},
		{"another prompt", View{c("b", "1"), c("a", "1")}, 0},
	} {
		for _, a := range actions {
			got, n, ok := tt.now.find(shown.Button(a))
			if n != tt.calls || ok != (tt.calls > 0) || ok && got != a {
				t.Errorf("%s: button %q means %q for %d calls, want %d", tt.name, a, got, n, tt.calls)
			}
		}
	}
}

// TestClaimedOnce: a sender that ends just when somebody claims again sends that too.
func TestClaimedOnce(t *testing.T) {
	br := New(Config{})
	br.ctx = t.Context()
	c := Case{Key: "k", State: Pending, Step: Sending, Claim: Claim{By: Person{1, "alice"}, At: time.Now()}}
	br.enter(c, nil)
	br.sending["k"] = true
	if !br.claimed("k") || !br.beingSent("k") {
		t.Error("a claim that nobody has sent is left behind")
	}
	c.Step = Open
	br.cases["k"] = &c
	if br.claimed("k") || br.beingSent("k") {
		t.Error("there is a sender, and nothing to send")
	}
}
