package chrometest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clawconsole/internal/chrometest"
)

func TestPage(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Security-Policy", "script-src 'unsafe-inline'; img-src 'none'")
		rw.Write([]byte(`<!doctype html><title>t</title><body><input id=i><button id=b>b</button><img src="/x.png">
			<script>
			document.querySelector('#b').onclick = () => { document.title = document.querySelector('#i').value; missing() }
			document.querySelector('#i').onkeydown = (e) => { if (e.key === 'Enter') document.body.dataset.entered = '1' }
			</script>`))
	}))
	defer srv.Close()
	b, err := chrometest.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			b.Close()
		}
	}()
	view := chrometest.Phone
	view.Dark = true
	p, err := b.Open(ctx, srv.URL, view)
	if err != nil {
		t.Fatal(err)
	}
	var seen struct {
		W, H, R     int
		Dark, Touch bool
	}
	if err := p.Eval(ctx, `Promise.resolve({w: innerWidth, h: innerHeight, r: devicePixelRatio,
		dark: matchMedia('(prefers-color-scheme: dark)').matches, touch: navigator.maxTouchPoints > 0})`, &seen); err != nil {
		t.Fatal(err)
	}
	if seen.R != 2 || !seen.Dark || !seen.Touch {
		t.Errorf("view = %+v", seen)
	}
	for _, err := range []error{p.Click(ctx, "#i"), p.Type(ctx, "hi"), p.Key(ctx, "Enter"), p.Click(ctx, "#b"),
		p.Wait(ctx, `document.title === 'hi' && document.body.dataset.entered`)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Wait(ctx, "true"); err != nil {
		t.Fatal(err)
	}
	faults := strings.Join(p.Faults(), "; ")
	if !strings.Contains(faults, "missing is not defined") || !strings.Contains(faults, "Content Security Policy") {
		t.Errorf("faults = %s", faults)
	}
	if err := p.Eval(ctx, "nothing()", nil); err == nil || !strings.Contains(err.Error(), "nothing is not defined") {
		t.Errorf("error = %v", err)
	}
	short, stop := context.WithTimeout(ctx, 50*time.Millisecond)
	defer stop()
	if err := p.Wait(short, "false"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v", err)
	}
	png, err := p.Screenshot(ctx)
	if err != nil || !strings.HasPrefix(string(png), "\x89PNG") {
		t.Errorf("screenshot: %d bytes, %v", len(png), err)
	}
	closed = true
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(temp, "*")); len(left) > 0 {
		t.Errorf("files are left: %q", left)
	}
	if err := p.Eval(ctx, "1", nil); err == nil {
		t.Error("a closed browser answers")
	}
}

// A machine without a browser must be told so, not pass.
func TestNoBrowser(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := chrometest.Start(t.Context()); !errors.Is(err, chrometest.ErrNoBrowser) {
		t.Errorf("error = %v", err)
	}
}

// One that does not work says what is wrong with it.
func TestBrokenBrowser(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "chromium"), []byte("#!/bin/sh\necho no display >&2\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	if _, err := chrometest.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "no display") {
		t.Errorf("error = %v", err)
	}
}
