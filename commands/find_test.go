package commands_test

import (
	"testing"

	"clawconsole/commands"
)

// Find agrees with Parse about which command a message is for.
func TestFind(t *testing.T) {
	lines := []string{
		"", "text", "/", "/@ourbot", "/status@ourbot", "/status@otherbot", "/STATUS", "/stauts", "/gateway", "/gateway  Restart --now",
		"/gateway fly", "/cron", "/run --yes df -h", "/session ops /status",
	}
	for _, e := range commands.Table() {
		lines = append(lines, e.Examples...)
	}
	for _, line := range lines {
		want, wantErr := commands.Parse(line, "ourbot")
		got, err := commands.Find(line, "ourbot")
		switch {
		case (err == nil) != (wantErr == nil), err != nil && err.Error() != wantErr.Error():
			t.Errorf("Find(%q) = %v, Parse says %v", line, err, wantErr)
		case got.Name != want.Name || got.Class != want.Class:
			t.Errorf("Find(%q) = %s, %v, Parse says %s, %v", line, got.Name, got.Class, want.Name, want.Class)
		}
	}
	if _, err := commands.Find("/status --nonsense 5", "ourbot"); err != nil {
		t.Errorf("Find looks at flags: %v", err)
	}
}
