// Package leaktest is for tests: it fails a package whose tests leave goroutines
// of this module, or connections, behind.
package leaktest

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// A Runner runs tests: *testing.M is one.
type Runner interface{ Run() int }

// Wrap returns a Runner that runs m and then fails, with the stacks on standard
// error, if goroutines of ours have not ended within 10 s. Use it in TestMain,
// around what ends the servers that tests share.
func Wrap(m Runner) Runner { return wrapped{m} }

type wrapped struct{ m Runner }

func (w wrapped) Run() int {
	code := w.m.Run()
	if code != 0 {
		return code
	}
	if left := leftovers(10 * time.Second); left != "" {
		fmt.Fprintln(os.Stderr, "goroutines left behind:\n"+left)
		return 1
	}
	return 0
}

// leftovers are the stacks of goroutines that run code of this module or of its
// WebSocket library and do not end within d.
func leftovers(d time.Duration) string {
	buf := make([]byte, 1<<20)
	for deadline := time.Now().Add(d); ; time.Sleep(time.Millisecond) {
		var left []string
		for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			ours := strings.Contains(g, "clawconsole/") || strings.Contains(g, "coder/websocket")
			if ours && !strings.Contains(g, "TestMain") {
				left = append(left, g)
			}
		}
		if len(left) == 0 || !time.Now().Before(deadline) {
			return strings.Join(left, "\n\n")
		}
	}
}
