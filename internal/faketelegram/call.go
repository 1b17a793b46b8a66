package faketelegram

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Call is one request to the Bot API.
type Call struct {
	Bot    string            // username
	Method string            // as written by the client
	Params map[string]string // objects and arrays are JSON text
	Files  map[string]Upload // by form field

	At   time.Time     // when the request was read
	Took time.Duration // until it was done; 0 while Done is false
	Done bool
	Err  *Error // what was refused, nil if nothing
}

// Upload is a file sent by a client.
type Upload struct {
	Name    string
	Type    string // MIME type as given by the client, maybe empty
	Content []byte
}

// Fault is what goes wrong with a call. The zero Fault does nothing. Delay comes
// first; of the others the first that is set applies, in the order written.
type Fault struct {
	// Delay is waited before anything else happens.
	Delay time.Duration

	// Hang never answers and has no effect: the request ends when its client
	// gives up or the server is closed.
	Hang bool

	// Drop cuts the connection without an answer, before the call has had any
	// effect, or after it if AfterEffect is set.
	Drop bool

	// Error is the answer instead of the real one.
	Error *Error

	// Status and Body are the whole answer if Status is not 0, for what a
	// proxy in between says.
	Status int
	Body   string

	// AfterEffect lets the call have its effect before Drop, Error or Status.
	AfterEffect bool
}

// TooManyRequests is the fault of a flood limit, to be lifted after seconds.
func TooManyRequests(seconds int) *Fault {
	return &Fault{Error: &Error{
		Code:        429,
		Description: "Too Many Requests: retry after " + strconv.Itoa(seconds),
		RetryAfter:  seconds,
	}}
}

// OnCall sets a function that is asked before every call what goes wrong with
// it; nil means nothing. It replaces the one set before, and nil removes it. f
// may block, may use the server, and must not change Params.
func (s *Server) OnCall(f func(Call) *Fault) {
	s.w.mu.Lock()
	s.w.onCall = f
	s.w.mu.Unlock()
}

// Calls returns the calls that are kept, of all bots, in the order in which they
// were read; those under way too. With methods, only calls of those.
func (s *Server) Calls(methods ...string) []Call {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	all, _ := s.w.calls.since(0)
	calls := make([]Call, 0, len(all))
	for _, c := range all {
		if len(methods) == 0 {
			calls = append(calls, *c)
		}
		for _, m := range methods {
			if strings.EqualFold(m, c.Method) {
				calls = append(calls, *c)
			}
		}
	}
	return calls
}

// maxBody is the Bot API's limit for an upload, 50 MB, and something for the
// form around it.
const maxBody = 51 << 20

var errTooLarge = &Error{Code: 413, Description: "Request Entity Too Large"}

// aborted ends a request without an answer.
var aborted = &Error{Code: -1, Description: "aborted"}

func (s *Server) serveCall(rw http.ResponseWriter, r *http.Request) {
	w := s.w
	token, method, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/bot"), "/")
	if !ok || method == "" {
		answer(rw, nil, &Error{Code: 404, Description: "Not Found"})
		return
	}
	w.mu.Lock()
	b := w.bots[token]
	rw.Header().Set("Date", w.now().UTC().Format(http.TimeFormat))
	w.mu.Unlock()
	if b == nil {
		answer(rw, nil, &Error{Code: 401, Description: "Unauthorized"})
		return
	}
	c := &Call{Bot: b.user.Username, Method: method}
	var err *Error
	if c.Params, c.Files, err = readParams(rw, r); err != nil {
		answer(rw, nil, err)
		return
	}
	c.At = time.Now()
	w.mu.Lock()
	w.calls.add(c)
	w.wake()
	onCall, snapshot := w.onCall, *c
	w.mu.Unlock()

	var fault *Fault
	if onCall != nil {
		fault = onCall(snapshot)
	}
	var result any
	if fault == nil {
		result, err = s.call(r.Context(), b, c)
	} else {
		result, err = s.faulty(r.Context(), b, c, fault)
	}

	w.mu.Lock()
	rw.Header().Set("Date", w.now().UTC().Format(http.TimeFormat)) // of the answer: a poll may have waited long
	c.Took, c.Done, c.Err = time.Since(c.At), true, err
	w.wake()
	w.mu.Unlock()
	switch {
	case err == aborted:
		panic(http.ErrAbortHandler)
	case fault != nil && fault.Status != 0 && fault.Error == nil:
		rw.WriteHeader(fault.Status)
		io.WriteString(rw, fault.Body)
	default:
		answer(rw, result, err)
	}
}

