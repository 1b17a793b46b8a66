package console_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"clawconsole/auth"
	"clawconsole/commands"
	"clawconsole/console"
	"clawconsole/internal/audit"
	"clawconsole/redact"
)

const (
	alice   int64 = 1001
	bob     int64 = 1002
	mallory int64 = 1003
	group   int64 = -1001000000001
	forum   int64 = -1001000000002
	topic   int64 = 2
	bot           = "clawconsole_bot"
	secret        = "correct-horse-battery-staple-0123456789"
)

// A memLedger is a Ledger that outlives a router, and can be made to fail.
type memLedger struct {
	mu      sync.Mutex
	fail    map[string]error // by method
	updates map[int64]*memUpdate
	order   []int64
	outbox  []*console.Parcel
	held    map[int64]time.Time
	nextID  int64
	claims  map[int64]int // how often each update was claimed
	pruned  int           // how often
}

type memUpdate struct {
	console.Update
	claim   *console.Claim
	outcome console.Outcome
}

func newLedger() *memLedger {
	return &memLedger{fail: make(map[string]error), updates: make(map[int64]*memUpdate), claims: make(map[int64]int), held: make(map[int64]time.Time)}
}

func (l *memLedger) broken(method string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail[method] = err
}

func (l *memLedger) Receive(_ context.Context, us []console.Update) ([]bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fail["receive"]; err != nil {
		return nil, err
	}
	fresh := make([]bool, len(us))
	for i, u := range us {
		if l.updates[u.ID] == nil {
			fresh[i] = true
			l.updates[u.ID] = &memUpdate{Update: u}
			l.order = append(l.order, u.ID)
		}
	}
	return fresh, nil
}

func (l *memLedger) Claim(_ context.Context, c console.Claim) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fail["claim"]; err != nil {
		return err
	}
	u := l.updates[c.UpdateID]
	if u == nil || u.claim != nil || u.outcome != 0 {
		return console.ErrClaimed
	}
	u.claim, u.Body = &c, nil
	l.claims[c.UpdateID]++
	return nil
}

func (l *memLedger) Finish(_ context.Context, id int64, o console.Outcome, out []console.Parcel) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fail["finish"]; err != nil {
		return err
	}
	u := l.updates[id]
	if u == nil || u.outcome != 0 {
		return fmt.Errorf("update %d cannot be finished", id)
	}
	u.outcome, u.Body = o, nil
	l.put(out)
	return nil
}

func (l *memLedger) put(out []console.Parcel) {
	for i := range out {
		l.nextID++
		out[i].ID = l.nextID
		p := out[i]
		l.outbox = append(l.outbox, &p)
	}
}

func (l *memLedger) Recover(context.Context) (received []console.Update, claimed []console.Claim, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range l.order {
		switch u := l.updates[id]; {
		case u.outcome != 0:
		case u.claim != nil:
			claimed = append(claimed, *u.claim)
		default:
			received = append(received, u.Update)
		}
	}
	return received, claimed, nil
}

func (l *memLedger) Enqueue(_ context.Context, out []console.Parcel) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fail["enqueue"]; err != nil {
		return err
	}
	l.put(out)
	return nil
}

func (l *memLedger) Due(_ context.Context, now time.Time, limit int) (due []console.Parcel, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held, found := make(map[int64]bool), make(map[int64]int)
	for _, p := range l.outbox {
		if now.Before(l.held[p.ID]) {
			held[p.To.ChatID] = true
		}
		if !held[p.To.ChatID] && found[p.To.ChatID] < limit {
			found[p.To.ChatID]++
			due = append(due, *p)
		}
	}
	return due, nil
}

func (l *memLedger) Sent(_ context.Context, ids ...int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.fail["sent"]; err != nil {
		return err
	}
	l.outbox = slices.DeleteFunc(l.outbox, func(p *console.Parcel) bool { return slices.Contains(ids, p.ID) })
	return nil
}

