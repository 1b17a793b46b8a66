package openclaw_test

import (
	"testing"

	"clawconsole/internal/realgateway/gatewaytest"
)

// TestMain ends the shared gateway and fails if anything of ours still runs.
func TestMain(m *testing.M) { gatewaytest.Main(m) }
