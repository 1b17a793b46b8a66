package console

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"clawconsole/auth"
	"clawconsole/commands"
	"clawconsole/internal/audit"
	"clawconsole/redact"
)

const (
	typingAfter   = time.Second
	progressAfter = 3 * time.Second
	editEvery     = 2 * time.Second  // of one message
	chatEvery     = time.Second      // progress of one chat; source: Bot FAQ, "avoid sending more than one message per second"
	wholeKept     = 10 * time.Minute // [Full output]
	pageKept      = 10 * time.Minute // buttons that run safe commands
	repeatKept    = time.Hour        // buttons that look again; source: the most that /session waits
	echoUnits     = 90
)

var (
	errCancelled = errors.New("cancelled by the operator")
	errNotBegun  = errors.New("not begun")
	errStale     = errors.New("waited too long for its turn")
)

// A task is an admitted and claimed command.
type task struct {
	*asking
	req   commands.Request
	grant auth.Grant
	place *slot         // nil: needs none
	age   time.Duration // to be mentioned, if not 0
}

// do is steps 11 to 13 of a task. It blocks until the command has ended.
func (r *Router) do(t *task) {
	ctx, cancel := context.WithCancelCause(r.work)
	defer cancel(nil)
	p := r.follow(t, cancel)
	defer func() {
		if v := recover(); v != nil { // what came of it cannot be said, but that it came to an end
			p.end()
			r.settle(t, Done, "failed", Reply{Kind: Error, Header: r.panicked(v)}, 0)
		}
	}()

	var (
		res   commands.Result
		err   error
		begun = time.Now()
	)
	if r.turn(ctx, t, p) {
		if t.place != nil {
			defer r.slots.release(t.place)
			t.place.follow(ctx)
		}
		begun = time.Now()
		if err = r.still(t); err == nil {
			res, err = r.run(ctx, t, func(res commands.Result) {
				if t.place != nil {
					t.place.pass() // a command reports when the gateway has it
				}
				p.report(res)
			})
		}
	} else {
		err = errNotBegun
	}
	took := time.Since(begun)
	if id := p.end(); id != 0 {
		t.edit = id
	}

	cause := context.Cause(ctx)
	outcome, result := Done, "ok"
	var reply Reply
	var refusal *auth.Refusal
	switch {
	case err == nil:
		reply = r.reply(t, res)
		if res.Failed {
			result = "failed"
		}
		if res.Cause != nil {
			r.log.Info("why it failed", "update", t.UpdateID, "command", t.req.Name, "err", res.Cause)
		}
	case errors.As(err, &refusal):
		outcome, result = Refused, "refused"
		reply = Reply{Kind: Error, Header: r.cfg.Redactor.Text(refusal.Error()), Hint: unauthorizedHint}
	case errors.Is(err, errStale):
		outcome, result = Refused, "refused"
		reply = Reply{Kind: Error, Header: r.echo(t.asking, "waited too long for its turn, not run: ")}
	case errors.Is(err, errNotBegun) && !errors.Is(cause, errCancelled):
		outcome, result = Interrupted, "not run"
		reply = Reply{Kind: Error, Header: r.echo(t.asking, "stopped before it began, not run: ")}
	case errors.Is(cause, errCancelled):
		reply = Reply{Kind: Error, Header: r.echo(t.asking, "cancelled: ")}
	case errors.Is(cause, errClosing):
		reply = Reply{
			Kind: Error, Header: r.echo(t.asking, "the console stopped meanwhile, outcome unknown: "),
			Hint: r.cfg.Redactor.Text(r.cfg.Commands.Aftermath(t.req.Line, t.req.Key)),
		}
	default:
		result = "failed"
		reply = Reply{Kind: Error, Header: r.internal(err)}
	}
	switch {
	case errors.Is(cause, errClosing):
		outcome, result = Interrupted, "interrupted"
		if t.req.Name == "run" && reply.Hint.IsZero() { // the others wait only for what goes on elsewhere
			reply.Hint = redact.Literal("The console was stopped, and ended it.")
		}
	case errors.Is(cause, errCancelled):
		result = "cancelled" // also if it had something to say
	}
	var docs []Outgoing
	if d := res.Document; d != nil && err == nil {
		docs = append(docs, Outgoing{To: t.address(), Document: &Document{
			Name: r.cfg.Redactor.Text(d.Name), Caption: r.cfg.Redactor.Text(d.Caption), Text: r.cfg.Redactor.Text(d.Text),
		}})
	}
	if t.age > 0 {
		reply.Blocks = append(reply.Blocks, Block{Kind: Prose, Text: r.cfg.Redactor.Text(
			fmt.Sprintf("Sent %s, %s ago.", t.SentAt.UTC().Format("15:04:05"), ago(t.age)))})
	}
	r.settle(t, outcome, result, reply, took, docs...)
}

