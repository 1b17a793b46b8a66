package exec_test

import (
	"context"
	"math/rand"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pieces are what [TestAllowListInShells] makes lines of: all that a shell reads
// specially, and "touch p", which is on no list.
var pieces = append([]string{"|", "||", "|&"}, strings.Split(`true|echo|touch p|touch p|touch p|$(touch p)|'|'|"|"|\|;|&&|&|(|)|((|))|$((|[[ |]] |{ |; }|`+
	"`touch p`|`|"+
	`${x|${x:-|${x#|${x:=|}|}|${x^^}|${!x}|${x@P}|$x|${x:1}|#| # |<<E|<<-E|<<'E'|<<< |>/dev/null|2>&1|&>/dev/null|<(|>(|`+
	`for x in |; do |; done|if |; then |; fi|case a in a) |;; esac|f() |f|$'|$"|\'|\"|=|x=|a[|]|-eq|{a,|*|!|1|a|`+
	`sh -c |sh -c '|-c |-x |-- |eval |xargs |timeout |5 |-k |-n |-0 |-I|{}|env |--uns |nice |let |time |coproc |declare `, "|")...)

// TestAllowListInShells runs what passes a list, in each shell there is, and looks for
// what only something else can have done. The seed is fixed; to search for more, raise
// the number of lines.
func TestAllowListInShells(t *testing.T) {
	const lines = 20000
	p := policy(t, "true", "echo", "sh", "xargs", "timeout", "env", "nice")
	dir, r, ran := t.TempDir(), rand.New(rand.NewSource(1)), 0
	for range lines {
		line := compose(r)
		if _, err := p.Check(line); err != nil || !strings.Contains(line, "touch") {
			continue
		}
		for _, shell := range [][]string{{"dash"}, {"bash", "--posix"}, {"bash"}} {
			if touches(t, dir, append(shell, "-c", "--", line)) {
				t.Errorf("Check(%q) passes, and %s runs touch", line, shell)
			}
			ran++
		}
	}
	if ran == 0 {
		t.Error("no line was run")
	}
}

// compose returns a line of some pieces, some of them on lines of their own.
func compose(r *rand.Rand) string {
	var b strings.Builder
	b.WriteString("true ")
	for range 1 + r.Intn(14) {
		b.WriteString(pieces[r.Intn(len(pieces))])
		b.WriteString([]string{"", "", "", " ", " ", "\n", "\nE\n"}[r.Intn(7)])
	}
	return b.String()
}

// touches reports whether a command makes a file called p in dir, which is removed.
func touches(t *testing.T, dir string, argv []string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := osexec.LookPath(argv[0]); err != nil {
		return false
	}
	cmd := osexec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, []string{"PATH=/usr/bin:/bin", "HOME=" + dir}, time.Second
	cmd.Stdin = strings.NewReader("touch p\n")
	_ = cmd.Run() // most lines are nonsense, and fail
	return os.Remove(filepath.Join(dir, "p")) == nil
}
