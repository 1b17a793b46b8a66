package openclaw_test

import (
	"os"
	"testing"

	"clawconsole/internal/leaktest"
	"clawconsole/internal/realgateway/gatewaytest"
)

// TestMain ends the shared gateway and fails if anything of ours still runs.
func TestMain(m *testing.M) { os.Exit(leaktest.Wrap(gatewaytest.Wrap(m)).Run()) }
