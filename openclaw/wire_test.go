package openclaw

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
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
		``, ` `, `null`, `[]`, `"x"`, `{}x`, `{"type":"res"} {}`, `{"type" "res"}`, `{"type":}`, `{:1}`, `{type:"res"}`, `{"type":"res",}`,
		`{"type":1}`, `{"seq":"1"}`, `{"seq":1.5}`, `{"error":"no"}`, `{"type":"res"]`, `{"payload":]}`, `{"a":1 2}`, `{"type":res}`,
	} {
		if f, err := parseFrame([]byte(text)); err == nil {
			t.Errorf("parseFrame(%s) = %+v, want an error", text, f)
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
