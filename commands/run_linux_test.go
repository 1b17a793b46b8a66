package commands_test

import "testing"

// A command that kills its supervisor leaves a child behind: the answer says so,
// also if nothing was printed.
func TestRunTellsOfSurvivors(t *testing.T) {
	const kill = "kill -KILL $(awk '/^PPid/ {print $2}' /proc/$$/status); sleep 2"
	for line, output := range map[string]string{"/run --yes " + kill: "No output.", "/run --yes echo hi; " + kill: "hi"} {
		wants(t, newShell(t).do(line), "ERROR: /run: ended by SIGKILL", output, " of it could not be ended")
	}
}
