package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"clawconsole/exec"
	"clawconsole/internal/leaktest"
	"clawconsole/internal/realgateway/gatewaytest"
)

// TestMain lets this binary stand in for other programs: the console itself in
// scripts, and an openclaw for them.
func TestMain(m *testing.M) {
	exec.Supervise()
	testscript.Main(tidy{leaktest.Wrap(gatewaytest.Wrap(m))}, standIns)
}

// standIns are the programs that this binary can be, by the name that it is called by.
var standIns = map[string]func(){
	"clawconsole": main,
	"openclaw":    fakeOpenClaw,
}

// tidy removes the binary that tests have built.
type tidy struct{ leaktest.Runner }

func (t tidy) Run() int {
	defer func() { os.RemoveAll(buildDir) }()
	return t.Runner.Run()
}