// turn waits until t may run, and reports whether it may. Meanwhile p says what it
// waits for.
func (r *Router) turn(ctx context.Context, t *task, p *progress) bool {
	if t.place == nil {
		return true
	}
	select {
	case begin := <-t.place.begin:
		return begin
	default:
	}
	p.report(waiting(t.place))
	defer p.report(commands.Result{})
	select {
	case begin := <-t.place.begin:
		return begin
	case <-ctx.Done():
		r.slots.withdraw(t.place)
		return false
	}
}

// waiting says what the command of s waits for.
func waiting(s *slot) commands.Result {
	why := fmt.Sprintf("Waits for its turn: %d of your commands run at a time.", perOperator)
	if s.exclusive {
		why = "Waits for its turn: one /run runs at a time."
	}
	return commands.Result{
		Blocks:  []commands.Block{{Kind: commands.Prose, Text: why}},
		Buttons: [][]commands.Button{{{Label: "Cancel", Cancel: true, Style: commands.Serious}}},
	}
}

// still returns why t may not begin now that its turn has come: it is too old by
// now, its operator has locked the console meanwhile, or is no longer one. A
// denial does not grow old while it waits: late is better than never.
func (r *Router) still(t *task) error {
	if t.place == nil || t.req.Class == auth.Safe {
		return nil
	}
	if !denial(t.req.Name) && r.age(t.asking) > r.staleAfter() {
		return errStale
	}
	if t.req.Secret != "" {
		return nil // admitted by a secret of its own
	}
	_, err := r.cfg.Gate.Admit(t.caller, auth.Ask{Class: t.req.Class, Yes: t.req.Yes, Denial: denial(t.req.Name)})
	return err
}

// run does the command and turns a panic into an error.
func (r *Router) run(ctx context.Context, t *task, report func(commands.Result)) (res commands.Result, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return r.cfg.Commands.Do(ctx, t.grant, t.req, report)
}

// settle is step 12: the outcome goes on record, and into the ledger together
// with the reply.
func (r *Router) settle(t *task, o Outcome, result string, reply Reply, took time.Duration, more ...Outgoing) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.work), recordTimeout)
	defer cancel()
	rec := r.record(t.asking, audit.CommandDone)
	if o == Refused {
		rec.Event = audit.CommandRefused
	}
	rec.Class, rec.Result, rec.Duration = t.req.Class.String(), result, took
	unrecorded := r.append(ctx, rec) != nil
	if e, ok := factorEvent(t.req.Name, result); ok {
		unrecorded = r.append(ctx, r.record(t.asking, e)) != nil || unrecorded
	}
	r.log.Info("command "+result, "operator", t.op.Name, "chat", t.ChatID, "update", t.UpdateID, "command", t.req.Name, "class", rec.Class, "ms", took.Milliseconds())

	out := append(r.answer(t.asking, reply), more...)
	if !unrecorded && r.finish(t.UpdateID, o, out...) == nil {
		return
	}
	reply.Blocks = append(reply.Blocks, Block{Kind: Prose, Text: redact.Literal("This outcome could not be recorded: the console's disk needs a look.")})
	out = append(r.answer(t.asking, reply), more...)
	if !unrecorded || r.finish(t.UpdateID, o, out...) != nil {
		r.out.sendOnce(out)
	}
}

// factorEvent is what a command's outcome means for the second factor.
func factorEvent(command, result string) (audit.Event, bool) {
	switch {
	case command == "auth" && result == "ok":
		return audit.AuthUnlocked, true
	case command == "auth":
		return audit.AuthFailed, true
	case command == "lock" && result == "ok":
		return audit.AuthLocked, true
	}
	return "", false
}

