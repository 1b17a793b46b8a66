package redact_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"clawconsole/redact"
)

// mixedLog returns n bytes of what a gateway, its agents and their containers
// log: mostly harmless, a secret in about one line of fifty.
func mixedLog(n int) string {
	rng := rand.New(rand.NewPCG(7, 7))
	var b strings.Builder
	paths := []string{"/api/v1/items", "/healthz", "/v1/chat/completions", "/static/app.3f2a.js", "/users/42/profile"}
	for i := 0; b.Len() < n; i++ {
		ts := fmt.Sprintf("2026-03-%02dT%02d:%02d:%02d.%03dZ", 1+rng.IntN(28), rng.IntN(24), rng.IntN(60), rng.IntN(60), rng.IntN(1000))
		switch rng.IntN(12) {
		case 0, 1, 2:
			fmt.Fprintf(&b, "10.0.%d.%d - - [%s] \"GET %s HTTP/1.1\" 200 %d \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\"\n", rng.IntN(256), rng.IntN(256), ts, paths[rng.IntN(len(paths))], rng.IntN(90000))
		case 3, 4:
			fmt.Fprintf(&b, "{\"time\":\"%s\",\"level\":\"info\",\"subsystem\":\"gateway/ws\",\"msg\":\"res ok sessions.list %dms\",\"conn\":\"%08x-%04x\"}\n", ts, rng.IntN(400), rng.Uint32(), rng.IntN(65536))
		case 5:
			fmt.Fprintf(&b, "%s INFO  agent run done session=agent:main:telegram:direct:%d inputTokens=%d outputTokens=%d model=gpt-5\n", ts, rng.IntN(1e9), rng.IntN(90000), rng.IntN(4000))
		case 6:
			fmt.Fprintf(&b, "%s WARN  retrying request id=%016x after %dms: connection reset by peer\n", ts, rng.Uint64(), rng.IntN(4000))
		case 7:
			fmt.Fprintf(&b, "  File \"/usr/lib/python3.12/site-packages/app/worker_%d.py\", line %d, in process_batch\n", rng.IntN(9), rng.IntN(900))
		case 8:
			fmt.Fprintf(&b, "Mar %02d 12:%02d:%02d host kernel: [%5d.%06d] eth0: link up, 1000Mbps, full-duplex, lpa 0x%04X\n", 1+rng.IntN(28), rng.IntN(60), rng.IntN(60), rng.IntN(99999), rng.IntN(1e6), rng.IntN(65536))
		case 9:
			fmt.Fprintf(&b, "%s DEBUG cache key=user:%d:profile hit=true ttl=%ds size=%d\n", ts, rng.IntN(1e6), rng.IntN(3600), rng.IntN(1e6))
		case 10:
			fmt.Fprintf(&b, "\x1b[32m%s\x1b[0m build step %d/%d: compiling module_%d with 8 jobs, sha256:%064x\n", ts, rng.IntN(90), 90, rng.IntN(999), rng.Uint64())
		case 11:
			if i%5 == 0 {
				fmt.Fprintf(&b, "%s DEBUG config loaded: API_KEY=%s region=eu-west-1\n", ts, pick(rng, alnumChars, 32))
			} else {
				fmt.Fprintf(&b, "%s INFO  the quick brown fox jumps over the lazy dog and nothing of note happened in worker %d\n", ts, rng.IntN(99))
			}
		}
	}
	return b.String()[:n]
}

// denseLog returns n bytes of lines that each hold a secret.
func denseLog(n int) string {
	rng := rand.New(rand.NewPCG(8, 8))
	var b strings.Builder
	for b.Len() < n {
		switch rng.IntN(6) {
		case 0:
			fmt.Fprintf(&b, "2026-03-01T00:00:00Z INFO connecting with password=%s to db-%d\n", pick(rng, alnumChars, 16), rng.IntN(9))
		case 1:
			fmt.Fprintf(&b, "{\"level\":\"debug\",\"headers\":{\"authorization\":\"Bearer %s\"},\"status\":200}\n", pick(rng, alnumChars, 40))
		case 2:
			fmt.Fprintf(&b, "export GITHUB_TOKEN=ghp_%s\n", pick(rng, alnumChars, 36))
		case 3:
			fmt.Fprintf(&b, "cloning https://bot:%s@git.example.com/team/repo.git into /srv/repo\n", pick(rng, alnumChars, 20))
		case 4:
			fmt.Fprintf(&b, "GET /v1/items?access_token=%s&page=%d HTTP/1.1 200\n", pick(rng, alnumChars, 32), rng.IntN(99))
		case 5:
			fmt.Fprintf(&b, "    client_secret: \"%s\" # rotated\n", pick(rng, alnumChars, 32))
		}
	}
	return b.String()[:n]
}

func knownSecrets(n int) []redact.Known {
	rng := rand.New(rand.NewPCG(9, 9))
	var ks []redact.Known
	for i := range n {
		ks = append(ks, redact.Known{Name: fmt.Sprint("k", i), Value: redact.NewSecret(pick(rng, alnumChars, 40))})
	}
	return ks
}

func benchmark(b *testing.B, text string, known int) {
	r, err := redact.New(redact.Config{Known: knownSecrets(known)})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		w := r.Writer(io.Discard)
		for i := 0; i < len(text); i += 32 << 10 {
			_, _ = io.WriteString(w, text[i:min(len(text), i+32<<10)])
		}
		_ = w.Close()
	}
}

func BenchmarkMixed(b *testing.B) { benchmark(b, mixedLog(8<<20), 10) }
func BenchmarkDense(b *testing.B) { benchmark(b, denseLog(8<<20), 10) }

// BenchmarkLongLine has one line of 8 MiB.
func BenchmarkLongLine(b *testing.B) {
	benchmark(b, strings.ReplaceAll(mixedLog(8<<20), "\n", " "), 10)
}

// BenchmarkStart makes the automaton anew, as the first New of a program does.
func BenchmarkStart(b *testing.B) {
	ks := knownSecrets(10)
	for b.Loop() {
		if _, err := redact.New(redact.Config{Known: ks, Keys: []string{"*_PIN"}}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMemory reports what a Redactor and a Writer hold after 32 MB.
func BenchmarkMemory(b *testing.B) {
	text := mixedLog(8 << 20)
	for b.Loop() {
		before := heap()
		r, _ := redact.New(redact.Config{Known: knownSecrets(10), Keys: []string{"*_PIN"}})
		w := r.Writer(io.Discard)
		for range 4 {
			_, _ = io.WriteString(w, text)
		}
		b.ReportMetric(float64(heap()-before)/(1<<20), "MiB-held")
		_ = w.Close()
		runtime.KeepAlive(r)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
