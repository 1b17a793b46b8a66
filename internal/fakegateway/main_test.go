package fakegateway_test

import (
	"os"
	"testing"

	"clawconsole/internal/leaktest"
)

// TestMain fails if a test leaves something running.
func TestMain(m *testing.M) { os.Exit(leaktest.Wrap(m).Run()) }
