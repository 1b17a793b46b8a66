package main

import (
	"context"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"clawconsole/internal/audit"
	"clawconsole/internal/fakegateway"
	"clawconsole/internal/faketelegram"
	"clawconsole/internal/realgateway"
	"clawconsole/internal/realgateway/gatewaytest"
)

// These benchmarks are about the built program, against the embedded Telegram and
// a gateway, all on this machine. scripts/bench runs them and prints the figures
// beside the bars of the design. Each is bounded by its -benchtime.

// newGateway is a gateway with something to tell: sessions, a job, and a log as
// long as /status looks through.
func newGateway(b testing.TB) *fakegateway.Server {
	b.Helper()
	g, err := fakegateway.Start(fakegateway.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(g.Close)
	for _, name := range []string{"main", "ops", "deploy", "night"} {
		g.AddSession(fakegateway.Session{Key: "agent:main:" + name, Label: name})
	}
	g.AddJob(fakegateway.Job{ID: "1b0a6e0e-8a9f-4f6a-8f77-6b9c33a1a001", Name: "nightly", Every: time.Hour, Summary: "done"})
	for i := range 600 {
		g.Log("info", "gateway/ws", fmt.Sprintf("res ok sessions.list %dms conn=4f0c66de…a1b2 id=%d remote=127.0.0.1", i%9, i))
	}
	return g
}

// connected waits until the console is at the gateway.
func (r *rig) connected(g *fakegateway.Server) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	for len(g.Connections()) == 0 {
		select {
		case <-ctx.Done():
			r.t.Fatal("the console does not connect to the gateway")
		case <-time.After(5 * time.Millisecond): // a real process: nothing tells when
		}
	}
}

// clock lets alice send text and returns for how long the answer was under way:
// from when the update left Telegram until sendMessage arrived, and for how long
// of that a request was with the gateway.
func (r *rig) clock(y *relay, token, text string) (total, gateway time.Duration) {
	r.t.Helper()
	if y != nil {
		y.forget()
	}
	answered := make(chan time.Time, 16)
	r.tap.onCall(func(t, method string, at time.Time) {
		if t == token && method == "sendMessage" {
			select {
			case answered <- at:
			default:
			}
		}
	})
	defer r.tap.onCall(nil)
	server := r.telegram
	if token != faketelegram.Token {
		server = server.With(peerName)
	}
	server.Send(faketelegram.Post{From: faketelegram.Alice, Chat: faketelegram.Alice, Text: text})
	sent := server.LastUpdate()
	select {
	case at := <-answered:
		d := r.tap.last(token)
		if d.update != sent {
			r.t.Fatalf("%q was update %d, the last delivered is %d", text, sent, d.update)
		}
		if y != nil {
			gateway = y.busy(d.at, at)
		}
		return at.Sub(d.at), gateway
	case <-time.After(patience):
		r.t.Fatalf("no answer to %q", text)
	}
	return 0, 0
}

// inMemory names the sub-benchmark whose state is on memoryDisk.
const inMemory = "status-in-memory"

// memoryDisk is where Linux keeps files in memory.
const memoryDisk = "/dev/shm"

