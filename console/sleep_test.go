package console

import (
	"testing"
	"time"
	"unsafe"
)

// asleep returns t, which has a reading of the monotonic clock, as it is after the
// machine has slept for d: the wall clock went on, the monotonic one did not. Seen
// from now that is a t whose wall clock was d earlier.
func asleep(t *testing.T, at time.Time, d time.Duration) time.Time {
	t.Helper()
	was := at
	wall := (*uint64)(unsafe.Pointer(&at)) // 1 bit, then 33 of seconds, then 30 of nanoseconds; source: package time
	*wall -= uint64(d/time.Second) << 30
	if got := was.Round(0).Sub(at.Round(0)); got != d {
		t.Fatalf("the wall clock was moved by %v, want %v: package time has changed", got, d)
	}
	if was.Sub(at) != 0 {
		t.Fatal("the monotonic clock was moved: package time has changed")
	}
	return at
}

// Attack: a laptop or a machine that was paused wakes up after a night, and takes a
// press of [Restart] or [Run it] under a message of the evening for a fresh one.
func TestButtonsAgeInSleep(t *testing.T) {
	now := time.Now()
	if passed(now.Add(time.Minute)) || !passed(now.Add(-time.Second)) {
		t.Error("passed is wrong while awake")
	}
	if !passed(asleep(t, now.Add(time.Minute), 8*time.Hour)) {
		t.Error("a button of a minute has not passed after eight hours of sleep")
	}
	if d := since(asleep(t, now, 8*time.Hour)); d < 8*time.Hour {
		t.Errorf("since = %v after eight hours of sleep", d)
	}

	g := newRegistry()
	id := g.add(button{kind: runLine, person: 1, chat: 1, once: true}, time.Minute)
	b := g.known[id]
	b.until = asleep(t, b.until, 8*time.Hour)
	g.known[id] = b
	if _, _, ok := g.take(Press{Data: id, UserID: 1, ChatID: 1}); ok {
		t.Error("the button worked after eight hours of sleep")
	}

	r := New(Config{})
	if age := r.age(&asking{Message: Message{SentAt: asleep(t, now, 8*time.Hour)}, pressed: pressed{button: true}}); age < 8*time.Hour {
		t.Errorf("a press that waited for eight hours is %v old", age)
	}
}
