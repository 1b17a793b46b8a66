package main

import (
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func init() { standIns["without-wx"] = withoutWX }

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

// A gateway is dead at 03:00 and the console asks openclaw's command line, a node program,
// which inherits what the unit takes away from the console. It must be able to start.
func TestNodeRunsUnderTheUnit(t *testing.T) {
	node, err := osexec.LookPath("node")
	if err != nil {
		t.Fatal("no node on PATH; the README says what make test needs")
	}
	raw, err := os.ReadFile("../../packaging/clawconsole.service")
	if err != nil {
		t.Fatal(err)
	}
	run := func(unit string) error {
		exe, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := osexec.Command(exe, node, "-e", "1")
		cmd.Args[0] = "without-wx"
		if !strings.Contains(unit, "\nMemoryDenyWriteExecute=yes") {
			cmd = osexec.Command(node, "-e", "1")
		}
		return cmd.Run()
	}
	if err := run(string(raw)); err != nil {
		t.Errorf("node under the unit: %v", err)
	}
	if err := run(string(raw) + "\nMemoryDenyWriteExecute=yes\n"); err == nil {
		t.Error("node runs without memory that is writable and executable: the unit may take that away")
	}
	// os.networkInterfaces() of node fails without it. Source: getifaddrs(3).
	if !regexp.MustCompile(`(?m)^RestrictAddressFamilies=.*\bAF_NETLINK\b`).Match(raw) {
		t.Error("the unit takes AF_NETLINK away")
	}
	if !strings.Contains(string(raw), "\nOOMPolicy=continue\n") {
		t.Error("a program that takes too much memory takes the console with it")
	}
}

// withoutWX runs a program as MemoryDenyWriteExecute= does: no page of it can be made
// executable that was writable. Source: PR_SET_MDWE(2const), Linux 6.3.
func withoutWX() {
	if err := unix.Prctl(unix.PR_SET_MDWE, unix.PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "prctl:", err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, syscall.Exec(os.Args[1], os.Args[1:], os.Environ()))
	os.Exit(1)
}
