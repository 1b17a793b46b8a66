// Package peers measures redact against gitleaks 8.30.1 used as a library, in
// one run over the same texts. It is a module of its own, so that the product
// does not depend on gitleaks. "go test -bench ." prints the ratios, "go test -v"
// the recall on the project's corpus.
package peers

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/logging"

	"clawconsole/redact"
)

func TestMain(m *testing.M) {
	logging.Logger = logging.Logger.Output(io.Discard)
	os.Exit(m.Run())
}

// A peer is a redactor to compare.
type peer struct {
	name   string
	redact func(text string) string
}

func peers(t testing.TB) []peer {
	r, err := redact.New(redact.Config{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		t.Fatal(err)
	}
	return []peer{
		{"clawconsole", func(s string) string { return r.Text(s).String() }},
		{"gitleaks", func(s string) string {
			// As its own pipe mode does: find, then replace what was found.
			for _, f := range d.DetectString(s) {
				if f.Secret != "" {
					s = strings.ReplaceAll(s, f.Secret, "REDACTED")
				}
			}
			return s
		}},
	}
}

const alnum = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func pick(rng *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alnum[rng.IntN(len(alnum))]
	}
	return string(b)
}

// logs returns n bytes of log lines, one in every of which has a secret.
func logs(n, every int) string {
	rng := rand.New(rand.NewPCG(1, 1))
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		if i%every == 0 {
			switch rng.IntN(3) {
			case 0:
				fmt.Fprintf(&b, "2026-03-01T00:00:00Z DEBUG config API_KEY=%s region=eu-west-1\n", pick(rng, 32))
			case 1:
				fmt.Fprintf(&b, "{\"headers\":{\"authorization\":\"Bearer %s\"},\"status\":200}\n", pick(rng, 40))
			case 2:
				fmt.Fprintf(&b, "export GITHUB_TOKEN=ghp_%s\n", pick(rng, 36))
			}
			continue
		}
		switch rng.IntN(4) {
		case 0:
			fmt.Fprintf(&b, "10.0.0.%d - - [01/Mar/2026:12:00:00 +0000] \"GET /api/v1/items?page=%d HTTP/1.1\" 200 %d \"-\" \"Mozilla/5.0\"\n", rng.IntN(256), rng.IntN(99), rng.IntN(90000))
		case 1:
			fmt.Fprintf(&b, "{\"level\":\"info\",\"subsystem\":\"gateway/ws\",\"msg\":\"res ok sessions.list %dms\",\"conn\":\"%08x\"}\n", rng.IntN(400), rng.Uint32())
		case 2:
			fmt.Fprintf(&b, "2026-03-01T00:00:00Z INFO agent run done session=agent:main:main inputTokens=%d outputTokens=%d\n", rng.IntN(90000), rng.IntN(4000))
		case 3:
			fmt.Fprintf(&b, "  File \"/usr/lib/python3.12/site-packages/app/worker.py\", line %d, in process_batch\n", rng.IntN(900))
		}
	}
	return b.String()[:n]
}

func benchmark(b *testing.B, every int) {
	text := logs(1<<20, every)
	speed := make(map[string]float64)
	for _, p := range peers(b) {
		b.Run(p.name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			start, n := time.Now(), 0
			for b.Loop() {
				p.redact(text)
				n++
			}
			speed[p.name] = float64(n*len(text)) / time.Since(start).Seconds() / 1e6
			if g, ok := speed["gitleaks"]; ok && p.name == "gitleaks" {
				b.ReportMetric(speed["clawconsole"]/g, "times-faster-is-clawconsole")
			}
		})
	}
}

// BenchmarkMixed has a secret in one line of fifty.
func BenchmarkMixed(b *testing.B) { benchmark(b, 50) }

// BenchmarkDense has a secret in every line.
func BenchmarkDense(b *testing.B) { benchmark(b, 1) }

var slot = regexp.MustCompile(`⟦(@?)([^⟧]*)⟧`)

// TestRecallAgainstPeers measures the share of snippets of the corpus whose
// secrets do not survive. The generators are simpler than those of the corpus's
// own test: every slot is random characters.
func TestRecallAgainstPeers(t *testing.T) {
	files, err := filepath.Glob("../testdata/corpus/secret/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	ps := peers(t)
	found, all := make([]int, len(ps)), 0
	rng := rand.New(rand.NewPCG(2, 2))
	for _, f := range files {
		if filepath.Base(f) == "key.txt" {
			continue // its generators are elsewhere
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(b), "\n%%\n") {
			var secrets []string
			text := slot.ReplaceAllStringFunc(part, func(m string) string {
				s := slot.FindStringSubmatch(m)[2]
				if slot.FindStringSubmatch(m)[1] == "@" {
					s = pick(rng, 32)
				}
				secrets = append(secrets, s)
				return s
			})
			all++
			for i, p := range ps {
				out, leak := p.redact(text), false
				for _, s := range secrets {
					for k := 0; k+12 <= len(s); k++ {
						leak = leak || strings.Contains(out, s[k:k+12])
					}
				}
				if !leak {
					found[i]++
				}
			}
		}
	}
	for i, p := range ps {
		t.Logf("%-12s recall %5.1f %% of %d snippets, %5.2f %% of harmless lines changed", p.name, 100*float64(found[i])/float64(all), all, changed(t, p))
	}
	if found[0] <= found[1] {
		t.Errorf("clawconsole finds %d of %d snippets, gitleaks %d", found[0], all, found[1])
	}
}

func changed(t *testing.T, p peer) float64 {
	b, err := os.ReadFile("../testdata/corpus/harmless/logs.txt")
	if err != nil {
		t.Fatal(err)
	}
	n, bad := 0, 0
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); n++ {
		if p.redact(s.Text()) != s.Text() {
			bad++
		}
	}
	return 100 * float64(bad) / float64(n)
}
