package openclaw

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

var frames = []string{
	`{"type":"res","id":"7","ok":true,"payload":{"a":[1,2,{"b":"]}\"\\"}],"c":null}}`,
	` { "type" : "event" , "event" : "tick" , "seq" : 12 , "payload" : { "ts" : 1 } } `,
	`{"type":"res","id":"8","ok":false,"error":{"code":"UNAVAILABLE","message":"\"}","details":{"reason":"x"},"retryable":true,"retryAfterMs":500}}`,
	`{"seq":3,"payload":[],"more":{"payload":"inner"},"type":"event","event":"é\n"}`,
	`{"type":"event","event":"x","payload":"text \\"}`,
	`{"type":"event","event":"x","payload":-1.5e3}`,
	`{"type":"event","event":"x","payload":null}`,
	`{"type":"event","error":null,"payload":true}`,
	`{"type":"\u0072es","id":""}`,
}

func TestParseFrame(t *testing.T) {
	for _, text := range frames {
		var want frame
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		got, err := parseFrame([]byte(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("parseFrame(%s) = %+v, %v, want %+v", text, got, err, want)
		}
		for n := range len(strings.TrimRight(text, " ")) {
			if f, err := parseFrame([]byte(text[:n])); err == nil {
				t.Errorf("parseFrame(%s) = %+v, want an error", text[:n], f)
			}
		}
	}
	for _, text := range []string{
		``, ` `, `{`, `{,}`, `{} {}`, `null`, `[]`, `"x"`, `{}x`, `{"type":"res"} {}`, `{"type" "res"}`, `{"type":}`, `{:1}`, `{type:"res"}`, `{"type":"res",}`,
		`{"type":1}`, `{"seq":"1"}`, `{"seq":1.5}`, `{"error":"no"}`, `{"type":"res"]`, `{"payload":]}`, `{"a":1 2}`, `{"type":res}`,
	} {
		if f, err := parseFrame([]byte(text)); err == nil {
			t.Errorf("parseFrame(%s) = %+v, want an error", text, f)
		}
	}
}

func TestParseLogLine(t *testing.T) {
	at := time.Date(2026, 11, 20, 14, 20, 4, 579e6, time.UTC)
	for _, c := range []struct {
		line string
		want LogLine
	}{
		{
			`{"0":"{\"subsystem\":\"agent/embedded\"}","1":"told \"so\" é","_meta":{"runtime":"node","date":"2026-11-20T14:20:04.579Z","logLevelName":"INFO","name":"{\"subsystem\":\"agent/embedded\"}","parentNames":["openclaw"]},"time":"2026-11-20T14:20:04.579+00:00","message":"told \"so\" é","traceFlags":"01"}`,
			LogLine{Level: "info", Subsystem: "agent/embedded", Message: `told "so" é`},
		},
		{
			`{"0":"{\"module\":\"db\"}","1":{"pid":7,"error":"}"},"2":"slow","_meta":{"date":"2026-11-20T14:20:04.579Z","logLevelName":"WARN","name":"{\"module\":\"db\"}"},"message":"slow"}`,
			LogLine{Level: "warn", Subsystem: "db", Message: `slow {"pid":7,"error":"}"}`},
		},
		{
			`{"0":"only this","_meta":{"date":"2026-11-20T14:20:04.579Z","logLevelName":"ERROR","name":"plain"}}`,
			LogLine{Level: "error", Message: "only this"},
		},
		{
			`{"0":{"message":"boom","id":"p1"},"message":null,"time":"2026-11-20T14:20:04.579Z"}`,
			LogLine{Message: "p1: boom"},
		},
	} {
		got := parseLogLine(c.line)
		if !got.At.Equal(at) {
			t.Errorf("parseLogLine(%s) is of %v, want %v", c.line, got.At, at)
		}
		if got.At = (time.Time{}); got != c.want {
			t.Errorf("parseLogLine(%s) = %+v, want %+v", c.line, got, c.want)
		}
	}
	for _, line := range []string{
		"", "text", "{", "{}", "{text}", `{"time":"2026-11-20T14:20:04.579Z"}`, `{"message":1}`, `{"message":"x","_meta":"y"}`,
		`{"message":"cut sh`, `{"message":"x"}{`, `{"message":"x","1":{no}}`, `["message"]`,
	} {
		if got := parseLogLine(line); got != (LogLine{Message: line}) {
			t.Errorf("parseLogLine(%s) = %+v, want the line", line, got)
		}
	}
}

// FuzzParseFrame holds parseFrame to encoding/json: what that takes is taken, with
// the same result, and what it refuses has at most a bad value that is decoded
// later or not at all.
func FuzzParseFrame(f *testing.F) {
	for _, text := range frames {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parseFrame(b) // must not panic
		var object map[string]json.RawMessage
		var want frame
		if json.Unmarshal(b, &object) != nil || len(object) == 0 || json.Unmarshal(b, &want) != nil {
			return
		}
		for name := range object {
			for _, ours := range []string{"type", "id", "ok", "payload", "error", "event", "seq"} {
				if strings.EqualFold(name, ours) && (name != ours || strings.Count(string(b), `"`+name+`"`) != 1) {
					return // encoding/json is lax about case, spelling and repetition
				}
			}
		}
		if strings.Contains(string(b), `\u`) {
			return // a key may be written so
		}
		if err != nil {
			t.Fatalf("parseFrame(%q) = %v", b, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("parseFrame(%q) = %+v, want %+v", b, got, want)
		}
	})
}

// BenchmarkFrame reads an answer as long as /logs may get.
func BenchmarkFrame(b *testing.B) {
	line := `{"0":"{\"subsystem\":\"gateway/ws\"}","1":"res ok sessions.list 4ms","_meta":{"runtime":"node","logLevelName":"INFO","name":"{\"subsystem\":\"gateway/ws\"}"},"time":"2026-11-20T14:20:04.579Z","message":"res ok sessions.list 4ms"}`
	lines := make([]string, 500)
	for i := range lines {
		lines[i] = line
	}
	text, err := json.Marshal(map[string]any{"type": "res", "id": "7", "ok": true, "payload": map[string]any{"lines": lines}})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseFrame(text); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLogLine reads one line of a real gateway's log.
func BenchmarkLogLine(b *testing.B) {
	line := `{"0":"{\"subsystem\":\"agent/embedded\"}","1":"tool-search: cataloged 53 tools behind compact prompt surface","_meta":{"runtime":"node","runtimeVersion":"26.10.0","hostname":"vm","date":"2026-11-20T14:17:17.007Z","logLevelId":3,"logLevelName":"INFO","name":"{\"subsystem\":\"agent/embedded\"}","parentNames":["openclaw"]},"time":"2026-11-20T14:17:17.007+00:00","hostname":"vm","message":"tool-search: cataloged 53 tools behind compact prompt surface","traceId":"14988bbbd9ec6100866e0e02b7d97569","spanId":"335da439c09eb758","parentSpanId":"e0386bc662403c21","traceFlags":"01"}`
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if parseLogLine(line).Subsystem == "" {
			b.Fatal("no subsystem")
		}
	}
}