// faulty does the call as far as the fault lets it.
func (s *Server) faulty(ctx context.Context, b *bot, c *Call, f *Fault) (any, *Error) {
	if f.Delay > 0 {
		t := time.NewTimer(f.Delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil, aborted
		case <-s.w.done:
			return nil, aborted
		}
	}
	if f.Hang {
		select {
		case <-ctx.Done():
		case <-s.w.done:
		}
		return nil, aborted
	}
	fails := f.Drop || f.Error != nil || f.Status != 0
	var result any
	var err *Error
	if !fails || f.AfterEffect {
		result, err = s.call(ctx, b, c)
	}
	switch {
	case f.Drop:
		return nil, aborted
	case f.Error != nil:
		return nil, f.Error
	}
	return result, err
}

func answer(rw http.ResponseWriter, result any, err *Error) {
	type parameters struct {
		RetryAfter int `json:"retry_after"`
	}
	var a struct {
		OK          bool        `json:"ok"`
		Result      any         `json:"result,omitempty"`
		ErrorCode   int         `json:"error_code,omitempty"`
		Description string      `json:"description,omitempty"`
		Parameters  *parameters `json:"parameters,omitempty"`
	}
	a.OK, a.Result = err == nil, result
	status := http.StatusOK
	if err != nil {
		status, a.Result, a.ErrorCode, a.Description = err.Code, nil, err.Code, err.Description
		if err.RetryAfter > 0 {
			a.Parameters = &parameters{err.RetryAfter}
			rw.Header().Set("Retry-After", strconv.Itoa(err.RetryAfter))
		}
	}
	body, merr := json.Marshal(a)
	if merr != nil { // only a mistake in this package gets here
		panic(merr)
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("Content-Length", strconv.Itoa(len(body)))
	rw.WriteHeader(status)
	rw.Write(body)
}

// readParams reads the query, and a body of any of the three kinds the Bot API
// takes.
func readParams(rw http.ResponseWriter, r *http.Request) (map[string]string, map[string]Upload, *Error) {
	params := map[string]string{}
	add := func(vs url.Values) {
		for k, v := range vs {
			params[k] = v[0]
		}
	}
	add(r.URL.Query())
	if r.Method != http.MethodPost {
		return params, nil, nil
	}
	body := http.MaxBytesReader(rw, r.Body, maxBody)
	kind, opts, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "multipart/form-data":
		files, err := readForm(multipart.NewReader(body, opts["boundary"]), params)
		return params, files, err
	case "application/json":
		var obj map[string]json.RawMessage
		switch err := json.NewDecoder(body).Decode(&obj); {
		case tooLarge(err):
			return nil, nil, errTooLarge
		case err != nil && !errors.Is(err, io.EOF):
			return nil, nil, badRequest("can't parse JSON object")
		}
		for k, raw := range obj {
			var text string
			switch {
			case string(raw) == "null":
			case json.Unmarshal(raw, &text) == nil:
				params[k] = text
			default:
				params[k] = string(raw)
			}
		}
	case "application/x-www-form-urlencoded":
		raw, err := io.ReadAll(body)
		if err != nil {
			return nil, nil, errTooLarge
		}
		vs, err := url.ParseQuery(string(raw))
		if err != nil {
			return nil, nil, badRequest("can't parse parameters")
		}
		add(vs)
	}
	return params, nil, nil
}

func readForm(form *multipart.Reader, params map[string]string) (map[string]Upload, *Error) {
	var files map[string]Upload
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			return files, nil
		}
		var content []byte
		if err == nil {
			content, err = io.ReadAll(part)
		}
		switch {
		case tooLarge(err):
			return nil, errTooLarge
		case err != nil:
			return nil, badRequest("can't parse multipart form")
		case part.FileName() == "":
			params[part.FormName()] = string(content)
		default:
			if files == nil {
				files = map[string]Upload{}
			}
			files[part.FormName()] = Upload{part.FileName(), part.Header.Get("Content-Type"), content}
		}
	}
}

func tooLarge(err error) bool {
	var e *http.MaxBytesError
	return errors.As(err, &e)
}

// args reads parameters the way Telegram does: what is not a number is the
// default.
type args struct {
	*Call
}

func (a args) has(name string) bool { _, ok := a.Params[name]; return ok }

func (a args) str(name string) string { return a.Params[name] }

func (a args) int(name string, def int64) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(a.Params[name]), 10, 64)
	if err != nil {
		return def
	}
	return n
}

func (a args) clamp(name string, def, low, high int64) int64 {
	return min(max(a.int(name, def), low), high)
}

func (a args) bool(name string) bool {
	switch strings.ToLower(strings.TrimSpace(a.Params[name])) {
	case "true", "1", "yes", "t", "y":
		return true
	}
	return false
}

// json decodes an object parameter into v; absent is fine.
func (a args) json(name string, v any) error {
	if a.Params[name] == "" {
		return nil
	}
	return json.Unmarshal([]byte(a.Params[name]), v)
}
