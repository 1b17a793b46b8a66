package fakegateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"clawconsole/internal/fakegateway"
)

// The client of the product is tested against this package, and this package by
// it: openclaw's TestRealAndFakeAgree holds it to a real gateway. Here is what
// that client never does.

func serve(t *testing.T, c fakegateway.Config) *fakegateway.Server {
	t.Helper()
	s, err := fakegateway.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// say connects, says one frame and returns the answer and the close code.
func say(t *testing.T, s *fakegateway.Server, frame string) (answer string, code websocket.StatusCode) {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), s.URL(), &websocket.DialOptions{HTTPClient: s.Client()})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	if _, _, err := ws.Read(t.Context()); err != nil {
		t.Fatalf("no challenge: %v", err)
	}
	if frame != "" {
		if err := ws.Write(t.Context(), websocket.MessageText, []byte(frame)); err != nil {
			t.Fatal(err)
		}
	}
	_, b, err := ws.Read(t.Context())
	if err == nil {
		_, _, err = ws.Read(t.Context())
	}
	return string(b), websocket.CloseStatus(err)
}

func TestHandshakeMistakes(t *testing.T) {
	connect := func(change func(map[string]any)) string {
		p := map[string]any{
			"minProtocol": 4, "maxProtocol": 4, "role": "operator", "scopes": []string{"operator.read"},
			"client": map[string]any{"id": "gateway-client", "mode": "backend"}, "auth": map[string]any{"token": "fake-token"},
		}
		change(p)
		b, err := json.Marshal(map[string]any{"type": "req", "id": "1", "method": "connect", "params": p})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, tt := range []struct {
		name, frame, reason string
		code                websocket.StatusCode
	}{
		{"not JSON", "{", "", websocket.StatusPolicyViolation},
		{"another method first", `{"type":"req","id":"1","method":"health"}`, "", websocket.StatusPolicyViolation},
		{"nothing for 15 s", "", "", websocket.StatusNormalClosure},
		{"an old protocol", connect(func(p map[string]any) { p["minProtocol"], p["maxProtocol"] = 3, 3 }), "PROTOCOL_MISMATCH", websocket.StatusProtocolError},
		{"a client of no kind", connect(func(p map[string]any) { p["client"] = map[string]any{"id": "me", "mode": "backend"} }), "invalid connect params", websocket.StatusPolicyViolation},
		{"a wrong token", connect(func(p map[string]any) { p["auth"] = map[string]any{"token": "x"} }), "AUTH_TOKEN_MISMATCH", websocket.StatusPolicyViolation},
		{"no token", connect(func(p map[string]any) { delete(p, "auth") }), "DEVICE_IDENTITY_REQUIRED", websocket.StatusPolicyViolation},
		{"a device whose id is not its key", connect(func(p map[string]any) {
			p["device"] = map[string]any{"id": "x", "publicKey": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}
		}), "DEVICE_AUTH_DEVICE_ID_MISMATCH", websocket.StatusPolicyViolation},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answer, code := say(t, serve(t, fakegateway.Config{Memory: true}), tt.frame)
				if code != tt.code || !strings.Contains(answer, tt.reason) || tt.reason == "" && answer != "" {
					t.Errorf("answer %s, close code %d; want %q, %d", answer, code, tt.reason, tt.code)
				}
			})
		})
	}
}

func TestNoRouteIsDenied(t *testing.T) {
	s := serve(t, fakegateway.Config{})
	if id := s.Raise(fakegateway.Approval{Request: map[string]any{"command": "x"}}); s.Status(id) != "denied" {
		t.Errorf("with nobody to ask it is %q, want denied at once", s.Status(id))
	}
}

// Over TCP a hanging gateway takes connections, and a draining one says 503.
func TestOverTCP(t *testing.T) {
	s := serve(t, fakegateway.Config{})
	s.Draining()
	_, resp, err := websocket.Dial(t.Context(), s.URL(), nil)
	if err == nil || resp == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("dial while draining = %v, %v", resp, err)
	}
	s.Up()
	s.Hang()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, _, err := websocket.Dial(ctx, s.URL(), nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("dial while hanging = %v, want no answer", err)
	}
	s.Resume()
	ws, _, err := websocket.Dial(t.Context(), s.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ws.CloseNow()
}
