package telegram

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

// pieces is a body as gotgbot gives it: of unknown length, bit by bit.
type pieces struct {
	io.Reader
	closed bool
}

func (p *pieces) Close() error { p.closed = true; return nil }

func TestWhole(t *testing.T) {
	for _, n := range []int{0, 1, wholeBytes - 1, wholeBytes, wholeBytes + 1, 3 * wholeBytes} {
		text := strings.Repeat("x", n)
		body := &pieces{Reader: iotest.OneByteReader(strings.NewReader(text))}
		r, err := http.NewRequest("POST", "http://example.com/", body)
		if err != nil {
			t.Fatal(err)
		}
		out, err := whole(r)
		if err != nil {
			t.Fatal(err)
		}
		if r.Body != body {
			t.Errorf("%d bytes: the request itself was changed", n)
		}
		short := n <= wholeBytes
		if short && out.ContentLength != int64(n) || !short && out.ContentLength > 0 {
			t.Errorf("%d bytes: length %d", n, out.ContentLength)
		}
		if got, err := io.ReadAll(out.Body); err != nil || string(got) != text {
			t.Errorf("%d bytes: the body is %d bytes, %v", n, len(got), err)
		}
		if short {
			again, err := out.GetBody()
			if got, _ := io.ReadAll(again); err != nil || string(got) != text {
				t.Errorf("%d bytes: the body again is %d bytes, %v", n, len(got), err)
			}
		}
		if err := out.Body.Close(); err != nil || !body.closed {
			t.Errorf("%d bytes: not closed, %v", n, err)
		}
	}
}

func TestWholeFails(t *testing.T) {
	broken := errors.New("broken")
	body := &pieces{Reader: io.MultiReader(bytes.NewReader([]byte("x")), iotest.ErrReader(broken))}
	r, err := http.NewRequest("POST", "http://example.com/", body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := whole(r); !errors.Is(err, broken) || !body.closed {
		t.Errorf("whole() = %v, body closed: %v, want %v, true", err, body.closed, broken)
	}
}