// BenchmarkCommand is the own time of each command: what a person waits for
// beyond the gateway's own time. One command is under way at a time. The console
// waits for its disk; how much of the time that is shows the one command that is
// also done with the state folder in memory.
func BenchmarkCommand(b *testing.B) {
	for _, c := range []struct{ name, text, want string }{
		{"status", "/status", "OK: /status"},
		{inMemory, "/status", "OK: /status"},
		{"status-verbose", "/status --verbose", "OK: /status"},
		{"sessions", "/sessions", "OK: /sessions"},
		{"logs", "/logs --tail 100", "OK: /logs"},
		{"logs-grep", "/logs --tail 500 --grep ms", "OK: /logs"},
		{"gateway-status", "/gateway status", "OK: /gateway status"},
		{"cron-list", "/cron list", "OK: /cron list"},
		{"cron-runs", "/cron runs nightly", "OK: /cron runs"},
		{"session", "/session ops is the disk full?", "fake reply"},
		{"agent", "/agent devops is the disk full?", "fake reply"},
		{"stop", "/stop ops", "idle"},
		{"run", "/run --yes echo hello", "hello"},
		{"audit", "/audit --tail 10", "OK: /audit"},
		{"whoami", "/whoami", "OK: /whoami"},
		{"help", "/help", "OK: /help"},
		{"unknown", "/stauts", "unknown command"},
	} {
		b.Run(c.name, func(b *testing.B) {
			g := newGateway(b)
			y := newRelay(b, g.URL())
			r := newRig(b, faketelegram.Config{}, y.url, g.Token(), []int64{faketelegram.Alice},
				fmt.Sprintf("secret = %q\n[run]\nenabled = true\n", testSecret))
			if c.name == inMemory {
				dir, err := os.MkdirTemp(memoryDisk, "clawconsole-bench-")
				if err != nil {
					b.Fatal(err)
				}
				b.Cleanup(func() { os.RemoveAll(dir) })
				r.reconfigure(filepath.Join(r.dir, "state"), dir)
			}
			r.start()
			r.connected(g)
			r.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked")
			r.ask(faketelegram.Alice, c.text, c.want) // what is made once, and whether it works
			var own, whole []time.Duration
			for b.Loop() {
				total, gateway := r.clock(y, faketelegram.Token, c.text)
				own, whole = append(own, total-gateway), append(whole, total)
			}
			quiet(b)
			ms(b, quantile(own, 0.5), "own-p50-ms")
			ms(b, quantile(own, 0.99), "own-p99-ms")
			ms(b, quantile(whole, 0.5), "whole-p50-ms")
		})
	}
}

// BenchmarkSync is what this machine's disk takes for one small record: /status
// waits for some of these, and no program can make them faster.
func BenchmarkSync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "record"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	line := []byte(strings.Repeat("x", 299) + "\n")
	var took []time.Duration
	for b.Loop() {
		begun := time.Now()
		if _, err := f.Write(line); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begun))
	}
	quiet(b)
	ms(b, quantile(took, 0.5), "p50-ms")
	ms(b, quantile(took, 0.99), "p99-ms")
}

// BenchmarkStart is the time from the start of the program to its first
// getUpdates, with a ledger and a record to open.
func BenchmarkStart(b *testing.B) {
	g := newGateway(b)
	r := newRig(b, faketelegram.Config{}, g.URL(), g.Token(), []int64{faketelegram.Alice}, "")
	var took []time.Duration
	start := func() {
		polled := r.tap.nextPoll()
		begun := time.Now()
		p := r.start()
		select {
		case at := <-polled:
			took = append(took, at.Sub(begun))
		case <-time.After(patience):
			b.Fatalf("the console does not poll:\n%s", p.out)
		}
		p.stop()
	}
	start() // makes both
	took = nil
	for b.Loop() {
		start()
	}
	quiet(b)
	ms(b, quantile(took, 0.5), "p50-ms")
}

// BenchmarkBinary reports the size of the program, which must need no library.
func BenchmarkBinary(b *testing.B) {
	path := binary(b)
	for b.Loop() {
		info, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/(1<<20), "MB")
	}
	quiet(b)
	f, err := elf.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			b.Fatal("the program is not static")
		}
	}
	if f.Section(".symtab") != nil {
		b.Fatal("the program is not stripped")
	}
}

