package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"clawconsole/exec"
	"clawconsole/internal/realgateway/gatewaytest"
)

// TestMain lets this binary stand in for other programs: the console itself in
// scripts, and an openclaw for them.
func TestMain(m *testing.M) {
	exec.Supervise()
	testscript.Main(gatewaytest.Wrap(m), map[string]func(){
		"clawconsole": main,
		"openclaw":    fakeOpenClaw,
	})
}