func (l *memLedger) Retry(ctx context.Context, id int64, at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	l.held[id] = at
	for _, p := range l.outbox {
		if p.ID == id {
			p.Attempts++
		}
	}
	return nil
}

func (l *memLedger) Prune(context.Context, time.Time) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pruned++
	return 0, nil
}

// outcome returns how update id ended.
func (l *memLedger) outcome(id int64) console.Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	if u := l.updates[id]; u != nil {
		return u.outcome
	}
	return 0
}

func (l *memLedger) waiting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.outbox)
}

// A memRecord is a Recorder that can be made to fail.
type memRecord struct {
	mu      sync.Mutex
	fail    func(audit.Record) error
	records []audit.Record
}

func (m *memRecord) Append(_ context.Context, r audit.Record) (audit.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		if err := m.fail(r); err != nil {
			return audit.Entry{}, err
		}
	}
	m.records = append(m.records, r)
	return audit.Entry{}, nil
}

func (m *memRecord) events() (events []audit.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.records {
		events = append(events, r.Event)
	}
	return events
}

func (m *memRecord) text() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fmt.Sprintf("%+v", m.records)
}

// commandsFunc does commands; classes are those of the real grammar.
type commandsFunc func(ctx context.Context, g auth.Grant, q commands.Request, progress func(commands.Result)) (commands.Result, error)

func (f commandsFunc) Class(name string) auth.Class { return new(commands.Env).Class(name) }

func (f commandsFunc) Aftermath(line, key string) string {
	return new(commands.Env).Aftermath(line, key)
}

// Check has something against /run sudo.
func (f commandsFunc) Check(q commands.Request) (commands.Result, bool) {
	if strings.Contains(q.Line, "sudo") {
		return commands.Result{Failed: true, Summary: "refused: acts as another user"}, false
	}
	return commands.Result{}, true
}

func (f commandsFunc) Do(ctx context.Context, g auth.Grant, q commands.Request, progress func(commands.Result)) (commands.Result, error) {
	return f(ctx, g, q, progress)
}

// noLockouts forgets.
type noLockouts struct{}

func (noLockouts) Load(context.Context) ([]auth.Lockout, error)      { return nil, nil }
func (noLockouts) Save(context.Context, int64, int, time.Time) error { return nil }