// BenchmarkRunOutput is the memory of the console, the supervisor of the command
// included, while /run prints 1 GB: the most at any instant of their lives.
func BenchmarkRunOutput(b *testing.B) {
	g := newGateway(b)
	r := newRig(b, faketelegram.Config{}, g.URL(), g.Token(), []int64{faketelegram.Alice},
		fmt.Sprintf("secret = %q\n[run]\nenabled = true\n", testSecret))
	p := r.start()
	r.connected(g)
	r.ask(faketelegram.Alice, "/auth "+testSecret, "unlocked")
	supervisors := 0.0
	for b.Loop() {
		m := r.say(faketelegram.Alice, "/run --timeout 100 --yes yes a line of output | head -c 1000000000")
		done := make(chan struct{})
		go func() {
			defer close(done)
			ctx, cancel := context.WithTimeout(b.Context(), patience)
			defer cancel()
			e, err := r.telegram.WaitMessage(ctx, m.Chat.ID, m.MessageID, func(e faketelegram.Entry) bool {
				return strings.Contains(e.Text, "of output @")
			})
			if err != nil || !strings.Contains(e.Text, "exit code 0") || !strings.Contains(e.Text, "1.0 GB of output") {
				b.Errorf("/run of 1 GB ends with %v, %.80q", err, e.Text)
			}
		}()
		for ended := false; !ended; {
			select {
			case <-done:
				ended = true
			case <-time.After(20 * time.Millisecond): // a real process: nothing tells when it needs the most
				supervisors = max(supervisors, children(p.cmd.Process.Pid))
			}
		}
	}
	quiet(b)
	b.ReportMetric(memory(b, p.cmd.Process.Pid, "VmHWM"), "console-MB")
	b.ReportMetric(supervisors, "supervisor-MB")
	b.ReportMetric(memory(b, p.cmd.Process.Pid, "VmHWM")+supervisors, "MB")
}

// children is the memory of the processes that pid has started itself, in MB.
func children(pid int) (mb float64) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, l := range lists {
		text, _ := os.ReadFile(l)
		for _, child := range strings.Fields(string(text)) {
			status, err := os.ReadFile("/proc/" + child + "/status")
			if err != nil {
				continue // ended meanwhile
			}
			for line := range strings.Lines(string(status)) {
				if name, value, _ := strings.Cut(line, ":"); name == "VmHWM" {
					kb, _ := strconv.Atoi(strings.Fields(value)[0])
					mb += float64(kb) / 1024
				}
			}
		}
	}
	return mb
}

// How BenchmarkLoad asks: so many operators, each with so many commands under way,
// as many as may run at once.
const (
	loadOperators = 50
	loadWindow    = 4
)

// loadMix is what the operators send, in turns that differ by operator. %s is a
// word that is used once. A command with it must have it in its answer.
var loadMix = []string{
	"/status",
	"/logs --tail 50",
	"/session night%d %s",
	"/sessions",
	"/status",
	"/cron list",
	"/session night%d %s",
	"/whoami",
	"/status --verbose",
	"/help logs",
	"/status",
	"/logs --tail 50 --grep %s",
	"/session night%d %s",
	"/sessions --active-minutes 60",
	"/status",
	"/cron runs nightly",
	"/session night%d %s",
	"/gateway status",
	"/status",
	"/help",
}