// echo is a header that names the command.
func (r *Router) echo(a *asking, before string) redact.Text {
	return redact.Concat(r.cfg.Redactor.Text(before), head(a.line), r.cfg.Redactor.Text(" @"+r.cfg.Gateway))
}

// head is the first line of a command, short enough for a header.
func head(line redact.Text) redact.Text {
	first, rest, _ := line.Cut("\n")
	if !rest.IsZero() {
		first = redact.Concat(first, redact.Literal(" …"))
	}
	if h, cut := first.Head(echoUnits); cut > 0 {
		first = redact.Concat(h, redact.Literal("…"))
	}
	return first
}

// reply redacts a result.
func (r *Router) reply(t *task, res commands.Result) Reply {
	reply := Reply{Kind: OK, Header: r.echo(t.asking, ""), Hint: r.cfg.Redactor.Text(res.Hint)}
	if res.Failed {
		reply.Kind = Error
	}
	if res.Summary != "" {
		reply.Header = r.cfg.Redactor.Text(res.Summary)
	}
	for _, b := range res.Blocks {
		block := Block{Kind: blockKind(b.Kind), Title: r.cfg.Redactor.Text(b.Title), Text: r.cfg.Redactor.Text(b.Text).Drop(b.Lookahead), Oldest: b.Oldest, Ours: b.Ours}
		for _, it := range b.Items {
			block.Items = append(block.Items, item(r.cfg.Redactor, it.Label, it.Value))
		}
		reply.Blocks = append(reply.Blocks, block)
	}
	reply.Buttons = rows(res.Buttons, func(b commands.Button) (Button, bool) { return r.button(t, b, false) })
	if units(reply) > confirmWhole {
		whole := reply
		name := r.cfg.Redactor.Text(fileName(t.req.Name))
		reply.Overflow = &Button{Label: redact.Literal("Full output"), Data: r.buttons.add(button{
			kind: wholeDoc, chat: t.ChatID, topic: t.TopicID, size: units(whole),
			whole: func() Document { return Document{Name: name, Caption: whole.Header, Text: plain(whole)} },
		}, wholeKept)}
	}
	return reply
}

// rows makes buttons pressable; those that cannot be are left out.
func rows(all [][]commands.Button, pressable func(commands.Button) (Button, bool)) (out [][]Button) {
	for _, row := range all {
		var buttons []Button
		for _, b := range row {
			if b, ok := pressable(b); ok {
				buttons = append(buttons, b)
			}
		}
		if len(buttons) > 0 {
			out = append(out, buttons)
		}
	}
	return out
}

func blockKind(k commands.BlockKind) BlockKind {
	switch k {
	case commands.List:
		return List
	case commands.Fields:
		return Fields
	case commands.Pre:
		return Pre
	case commands.Quote:
		return Quote
	case commands.Given:
		return Given
	}
	return Prose
}

// fileName makes "gateway-status.txt" of "gateway status".
func fileName(command string) string {
	name := []byte(command)
	for i, c := range name {
		if c == ' ' {
			name[i] = '-'
		}
	}
	return string(name) + ".txt"
}

// button makes a button of a result pressable. One that runs a safe command is
// for every operator in the chat; another is for the person who got it and, if it
// has an effect, once and for no longer than a command stays fresh, as Telegram
// does not tell when a button was pressed. The command of one that stands apart
// answers in a message of its own.
func (r *Router) button(t *task, b commands.Button, apart bool) (Button, bool) {
	shown := Button{Label: r.cfg.Redactor.Text(b.Label)}
	switch b.Style {
	case commands.Good:
		shown.Style = Good
	case commands.Serious:
		shown.Style = Serious
	}
	if b.Cancel {
		return Button{}, false // the command has ended; see progress
	}
	entry, err := commands.Find(b.Line, r.cfg.Bot())
	if err != nil {
		r.log.Error("button without a command left out", "command", t.req.Name, "err", err)
		return Button{}, false
	}
	remembered := button{kind: runLine, chat: t.ChatID, topic: t.TopicID, line: b.Line, apart: apart}
	lasts := pageKept
	if max(entry.Class, r.cfg.Commands.Class(entry.Name)) != auth.Safe {
		remembered.person, remembered.once = t.UserID, !b.Repeatable
		lasts = repeatKept
		if remembered.once {
			lasts = r.staleAfter()
		}
	}
	shown.Data = r.buttons.add(remembered, lasts)
	return shown, true
}

