package redact_test

import (
	"clawconsole/redact"
	"fmt"
	"sort"
	"testing"
	"time"
)

func TestZZ(t *testing.T) {
	r := newRedactor(t, redact.Config{Known: []redact.Known{{"a", redact.NewSecret("Zx8-known-value-81x")}}, Keys: []string{"*_PIN"}, Patterns: []string{"acme_[a-z]+x"}})
	f := families(1 << 17)
	var names []string
	for n := range f {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		s := time.Now()
		c := make(chan int)
		go func() { c <- redact.Steps(r, f[n]) }()
		select {
		case st := <-c:
			d := time.Since(s)
			if d > 150*time.Millisecond || st > 30<<14 {
				fmt.Println(n, d, float64(st)/(1<<17))
			}
		case <-time.After(3 * time.Second):
			fmt.Println("HANG", n)
		}
	}
}