// BenchmarkLoad sends b.N commands of 50 operators, as fast as they are answered,
// and counts afterwards what was lost, doubled or out of order: answers, effects
// at the gateway, and the record.
func BenchmarkLoad(b *testing.B) {
	g := newGateway(b)
	var people []faketelegram.Person
	var ids []int64
	for i := range loadOperators {
		ids = append(ids, int64(5001+i))
		people = append(people, faketelegram.Person{ID: ids[i], Name: fmt.Sprintf("Operator %d", i)})
		g.AddSession(fakegateway.Session{Key: fmt.Sprintf("agent:main:night%d", i)})
	}
	r := newRig(b, faketelegram.Config{People: people, MaxCalls: 1000}, g.URL(), g.Token(), ids, "")
	p := r.start()
	r.connected(g)
	r.ask(ids[0], "/status", "OK: /status")
	rest := memory(b, p.cmd.Process.Pid, "VmRSS")

	// Answers, by operator, and the effects that the gateway was asked for.
	var mu sync.Mutex
	answers := make(map[int64][]string)
	windows := make(map[int64]chan struct{})
	for _, id := range ids {
		windows[id] = make(chan struct{}, loadWindow)
	}
	r.telegram.OnCall(func(c faketelegram.Call) *faketelegram.Fault {
		if c.Method != "sendMessage" {
			return nil
		}
		id, _ := strconv.ParseInt(c.Params["chat_id"], 10, 64)
		mu.Lock()
		answers[id] = append(answers[id], c.Params["text"])
		mu.Unlock()
		select {
		case <-windows[id]:
		default: // one more than was asked for: counted below
		}
		return nil
	})
	keys := make(map[string][]string) // idempotency keys by message
	g.Intercept(func(c fakegateway.Call) fakegateway.Action {
		if c.Method == "agent" {
			var p struct{ Message, IdempotencyKey string }
			json.Unmarshal(c.Params, &p)
			mu.Lock()
			keys[p.Message] = append(keys[p.Message], p.IdempotencyKey)
			mu.Unlock()
		}
		return fakegateway.Action{}
	})

	permits := make(chan struct{})
	var operators sync.WaitGroup
	sent := make([][]string, loadOperators)    // command lines
	words := make([][]string, loadOperators)   // those that must be in an answer once
	effects := make([][]string, loadOperators) // those that must have had an effect once
	for i, id := range ids {
		operators.Go(func() {
			for range permits {
				select {
				case windows[id] <- struct{}{}:
				case <-time.After(patience):
					b.Errorf("operator %d: an answer is missing", i)
					return
				}
				n := len(sent[i])
				line := loadMix[(n+i)%len(loadMix)]
				word := fmt.Sprintf("w%dx%d", i, n)
				switch strings.Count(line, "%") {
				case 1:
					line = fmt.Sprintf(line, word)
					words[i] = append(words[i], word)
				case 2:
					line = fmt.Sprintf(line, i, word)
					words[i] = append(words[i], word)
					effects[i] = append(effects[i], word)
				}
				sent[i] = append(sent[i], line)
				r.telegram.Send(faketelegram.Post{From: id, Chat: id, Text: line})
			}
		})
	}
	cpu, others, begun := cpuTime(b, p.cmd.Process.Pid), cpuTime(b, os.Getpid()), time.Now()
	for b.Loop() {
		permits <- struct{}{}
	}
	close(permits)
	operators.Wait()
	for i, id := range ids { // the last answers
		for range loadWindow {
			select {
			case windows[id] <- struct{}{}:
			case <-time.After(patience):
				b.Fatalf("operator %d: the last answers are missing", i)
			}
		}
	}
	took := time.Since(begun)
	cpu, others = cpuTime(b, p.cmd.Process.Pid)-cpu, cpuTime(b, os.Getpid())-others
	loaded, peak := memory(b, p.cmd.Process.Pid, "VmRSS"), memory(b, p.cmd.Process.Pid, "VmHWM")
	p.stop() // what is still to be sent or recorded is so afterwards

	lost, doubled, refused := 0, 0, 0
	refusals := make(map[string]bool)
	once := func(n int) {
		lost += max(0, 1-n)
		doubled += max(0, n-1)
	}
	for i, id := range ids {
		all := answers[id]
		lost += max(0, len(sent[i])-len(all))
		doubled += max(0, len(all)-len(sent[i]))
		for _, text := range all {
			if strings.Contains(text, "<b>ERROR") {
				refused++
				refusals[text] = true
			}
		}
		for _, w := range words[i] {
			n := 0
			for _, text := range all {
				if hasWord(text, w) {
					n++
				}
			}
			once(n)
		}
		for _, w := range effects[i] {
			n := 0
			for _, k := range keys[w] {
				n += g.Effects(k)
			}
			once(n)
		}
	}
	for text := range refusals {
		b.Logf("refused: %.200s", text)
	}
	claims, disordered := claimed(b, filepath.Join(r.dir, "state", auditName))
	for _, n := range claims {
		once(n)
	}
	quiet(b)
	b.ReportMetric(float64(b.N)/took.Seconds(), "commands/s")
	b.ReportMetric(float64(cpu.Microseconds())/float64(b.N), "cpu-µs/command")
	b.ReportMetric(2*float64(b.N)/(cpu+others).Seconds(), "commands/s-of-2-cpus")
	b.ReportMetric(float64(lost), "lost")
	b.ReportMetric(float64(doubled), "doubled")
	b.ReportMetric(float64(disordered), "out-of-order")
	b.ReportMetric(float64(refused), "refused")
	b.ReportMetric(rest, "rest-MB")
	b.ReportMetric(loaded, "loaded-MB")
	b.ReportMetric(peak, "peak-MB")
}

