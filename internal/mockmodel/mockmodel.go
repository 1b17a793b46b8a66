// Package mockmodel is a language model that does as it is told: an OpenAI-compatible server for
// the demo and the tests, which lets a real agent run without a real model.
//
// The last message of the user says what the model does. A directive starts a line or follows a
// space, and its argument goes to the end of the line where it is text:
//
//	exec: COMMAND      calls the exec tool, then answers "exec said: RESULT"
//	tool: NAME {JSON}  calls that tool if it is offered, then answers "NAME said: RESULT"
//	slow: MS           waits so long, then streams the answer for as long again
//	long: N            answers N characters
//	code:              answers markdown with a list and a code block
//	fail: STATUS       answers with that HTTP status
//
// Several calls, one a line, are made one after the other, and the last result is answered.
// Without a directive it answers "mock reply: LAST LINE".
//
// It serves POST /v1/chat/completions, streamed or not, and GET /v1/models, and ignores the key.
package mockmodel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Model is the only model there is.
const Model = "mock-1"

// keep is how many requests are remembered. One with a full agent prompt is about 50 KB.
const keep = 200

// A Server is a running mock model.
type Server struct {
	URL string // base URL, with /v1

	http *http.Server

	mu       sync.Mutex
	requests []Request     // the newest keep
	total    int           // how many there have been
	arrived  chan struct{} // closed and replaced when one arrives
}

// A Request is what the model was asked once. An agent asks again after each tool call.
type Request struct {
	Number   int // from 1, in order of arrival
	At       time.Time
	Messages []Message // the conversation so far, the system prompt first
	Tools    []string  // names of the tools that are offered
	Answer   string    // what the model did, in one line: "exec: id", "text: mock reply: hi", "fail: 500"
}

// A Message is one message of a Request.
type Message struct {
	Role    string // system, user, assistant or tool
	Content string // its text; parts are joined with newlines, what is no text is left out

	callID string
	calls  map[string]string // tool names by call ID
}

// Contains reports whether any message of the user or of a tool contains text.
func (r Request) Contains(text string) bool {
	for _, m := range r.Messages {
		if (m.Role == "user" || m.Role == "tool") && strings.Contains(m.Content, text) {
			return true
		}
	}
	return false
}

// Start starts a server on addr, for example "127.0.0.1:0" for any free port. It refuses an
// address that is not loopback.
func Start(addr string) (*Server, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("start mock model: %w", err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("start mock model: %q is not loopback", addr)
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("start mock model: %w", err)
	}
	s := &Server{URL: "http://" + l.Addr().String() + "/v1", arrived: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", s.models)
	mux.HandleFunc("POST /v1/chat/completions", s.complete)
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go s.http.Serve(l)
	return s, nil
}

// Close ends the server and every answer that is under way.
func (s *Server) Close() error { return s.http.Close() }

// Requests returns the requests so far, oldest first; at most the newest 200.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// Count is how many requests there have been, which is the newest one's Number.
func (s *Server) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// Wait returns the oldest request with a Number above after that match accepts. It blocks until
// there is one or ctx ends. To see what an action of yours makes the agent ask, take Count before
// the action and give it as after.
func (s *Server) Wait(ctx context.Context, after int, match func(Request) bool) (Request, error) {
	for {
		s.mu.Lock()
		requests, arrived := s.requests, s.arrived
		s.mu.Unlock()
		for _, r := range requests {
			if r.Number > after && match(r) {
				return r, nil
			}
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return Request{}, fmt.Errorf("wait for a model request: %w", context.Cause(ctx))
		}
	}
}

// record remembers r and returns its number.
func (s *Server) record(r Request) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total++
	r.Number = s.total
	// A new slice, for Wait reads the old one without the lock.
	old := s.requests[max(0, len(s.requests)-keep+1):]
	s.requests = append(append(make([]Request, 0, len(old)+1), old...), r)
	close(s.arrived)
	s.arrived = make(chan struct{})
	return r.Number
}

func (s *Server) models(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"object": "list",
		"data":   []any{map[string]any{"id": Model, "object": "model", "owned_by": "mock"}},
	})
}

// maxBody is more than an agent's whole context window.
const maxBody = 32 << 20

