package leaktest

import (
	"strings"
	"testing"
)

type tests int

func (code tests) Run() int { return int(code) }

func TestLeftovers(t *testing.T) {
	const mark = "created by clawconsole/internal/leaktest.TestLeftovers"
	begun, end, ended := make(chan bool), make(chan bool), make(chan bool)
	go func() {
		defer close(ended)
		close(begun)
		<-end
	}()
	<-begun
	if left := leftovers(0); !strings.Contains(left, mark) {
		t.Errorf("the goroutine that is there is not in\n%s", left)
	}
	close(end)
	<-ended
	for left := mark; strings.Contains(left, mark); { // it may still be ending
		left = leftovers(0)
	}
}

// A failure stays what it was: what it left behind is no news.
func TestFailurePasses(t *testing.T) {
	if code := Wrap(tests(3)).Run(); code != 3 {
		t.Errorf("exit code %d, want 3", code)
	}
}
