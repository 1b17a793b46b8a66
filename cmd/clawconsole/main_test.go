package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"clawconsole/exec"
	"clawconsole/internal/realgateway/gatewaytest"
)

// TestMain lets this binary stand in for other programs: the console itself in
// scripts, an openclaw for them, and the tracer of the crash tests.
func TestMain(m *testing.M) {
	exec.Supervise()
	if len(os.Args) > 2 && os.Args[1] == traceArg {
		os.Exit(trace(os.Args[2:]))
	}
	testscript.Main(gatewaytest.Wrap(m), map[string]func(){
		"clawconsole": main,
		"openclaw":    fakeOpenClaw,
	})
}