func (s *Server) complete(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Stream   bool
		Messages []wireMessage
		Tools    []struct{ Function struct{ Name string } }
	}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&body); err != nil {
		writeError(w, http.StatusBadRequest, "request is not the JSON of a chat completion")
		return
	}
	req := Request{At: time.Now()}
	chars := 0
	for _, m := range body.Messages {
		req.Messages = append(req.Messages, m.message())
		chars += len(m.Content)
	}
	for _, t := range body.Tools {
		req.Tools = append(req.Tools, t.Function.Name)
	}
	a := decide(req.Messages, req.Tools)
	req.Answer = a.String()
	number := s.record(req)

	if wait(r.Context(), a.slow) != nil {
		return
	}
	if a.fail != 0 {
		writeError(w, a.fail, fmt.Sprintf("mock failure %d", a.fail))
		return
	}
	c := completion{
		id:      fmt.Sprintf("chatcmpl-mock-%d", number),
		created: req.At.Unix(),
		answer:  a,
		prompt:  chars/4 + 1,
	}
	if body.Stream {
		c.stream(r.Context(), w)
	} else {
		c.write(w)
	}
}

// wireMessage is a message as the API has it.
// Source: OpenAI API, Create chat completion.
type wireMessage struct {
	Role       string
	Content    json.RawMessage // a string, a list of parts, or null
	ToolCallID string          `json:"tool_call_id"`
	ToolCalls  []struct {
		ID       string
		Function struct{ Name string }
	} `json:"tool_calls"`
}

func (m wireMessage) message() Message {
	out := Message{Role: m.Role, callID: m.ToolCallID}
	var text string
	var parts []struct{ Text string }
	if json.Unmarshal(m.Content, &text) == nil {
		out.Content = text
	} else if json.Unmarshal(m.Content, &parts) == nil {
		var texts []string
		for _, p := range parts {
			if p.Text != "" {
				texts = append(texts, p.Text)
			}
		}
		out.Content = strings.Join(texts, "\n")
	}
	for _, c := range m.ToolCalls {
		if out.calls == nil {
			out.calls = make(map[string]string)
		}
		out.calls[c.ID] = c.Function.Name
	}
	return out
}

// completion is an answer on its way to the wire.
type completion struct {
	id      string
	created int64
	answer  answer
	prompt  int // tokens
}

func (c completion) usage() map[string]any {
	n := len(c.answer.text)/4 + 1
	return map[string]any{"prompt_tokens": c.prompt, "completion_tokens": n, "total_tokens": c.prompt + n}
}

func (c completion) calls() []any {
	if c.answer.tool == "" {
		return nil
	}
	return []any{map[string]any{
		"index": 0, "id": "call_" + c.id, "type": "function",
		"function": map[string]any{"name": c.answer.tool, "arguments": c.answer.args},
	}}
}

func (c completion) finish() string {
	if c.answer.tool != "" {
		return "tool_calls"
	}
	return "stop"
}

func (c completion) write(w http.ResponseWriter) {
	message := map[string]any{"role": "assistant", "content": c.answer.text}
	if calls := c.calls(); calls != nil {
		message["content"], message["tool_calls"] = nil, calls
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"id": c.id, "object": "chat.completion", "created": c.created, "model": Model, "usage": c.usage(),
		"choices": []any{map[string]any{"index": 0, "finish_reason": c.finish(), "message": message}},
	})
}

// pieces is in how many parts a text is streamed, at most.
const pieces = 20

func (c completion) stream(ctx context.Context, w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	flush := http.NewResponseController(w).Flush
	send := func(delta map[string]any, finish any, usage map[string]any) {
		chunk := map[string]any{
			"id": c.id, "object": "chat.completion.chunk", "created": c.created, "model": Model,
			"choices": []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}},
		}
		if usage != nil {
			chunk["usage"] = usage
		}
		data, _ := json.Marshal(chunk) // maps of strings and numbers
		fmt.Fprintf(w, "data: %s\n\n", data)
		flush()
	}
	send(map[string]any{"role": "assistant", "content": ""}, nil, nil)
	if calls := c.calls(); calls != nil {
		send(map[string]any{"tool_calls": calls}, nil, nil)
	}
	text := []rune(c.answer.text)
	size := max(8, (len(text)+pieces-1)/pieces)
	pause := c.answer.slow / time.Duration(len(text)/size+1)
	for len(text) > 0 {
		n := min(size, len(text))
		send(map[string]any{"content": string(text[:n])}, nil, nil)
		text = text[n:]
		if wait(ctx, pause) != nil {
			return
		}
	}
	send(map[string]any{}, c.finish(), c.usage())
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// wait waits for d, or returns an error because ctx has ended.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return errors.New("the client went away")
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func writeError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]any{"error": map[string]any{"message": message, "type": "mock_error"}})
}
