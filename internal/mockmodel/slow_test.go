package mockmodel

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// It waits before the first byte and takes as long again for the text, by the bubble's clock.
func TestSlow(t *testing.T) {
	for _, tt := range []struct {
		message  string
		min, max time.Duration
	}{
		{"slow: 2000 hello", 3 * time.Second, 4 * time.Second},
		{"slow: 2000 long: 5000", 3 * time.Second, 4 * time.Second},
		{"slow: 2000 fail: 503", 2 * time.Second, 2 * time.Second},
		{"slow: 999999", 10 * time.Minute, 20 * time.Minute}, // no slower than this
		{"hello", 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &Server{arrived: make(chan struct{})}
			body := `{"stream":true,"messages":[{"role":"user","content":"` + tt.message + `"}]}`
			began := time.Now()
			s.complete(httptest.NewRecorder(), httptest.NewRequest("POST", "/v1/chat/completions", strings.NewReader(body)))
			if d := time.Since(began); d < tt.min || d > tt.max {
				t.Errorf("%q took %s, want %s to %s", tt.message, d, tt.min, tt.max)
			}
		})
	}
}

func TestSlowEndsWithTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{arrived: make(chan struct{})}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		body := strings.NewReader(`{"messages":[{"role":"user","content":"slow: 60000"}]}`)
		w := httptest.NewRecorder()
		s.complete(w, httptest.NewRequestWithContext(ctx, "POST", "/v1/chat/completions", body))
		if d := time.Since(began); d != time.Second || w.Body.Len() != 0 {
			t.Errorf("ended after %s with %q, want 1s and nothing", d, w.Body)
		}
	})
}
