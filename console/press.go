package console

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"time"

	"clawconsole/auth"
	"clawconsole/internal/approvals"
	"clawconsole/redact"
)

// What a button of the console does.
type buttonKind int

const (
	runLine  buttonKind = iota // runs a command line
	endTask                    // ends the command that is running
	wholeDoc                   // sends what was cut
	dismiss                    // takes back another button, and says so
)

// A button is what the console remembers of one that it has shown. Telegram is
// given its ID only, so nothing that a client sends back can change it.
type button struct {
	kind   buttonKind
	person int64 // who may press; 0: every operator in the chat
	chat   int64
	topic  int64
	once   bool
	until  time.Time

	line   string                  // runLine: exactly as typed
	yes    bool                    // runLine: confirms
	apart  bool                    // runLine: its message goes on without it, the answer is another
	cancel context.CancelCauseFunc // endTask
	toast  redact.Text             // endTask: what happens
	whole  func() Document         // wholeDoc
	size   int                     // about how many bytes whole keeps
	target string                  // dismiss
}

// The words for a press of a button that is not known (any more), by the start of
// its ID, which outlives the button and the process. Nobody is asked to repeat what
// may have had its effect.
var (
	gone = redact.Literal("This button has expired.")

	goneBy = map[string]redact.Text{
		"c:look:":  redact.Literal("This button has expired. Send the command again."),
		"c:act:":   redact.Literal("This button works once, for a short time. See what came of it before you send the command again."),
		"c:end:":   redact.Literal("It has ended, or the console was restarted. See the next message."),
		"c:whole:": redact.Literal("The full output is no longer kept."),
	}
)

// prefix is what the ID of b begins with.
func (b button) prefix() string {
	switch {
	case b.kind == endTask:
		return "c:end:"
	case b.kind == wholeDoc:
		return "c:whole:"
	case b.kind == runLine && b.person == 0:
		return "c:look:"
	case b.kind == runLine:
		return "c:act:"
	}
	return "c:"
}

// goneWords says why the button with an ID does nothing.
func goneWords(id string) redact.Text {
	for prefix, words := range goneBy {
		if strings.HasPrefix(id, prefix) {
			return words
		}
	}
	return gone
}

// What bounds the registry; the oldest go first.
const (
	maxButtons = 10_000
	maxHeld    = 8 << 20 // bytes that wait for [Full output]
)

// registry is the buttons that can be pressed now. It is in memory: after a
// restart every older button is expired.
type registry struct {
	mu    sync.Mutex
	known map[string]button
	order []string // oldest first
	held  int      // bytes, of all known
}

func newRegistry() *registry { return &registry{known: make(map[string]button)} }

// add returns the ID of a button that works for d.
func (g *registry) add(b button, d time.Duration) (id string) {
	id = b.prefix() + rand.Text() // 26 letters: opaque, and short of Telegram's 64 bytes
	b.until = time.Now().Add(d)
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.order) > 0 {
		first := g.order[0]
		old, ok := g.known[first]
		if ok && len(g.known) < maxButtons && !passed(old.until) {
			break
		}
		g.forget(first)
		g.order = g.order[1:]
	}
	for i := 0; b.size > 0 && g.held > 0 && g.held+b.size > maxHeld; i++ {
		if g.known[g.order[i]].size > 0 {
			g.forget(g.order[i])
		}
	}
	g.known[id] = b
	g.held += b.size
	g.order = append(g.order, id)
	return id
}

// passed reports whether a time has come, by the monotonic clock or by the wall's. The
// monotonic one stands still while the machine sleeps, the other can be set back.
func passed(t time.Time) bool {
	now := time.Now()
	return !now.Before(t) || !now.Round(0).Before(t.Round(0))
}

// since is how long ago t was, by whichever of the two clocks says more.
func since(t time.Time) time.Duration {
	now := time.Now()
	return max(now.Sub(t), now.Round(0).Sub(t.Round(0)))
}

// forget drops a button. g.mu is held.
func (g *registry) forget(id string) {
	g.held -= g.known[id].size
	delete(g.known, id)
}

