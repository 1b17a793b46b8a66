package openclaw_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"clawconsole/internal/realgateway/gatewaytest"
)

// TestMain ends the shared gateway and fails if anything of ours still runs.
func TestMain(m *testing.M) {
	code := gatewaytest.Wrap(m).Run()
	if code == 0 {
		code = leaks()
	}
	os.Exit(code)
}

func leaks() int {
	var stacks string
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); runtime.Gosched() {
		buf := make([]byte, 1<<20)
		stacks = string(buf[:runtime.Stack(buf, true)])
		var left []string
		for _, g := range strings.Split(stacks, "\n\n") {
			if strings.Contains(g, "clawconsole/openclaw.(") || strings.Contains(g, "coder/websocket") {
				left = append(left, g)
			}
		}
		if len(left) == 0 {
			return 0
		}
		stacks = strings.Join(left, "\n\n")
	}
	fmt.Println("goroutines left over:\n" + stacks)
	return 1
}
