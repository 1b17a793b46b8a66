package main

import (
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// systemd itself accepts the unit.
func TestUnitIsAccepted(t *testing.T) {
	analyze, err := osexec.LookPath("systemd-analyze")
	if err != nil {
		t.Fatal("no systemd-analyze on PATH: install systemd, for instance with apt-get install systemd (scripts/test-deps does)")
	}
	raw, err := os.ReadFile("../../packaging/clawconsole.service")
	if err != nil {
		t.Fatal(err)
	}
	verify := func(unit string) (string, error) {
		file := filepath.Join(t.TempDir(), "clawconsole.service")
		if err := os.WriteFile(file, []byte(unit), 0o644); err != nil {
			t.Fatal(err)
		}
		// Pages of a manual that is not installed here are no fault of the unit.
		out, err := osexec.Command(analyze, "verify", "--man=no", file).CombinedOutput()
		return string(out), err
	}
	unit := strings.Replace(string(raw), "/usr/local/bin/clawconsole", binary(t), 1)
	if unit == string(raw) {
		t.Fatal("the unit does not start /usr/local/bin/clawconsole")
	}
	if out, err := verify(unit); err != nil || strings.Contains(out, "clawconsole.service:") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	// It does look at it.
	if out, _ := verify(strings.Replace(unit, "Restart=always", "Restart=perhaps", 1)); !strings.Contains(out, "perhaps") {
		t.Errorf("a broken unit is accepted:\n%s", out)
	}
	// Without KillMode=mixed systemd itself would end a running /run at once, which
	// the console promises 10 s.
	for _, line := range []string{"Type=notify", "LoadCredential=bot.token:", "NoNewPrivileges=yes", "ProtectSystem=strict", "WatchdogSec=", "KillMode=mixed", "TimeoutStopSec=45"} {
		if !strings.Contains(unit, "\n"+line) {
			t.Errorf("the unit lacks %s", line)
		}
	}
}