func (g *registry) drop(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forget(id)
}

// take returns the button that p pressed. If it may be pressed once, that was it;
// a press by someone else, or in another chat, does not count.
func (g *registry) take(p Press) (b button, note redact.Text, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	b, ok = g.known[p.Data]
	switch {
	case !ok || p.Stray || passed(b.until) || b.chat != p.ChatID || b.topic != p.TopicID:
		return button{}, goneWords(p.Data), false
	case b.person != 0 && b.person != p.UserID:
		return button{}, redact.Literal("This button is someone else's."), false
	}
	if b.once {
		g.forget(p.Data)
	}
	return b, redact.Text{}, true
}

// press handles the tap on a button. It never waits for a command.
func (r *Router) press(p Press) {
	defer func() {
		if v := recover(); v != nil {
			r.notice(p, r.panicked(v))
			r.ignore(p.UpdateID)
		}
	}()
	caller := auth.Caller{UserID: p.UserID, ChatID: p.ChatID, TopicID: p.TopicID, Private: p.Private}
	op, ok := r.cfg.Gate.Identify(caller)
	if !ok || p.FromBot {
		if r.cfg.Approvals != nil && strings.HasPrefix(p.Data, approvals.Prefix) {
			// The prompt is before their eyes; nothing is given away.
			r.notice(p, redact.Literal("This is not yours to decide."))
		}
		r.ignore(p.UpdateID)
		return
	}
	if err := r.cfg.Gate.Spend(caller, auth.Presses); err != nil {
		r.notice(p, r.cfg.Redactor.Text(err.Error()))
		r.say(p.UpdateID, Refused)
		return
	}
	if r.cfg.Approvals != nil && r.cfg.Approvals.Press(r.work, op, p) {
		r.say(p.UpdateID, Done)
		return
	}
	b, note, ok := r.buttons.take(p)
	if !ok {
		r.notice(p, note)
		r.say(p.UpdateID, Refused)
		return
	}
	to := Address{ChatID: p.ChatID, TopicID: p.TopicID}
	switch b.kind {
	case runLine:
		r.toast(p, redact.Text{})
		edit := p.MessageID
		if b.apart {
			edit = 0
		}
		r.enter(Message{
			UpdateID: p.UpdateID, ChatID: p.ChatID, TopicID: p.TopicID, MessageID: p.MessageID, UserID: p.UserID,
			UserName: p.UserName, Private: p.Private, Origin: Person, Text: b.line, ToUs: true,
			SentAt: p.ReceivedAt, ReceivedAt: p.ReceivedAt,
		}, pressed{button: true, yes: b.yes, edit: edit})
	case endTask:
		r.toast(p, b.toast)
		b.cancel(errCancelled)
		r.say(p.UpdateID, Done)
	case wholeDoc:
		r.toast(p, redact.Text{})
		d := b.whole()
		r.say(p.UpdateID, Done, Outgoing{To: to, Document: &d})
	case dismiss:
		r.buttons.drop(b.target)
		r.toast(p, redact.Text{})
		r.say(p.UpdateID, Done, Outgoing{To: to, Edit: p.MessageID, Reply: &Reply{Header: redact.Literal("Cancelled, nothing was run.")}})
	}
}

// notice answers a press with a dialog that only its presser sees.
func (r *Router) notice(p Press, note redact.Text) { r.answerPress(p, note, true) }

// toast answers a press with a line that goes away.
func (r *Router) toast(p Press, note redact.Text) { r.answerPress(p, note, false) }

// answerPress does not wait: what a press does must not hang on its answer.
func (r *Router) answerPress(p Press, note redact.Text, alert bool) {
	r.spawn(func() {
		ctx, cancel := context.WithTimeout(r.work, callTimeout)
		defer cancel()
		if err := r.cfg.Chat.Answer(ctx, p.ID, note, alert); err != nil {
			r.log.Info("press not answered", "chat", p.ChatID, "update", p.UpdateID, "err", err)
		}
	})
}
