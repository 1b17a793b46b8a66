package mockmodel_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"clawconsole/internal/mockmodel"
)

type object = map[string]any

func start(t *testing.T) *mockmodel.Server {
	t.Helper()
	s, err := mockmodel.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func user(text string) object { return object{"role": "user", "content": text} }

// called is what a conversation looks like after the model called a tool and got its result.
func called(id, tool, result string) []object {
	return []object{
		{"role": "assistant", "content": nil, "tool_calls": []object{
			{"id": id, "type": "function", "function": object{"name": tool, "arguments": "{}"}},
		}},
		{"role": "tool", "tool_call_id": id, "content": result},
	}
}

// reply is one answer, put together again if it was streamed.
type reply struct {
	Status int
	Text   string
	Tool   string
	Args   string
	Finish string
	Chunks int
	Tokens int
}

func ask(t *testing.T, s *mockmodel.Server, stream bool, messages ...object) reply {
	t.Helper()
	var tools []object
	for _, name := range []string{"exec", "sessions_list"} {
		tools = append(tools, object{"type": "function", "function": object{"name": name}})
	}
	body, err := json.Marshal(object{"model": mockmodel.Model, "stream": stream, "messages": messages, "tools": tools})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(s.URL+"/chat/completions", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	r := reply{Status: resp.StatusCode}
	type message struct {
		Content   string
		ToolCalls []struct {
			Function struct{ Name, Arguments string }
		} `json:"tool_calls"`
	}
	var part struct {
		Usage struct {
			TotalTokens int `json:"total_tokens"`
		}
		Choices []struct {
			Message, Delta message
			FinishReason   string `json:"finish_reason"`
		}
	}
	add := func(data []byte) {
		part.Choices = nil
		if err := json.Unmarshal(data, &part); err != nil {
			t.Fatalf("answer %q: %v", data, err)
		}
		for _, c := range part.Choices {
			for _, m := range []message{c.Message, c.Delta} {
				r.Text += m.Content
				for _, call := range m.ToolCalls {
					r.Tool, r.Args = call.Function.Name, call.Function.Arguments
				}
			}
			r.Finish = c.FinishReason
			r.Tokens = part.Usage.TotalTokens
		}
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 4<<20)
	done := !stream
	for lines.Scan() {
		data, isEvent := strings.CutPrefix(lines.Text(), "data: ")
		switch {
		case isEvent != (stream && r.Status == http.StatusOK) && lines.Text() != "":
			t.Fatalf("line %q in an answer with stream=%v", lines.Text(), stream)
		case data == "[DONE]":
			done = true
		case data != "":
			r.Chunks++
			add([]byte(data))
		}
	}
	if !done && r.Status == http.StatusOK {
		t.Fatal("the stream did not end with [DONE]")
	}
	return r
}

func TestDirectives(t *testing.T) {
	s := start(t)
	tests := []struct {
		name     string
		messages []object
		want     reply
	}{
		{"plain", []object{user("first line\nhello")}, reply{Text: "mock reply: hello"}},
		{"parts", []object{{"role": "user", "content": []object{{"type": "text", "text": "hi"}, {"type": "image_url"}}}}, reply{Text: "mock reply: hi"}},
		{"last user message", []object{user("exec: id"), {"role": "assistant", "content": "no"}, user("thanks")}, reply{Text: "mock reply: thanks"}},
		{"envelope", []object{user("[Fri 2026-11-20 12:00 UTC] hello\n\nRuntime: agent=main | host=x")}, reply{Text: "mock reply: hello"}},
		{"context after it", []object{user("hello"), user("<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>\nx\n<<<END_OPENCLAW_INTERNAL_CONTEXT>>>")}, reply{Text: "mock reply: hello"}},
		{"exec", []object{user(`please exec: echo "a b" | wc -c`)}, reply{Tool: "exec", Args: `{"command":"echo \"a b\" | wc -c"}`}},
		{"exec done", append([]object{user("exec: id")}, called("c1", "exec", "uid=0")...), reply{Text: "exec said: uid=0"}},
		{"exec quoted by a notice", []object{user("Async command completed: exec: id")}, reply{Text: "mock reply: Async command completed: exec: id"}},
		{"two calls, second", append([]object{user("exec: id\nexec: ls")}, called("c1", "exec", "uid=0")...), reply{Tool: "exec", Args: `{"command":"ls"}`}},
		{"tool", []object{user(`tool: sessions_list {"limit": 2}`)}, reply{Tool: "sessions_list", Args: `{"limit": 2}`}},
		{"tool without arguments", []object{user("tool: sessions_list")}, reply{Tool: "sessions_list", Args: `{}`}},
		{"tool with bad arguments", []object{user("tool: sessions_list {limit}")}, reply{Tool: "sessions_list", Args: `{}`}},
		{"tool done", append([]object{user("tool: sessions_list")}, called("c1", "sessions_list", "none")...), reply{Text: "sessions_list said: none"}},
		{"tool that is not offered", []object{user("tool: nodes")}, reply{Text: "mock reply: tool: nodes"}},
		{"long", []object{user("long: 25")}, reply{Text: "All systems nominal. All "}},
		{"fail", []object{user("fail: 503")}, reply{Status: 503}},
		{"code", []object{user("code:")}, reply{Text: "**Status**\n\n- one\n- two `inline`\n\n```sh\nuptime && df -h <disk>\n```\nDone & dusted."}},
	}
	for _, tt := range tests {
		for _, stream := range []bool{false, true} {
			got := ask(t, s, stream, tt.messages...)
			want := tt.want
			if want.Status == 0 {
				want.Status, want.Finish = 200, "stop"
				if want.Tool != "" {
					want.Finish = "tool_calls"
				}
				if got.Tokens < 2 {
					t.Errorf("%s (stream %v): %d tokens", tt.name, stream, got.Tokens)
				}
			}
			got.Chunks, got.Tokens = 0, 0
			if got != want {
				t.Errorf("%s (stream %v) = %+v, want %+v", tt.name, stream, got, want)
			}
		}
	}
}

func TestLongAnswerIsStreamedInPieces(t *testing.T) {
	r := ask(t, start(t), true, user("long: 3000"))
	if len(r.Text) != 3000 || r.Chunks < 10 {
		t.Errorf("got %d characters in %d chunks, want 3000 in at least 10", len(r.Text), r.Chunks)
	}
}

func TestRequestsAndWait(t *testing.T) {
	s := start(t)
	ask(t, s, false, object{"role": "system", "content": "be brief"}, user("one"))
	after := s.Count()
	mentions := func(r mockmodel.Request) bool { return r.Contains("wrong target") }

	found := make(chan mockmodel.Request, 1)
	go func() {
		r, err := s.Wait(t.Context(), after, mentions)
		if err != nil {
			t.Error(err)
		}
		found <- r
	}()
	ask(t, s, false, user("two"))
	ask(t, s, false, user("denied: wrong target"))
	if r := <-found; r.Number != 3 || r.Answer != "text: mock reply: denied: wrong target" {
		t.Errorf("Wait = request %d, answer %q", r.Number, r.Answer)
	}

	got := s.Requests()
	if len(got) != 3 {
		t.Fatalf("%d requests, want 3", len(got))
	}
	if m := got[0].Messages; len(m) != 2 || m[0].Role != "system" || m[1].Content != "one" {
		t.Errorf("messages of the first = %+v", m)
	}
	if !slices.Equal(got[0].Tools, []string{"exec", "sessions_list"}) {
		t.Errorf("tools = %q", got[0].Tools)
	}
	if got[0].Contains("be brief") {
		t.Error("Contains looks at the system prompt")
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := s.Wait(ctx, 3, mentions); err == nil {
		t.Errorf("Wait after the last = request %d, want an error", r.Number)
	}
}

func TestKeepsTheNewestRequests(t *testing.T) {
	s := start(t)
	for range 205 {
		ask(t, s, false, user("x"))
	}
	got := s.Requests()
	if len(got) != 200 || got[0].Number != 6 || got[199].Number != 205 || s.Count() != 205 {
		t.Errorf("kept %d requests of %d", len(got), s.Count())
	}
}

func TestBadRequests(t *testing.T) {
	s := start(t)
	resp, err := http.Post(s.URL+"/chat/completions", "application/json", strings.NewReader("{"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest || s.Count() != 0 {
		t.Errorf("status = %d, %d requests recorded", resp.StatusCode, s.Count())
	}
	for _, addr := range []string{"0.0.0.0:0", ":0", "example.com:80", "nonsense"} {
		if s, err := mockmodel.Start(addr); err == nil {
			s.Close()
			t.Errorf("Start(%q) listens there", addr)
		}
	}
}