// units is about how long a reply is, in UTF-16 units.
func units(reply Reply) int {
	n := reply.Header.UTF16Len() + reply.Hint.UTF16Len()
	for _, b := range reply.Blocks {
		n += b.Title.UTF16Len() + b.Text.UTF16Len()
		for _, it := range b.Items {
			n += it.Label.UTF16Len() + it.Value.UTF16Len() + 4
		}
	}
	return n
}

// plain is a reply as a text file.
func plain(reply Reply) redact.Text {
	nl := redact.Literal("\n")
	parts := []redact.Text{reply.Header, nl}
	for _, b := range reply.Blocks {
		parts = append(parts, nl)
		if !b.Title.IsZero() {
			parts = append(parts, b.Title, nl)
		}
		if !b.Text.IsZero() {
			parts = append(parts, b.Text, nl)
		}
		for _, it := range b.Items {
			switch {
			case it.Value.IsZero():
				parts = append(parts, it.Label, nl)
			case it.Label.IsZero():
				parts = append(parts, it.Value, nl)
			default:
				parts = append(parts, it.Label, redact.Literal(": "), it.Value, nl)
			}
		}
	}
	if !reply.Hint.IsZero() {
		parts = append(parts, nl, reply.Hint, nl)
	}
	return redact.Concat(parts...)
}

// internal gives an error a name, under which the log has its cause, and returns
// what the operator is told.
func (r *Router) internal(err error) redact.Text {
	id := fmt.Sprintf("%04x", rand.Uint32N(1<<16))
	r.log.Error("internal error", "id", id, "err", err)
	return r.cfg.Redactor.Text("internal error, see log " + id)
}

func (r *Router) panicked(v any) redact.Text {
	return r.internal(fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
}

// A progress shows that a task is being done: typing after 1 s (Telegram shows
// that for five), after 3 s a message that the answer will replace.
type progress struct {
	latest chan commands.Result // at most one, the newest
	done   chan struct{}
	once   sync.Once // closes done
	id     chan int64
}

func (r *Router) follow(t *task, cancel context.CancelCauseFunc) *progress {
	p := &progress{latest: make(chan commands.Result, 1), done: make(chan struct{}), id: make(chan int64, 1)}
	if t.place == nil {
		p.id <- 0
		return p
	}
	go func() { p.id <- r.show(t, p, cancel) }()
	return p
}

// report takes how far a command is. It never blocks: what nobody has looked at
// yet is replaced.
func (p *progress) report(res commands.Result) {
	for {
		select {
		case p.latest <- res:
			return
		default:
		}
		select {
		case <-p.latest:
		default:
		}
	}
}

// end stops showing progress and returns the message that shows it, or 0. It may
// wait for a call to Telegram.
func (p *progress) end() int64 {
	p.once.Do(func() { close(p.done) })
	id := <-p.id
	p.id <- id // for whoever ends it again
	return id
}

// show runs until p is done and returns the ID of the message it has sent.
func (r *Router) show(t *task, p *progress, cancel context.CancelCauseFunc) (id int64) {
	defer func() {
		if v := recover(); v != nil {
			r.panicked(v)
		}
	}()
	call := func(f func(ctx context.Context) error) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.work), callTimeout)
		defer cancel()
		return f(ctx)
	}
	wait := func(d time.Duration) (ended bool) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-p.done:
			return true
		case <-timer.C:
			return false
		}
	}
	typing := func() {
		if err := call(func(ctx context.Context) error { return r.cfg.Chat.Typing(ctx, t.address()) }); err != nil {
			r.log.Debug("typing not shown", "chat", t.ChatID, "err", err)
		}
	}

	if wait(typingAfter) {
		return 0
	}
	r.spawn(typing) // it may hang, and the progress must not wait for it
	if wait(progressAfter - typingAfter) {
		return 0
	}
	keys := &keyboard{r: r, t: t}
	keys.stop = r.buttons.add(button{
		kind: endTask, person: t.UserID, chat: t.ChatID, topic: t.TopicID, cancel: cancel, toast: endToast(t.req.Name), once: true,
	}, 24*time.Hour)
	defer keys.drop()

	var res commands.Result
	id = t.edit
	for {
		if wait(r.edits.reserve(t.ChatID)) {
			return id
		}
		select {
		case res = <-p.latest: // newer than what the turn was reserved for
		default:
		}
		reply := r.underWay(t, res, keys)
		err := call(func(ctx context.Context) (err error) {
			if id != 0 {
				err = r.cfg.Chat.Edit(ctx, t.address(), id, reply)
			}
			if id == 0 || errors.Is(err, ErrGone) {
				id, err = r.cfg.Chat.Send(ctx, t.address(), reply)
			}
			return err
		})
		if err != nil {
			r.log.Info("progress not shown", "chat", t.ChatID, "update", t.UpdateID, "err", err)
		}
		if wait(editEvery) {
			return id
		}
		select {
		case <-p.done:
			return id
		case res = <-p.latest:
		}
	}
}