func newGate(t testing.TB, change func(*auth.Config)) *auth.Gate {
	t.Helper()
	hash, err := auth.HashSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	all := []auth.Class{auth.Safe, auth.Moderate, auth.Dangerous, auth.Approve}
	c := auth.Config{
		Operators:       []auth.Operator{{ID: alice, Name: "alice", May: all}, {ID: bob, Name: "bob", May: all}},
		Groups:          []auth.Group{{ID: group}, {ID: forum, Topics: []int64{topic}}},
		SecretSHA256:    hash,
		Lockouts:        noLockouts{},
		RatePerMinute:   1_000_000,
		RateBurst:       1_000_000,
		AnswerStrangers: true,
	}
	if change != nil {
		change(&c)
	}
	g, err := auth.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func newRedactor(t testing.TB) *redact.Redactor {
	t.Helper()
	r, err := redact.New(redact.Config{Known: []redact.Known{{Name: "secret", Value: redact.NewSecret(secret)}}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// logTo writes a router's log to the test's.
func logTo(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// A sent is what the chat was asked to show.
type sent struct {
	id    int64
	to    console.Address
	reply console.Reply
	doc   *console.Document
	edits int
	gone  bool
}

// text is everything a person would read.
func (s sent) text() string {
	if s.doc != nil {
		return s.doc.Name.String() + "\n" + s.doc.Text.String()
	}
	var b strings.Builder
	b.WriteString([]string{"", "OK: ", "ERROR: "}[s.reply.Kind] + s.reply.Header.String())
	for _, bl := range s.reply.Blocks {
		b.WriteString("\n" + bl.Title.String() + bl.Text.String())
		for _, it := range bl.Items {
			b.WriteString("\n" + it.Label.String() + ": " + it.Value.String())
		}
	}
	if !s.reply.Hint.IsZero() {
		b.WriteString("\n" + s.reply.Hint.String())
	}
	return b.String()
}

func (s sent) button(label string) string {
	for _, row := range s.reply.Buttons {
		for _, b := range row {
			if b.Label.String() == label {
				return b.Data
			}
		}
	}
	return ""
}

// A fakeChat is a chat in this process.
type fakeChat struct {
	mu       sync.Mutex
	messages []*sent
	notes    []string
	typing   int
	deleted  []int64
	left     []int64
	answered func()           // if set, called at each answer to a press
	delay    func(sent)       // if set, called before a message is sent or edited
	failSend func(sent) error // with the chat locked
	failEdit func(sent) error // likewise
	noDelete error            // of Delete

	typingHangs bool
	slow        chan struct{} // if set, each message takes one
}

// change changes the chat.
func (c *fakeChat) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

func (c *fakeChat) Send(_ context.Context, to console.Address, r console.Reply) (int64, error) {
	return c.add(&sent{to: to, reply: r})
}

func (c *fakeChat) Document(_ context.Context, to console.Address, d console.Document) (int64, error) {
	return c.add(&sent{to: to, doc: &d})
}

func (c *fakeChat) add(s *sent) (int64, error) {
	if c.slow != nil {
		<-c.slow
	}
	c.wait(*s)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failSend != nil {
		if err := c.failSend(*s); err != nil {
			return 0, err
		}
	}
	s.id = int64(len(c.messages) + 1)
	c.messages = append(c.messages, s)
	return s.id, nil
}

func (c *fakeChat) wait(s sent) {
	c.mu.Lock()
	delay := c.delay
	c.mu.Unlock()
	if delay != nil {
		delay(s)
	}
}

func (c *fakeChat) Edit(_ context.Context, to console.Address, id int64, r console.Reply) error {
	edit := sent{to: to, reply: r}
	c.wait(edit)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failEdit != nil {
		if err := c.failEdit(edit); err != nil {
			return err
		}
	}
	if id < 1 || id > int64(len(c.messages)) || c.messages[id-1].gone {
		return console.ErrGone
	}
	m := c.messages[id-1]
	m.reply = r
	m.edits++
	return nil
}

func (c *fakeChat) Delete(_ context.Context, _ console.Address, id int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.noDelete != nil {
		return c.noDelete
	}
	c.deleted = append(c.deleted, id)
	return nil
}

func (c *fakeChat) Answer(_ context.Context, _ string, note redact.Text, alert bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notes = append(c.notes, note.String())
	if c.answered != nil {
		c.answered()
	}
	return nil
}

func (c *fakeChat) Typing(ctx context.Context, _ console.Address) error {
	c.mu.Lock()
	c.typing++
	hangs := c.typingHangs
	c.mu.Unlock()
	if hangs {
		<-ctx.Done()
	}
	return ctx.Err()
}

func (c *fakeChat) Leave(_ context.Context, chat int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left = append(c.left, chat)
	return nil
}

// all returns copies of all messages.
func (c *fakeChat) all() []sent {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []sent
	for _, m := range c.messages {
		all = append(all, *m)
	}
	return all
}

func (c *fakeChat) last(t testing.TB) sent {
	t.Helper()
	all := c.all()
	if len(all) == 0 {
		t.Fatal("nothing was sent")
	}
	return all[len(all)-1]
}

// A rig is a router with everything about it in this process.
type rig struct {
	t      testing.TB
	chat   *fakeChat
	ledger *memLedger
	record *memRecord
	gate   *auth.Gate
	config console.Config
	router *console.Router
	do     commandsFunc // may be replaced before start

	slowAuth bool     // takes a second, in a bubble
	ran      []string // lines, in the order in which they began
	mu       sync.Mutex
	next     int64
	stop     func() error
}

// newRig returns a rig that is not started. Commands answer "did <line>".
func newRig(t testing.TB) *rig {
	g := &rig{t: t, chat: new(fakeChat), ledger: newLedger(), record: new(memRecord), gate: newGate(t, nil), next: 100}
	g.config = console.Config{
		Chat: g.chat, Ledger: g.ledger, Record: g.record, Redactor: newRedactor(t),
		Bot: func() string { return bot }, Gateway: "local", Log: logTo(t),
		Groups: []console.Group{{ID: group, RequireMention: true}, {ID: forum}},
	}
	return g
}

func (g *rig) start() {
	g.config.Gate = g.gate
	g.config.Commands = commandsFunc(func(ctx context.Context, gr auth.Grant, q commands.Request, p func(commands.Result)) (commands.Result, error) {
		if !gr.Covers(q.Class) {
			return commands.Result{}, commands.ErrNotAdmitted
		}
		g.mu.Lock()
		g.ran = append(g.ran, q.Line)
		g.mu.Unlock()
		switch {
		case q.Name == "auth":
			if g.slowAuth {
				time.Sleep(time.Second)
			}
			_, err := g.gate.Unlock(gr.Caller(), q.Command.(*commands.Auth).Code)
			return commands.Result{Summary: "unlocked"}, err
		case g.do != nil:
			return g.do(ctx, gr, q, p)
		}
		return commands.Result{Blocks: []commands.Block{{Text: "did " + q.Line}}}, nil
	})
	g.router = console.New(g.config)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.router.Run(ctx) }()
	g.stop = func() error {
		cancel()
		err := <-ended
		g.stop = func() error { return nil }
		return err
	}
}

func (g *rig) unlock(user int64) {
	g.t.Helper()
	if _, err := g.gate.Unlock(auth.Caller{UserID: user, ChatID: user, Private: true}, secret); err != nil {
		g.t.Fatal(err)
	}
}

// message returns a command of alice in private.
func (g *rig) message(text string) console.Message {
	g.next++
	return console.Message{
		UpdateID: g.next, ChatID: alice, MessageID: g.next, UserID: alice, UserName: "Alice", Private: true,
		Origin: console.Person, Text: text, SentAt: time.Now(), ReceivedAt: time.Now(),
	}
}

// send delivers a message and returns its update.
func (g *rig) send(m console.Message) int64 {
	g.t.Helper()
	if err := g.router.Receive(context.Background(), []console.Incoming{{UpdateID: m.UpdateID, Message: &m}}); err != nil {
		g.t.Fatal(err)
	}
	return m.UpdateID
}

// press taps the button with a label under message id.
func (g *rig) press(user int64, s sent, data string) int64 {
	g.t.Helper()
	g.next++
	p := console.Press{
		UpdateID: g.next, ID: fmt.Sprint("press", g.next), ChatID: s.to.ChatID, TopicID: s.to.TopicID, MessageID: s.id,
		UserID: user, Private: s.to.ChatID > 0, Data: data, ReceivedAt: time.Now(),
	}
	if err := g.router.Receive(context.Background(), []console.Incoming{{UpdateID: p.UpdateID, Press: &p}}); err != nil {
		g.t.Fatal(err)
	}
	return p.UpdateID
}

func (g *rig) lines() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.ran)
}

// ails reports whether what does not work now.
func (g *rig) ails(what string) bool {
	return slices.ContainsFunc(g.router.Health().Faults, func(f console.Fault) bool { return f.What == what && f.Until.IsZero() })
}

var errDisk = errors.New("disk full")

type fakeApprovals struct {
	mu  sync.Mutex
	got []string
}

func (a *fakeApprovals) Press(_ context.Context, op auth.Operator, p console.Press) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if strings.HasPrefix(p.Data, "a:") {
		a.got = append(a.got, op.Name+" "+p.Data)
		return true
	}
	return false
}

func (a *fakeApprovals) Message(_ context.Context, op auth.Operator, m console.Message) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.got = append(a.got, op.Name+" "+m.Text)
	return true
}