// hasWord reports whether w is in text, not as the beginning of a longer one.
func hasWord(text, w string) bool {
	for {
		i := strings.Index(text, w)
		if i < 0 {
			return false
		}
		text = text[i+len(w):]
		if text == "" || text[0] < '0' || text[0] > '9' {
			return true
		}
	}
}

// claimed counts by update how often it was claimed, and how many claims came
// after one of a later update of the same chat.
func claimed(b testing.TB, path string) (byUpdate map[int64]int, disordered int) {
	b.Helper()
	if _, err := audit.Verify(b.Context(), path); err != nil {
		b.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	byUpdate, last := make(map[int64]int), make(map[int64]int64)
	for dec := json.NewDecoder(f); ; {
		var e struct {
			Event        string
			Chat, Update int64
		}
		switch err := dec.Decode(&e); {
		case err == io.EOF:
			return byUpdate, disordered
		case err != nil:
			b.Fatal(err)
		case e.Event != string(audit.CommandClaimed):
			continue
		}
		byUpdate[e.Update]++
		if e.Update <= last[e.Chat] {
			disordered++
		}
		last[e.Chat] = e.Update
	}
}

// The bot of OpenClaw's own Telegram channel.
const (
	peerName  = "openclaw_bot"
	peerToken = "7000002:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
)

// BenchmarkPeer asks the console and OpenClaw's own Telegram channel for /status,
// in turn, on the same emulator and with the same real gateway, and reports how
// many times sooner the console answers. Its answers hold the gateway's time.
func BenchmarkPeer(b *testing.B) {
	telegram := faketelegram.Config{Bots: []faketelegram.Bot{
		{Token: faketelegram.Token, Username: "clawconsole_bot", Name: "clawconsole"},
		{Token: peerToken, Username: peerName, Name: "OpenClaw"},
	}}
	// OpenClaw's configuration holds our address, and ours holds its.
	const nowhere = "ws://127.0.0.1:1"
	r := newRig(b, telegram, nowhere, "", []int64{faketelegram.Alice}, "")
	g := gatewaytest.New(b, realgateway.Config{Merge: map[string]any{
		"channels": map[string]any{"telegram": map[string]any{
			"enabled": true, "botToken": peerToken, "apiRoot": r.url,
			"dmPolicy": "allowlist", "allowFrom": []any{fmt.Sprint(faketelegram.Alice)},
		}},
		"commands": map[string]any{"ownerAllowFrom": []any{fmt.Sprintf("telegram:%d", faketelegram.Alice)}},
	}})
	r.reconfigure(nowhere, g.URL, "token = \"\"", fmt.Sprintf("token = %q", g.Token))
	r.start()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	if err := r.telegram.Wait(ctx, r.telegram.With(peerName).Polling); err != nil {
		b.Fatal("OpenClaw's own channel does not poll")
	}
	for range 2 { // what is slow once
		r.clock(nil, faketelegram.Token, "/status")
		r.clock(nil, peerToken, "/status")
	}
	var ours, theirs []time.Duration
	for b.Loop() {
		d, _ := r.clock(nil, faketelegram.Token, "/status")
		ours = append(ours, d)
		d, _ = r.clock(nil, peerToken, "/status")
		theirs = append(theirs, d)
	}
	quiet(b)
	ms(b, quantile(ours, 0.5), "ours-ms")
	ms(b, quantile(theirs, 0.5), "theirs-ms")
	b.ReportMetric(float64(quantile(theirs, 0.5))/float64(quantile(ours, 0.5)), "times-faster")
}