// endToast says what [Cancel] does: only what the console does itself comes to an
// end with it.
func endToast(command string) redact.Text {
	if command == "run" {
		return redact.Literal("ending it")
	}
	return redact.Literal("no longer waiting")
}

// underWay is what a progress message says.
func (r *Router) underWay(t *task, res commands.Result, keys *keyboard) Reply {
	buttons := keys.of(res.Buttons)
	res.Buttons, res.Failed = nil, false
	reply := r.progressReply(t, res)
	reply.Buttons = buttons
	if !t.Private && !t.button && !t.secret {
		reply.ReplyTo = t.MessageID
	}
	return reply
}

// A keyboard is the buttons under a progress message. They keep their IDs from one
// edit to the next, or a tap would often come too late.
type keyboard struct {
	r     *Router
	t     *task
	stop  string // ID of [Cancel]
	known map[string]keyed
}

// A keyed button has been made pressable at a time.
type keyed struct {
	button Button
	at     time.Time
}

// of returns the buttons of a progress: its own, and one that ends the command,
// [Cancel] unless it has another name for it.
func (k *keyboard) of(all [][]commands.Button) [][]Button {
	end := Button{Label: redact.Literal("Cancel"), Data: k.stop}
	out := rows(all, func(b commands.Button) (Button, bool) {
		if b.Cancel {
			if b.Label != "" {
				end.Label = k.r.cfg.Redactor.Text(b.Label)
			}
			return Button{}, false
		}
		return k.button(b)
	})
	return append(out, []Button{end})
}

// button is b, made anew before it is too old to work.
func (k *keyboard) button(b commands.Button) (Button, bool) {
	made, ok := k.known[b.Line]
	if ok && since(made.at) < k.r.staleAfter()/2 {
		return made.button, true
	}
	shown, valid := k.r.button(k.t, b, true)
	if !valid {
		return Button{}, false
	}
	if k.known == nil {
		k.known = make(map[string]keyed)
	}
	k.known[b.Line] = keyed{shown, time.Now()}
	return shown, true
}

// drop makes the buttons work no more.
func (k *keyboard) drop() {
	k.r.buttons.drop(k.stop)
	for _, made := range k.known {
		k.r.buttons.drop(made.button.Data)
	}
}

func (r *Router) progressReply(t *task, res commands.Result) Reply {
	reply := r.reply(t, res)
	reply.Kind = Plain
	if res.Summary == "" {
		reply.Header = r.echo(t.asking, "… ")
	} else {
		reply.Header = redact.Concat(redact.Literal("… "), reply.Header)
	}
	if reply.Overflow != nil {
		r.buttons.drop(reply.Overflow.Data)
		reply.Overflow = nil
	}
	return reply
}

// turns spaces what is shown of progress in each chat.
type turns struct {
	mu   sync.Mutex
	next map[int64]time.Time
}

// reserve returns how long to wait for the next turn in a chat.
func (s *turns) reserve(chat int64) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.next == nil || len(s.next) > 1000 {
		s.next = make(map[int64]time.Time) // a turn too early does no harm
	}
	at := s.next[chat]
	if at.Before(now) {
		at = now
	}
	s.next[chat] = at.Add(chatEvery)
	return at.Sub(now)
}
