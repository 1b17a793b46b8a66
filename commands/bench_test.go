package commands_test

import (
	"testing"

	"clawconsole/commands"
)

// BenchmarkParse is part of the console's own time for each command.
func BenchmarkParse(b *testing.B) {
	for _, msg := range []string{"/status", "/logs --tail 200 --grep error", "/session main --timeout 60 how is the disk?"} {
		b.Run(msg[1:5], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := commands.Parse(msg, "ourbot"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkHoldsSecret(b *testing.B) {
	for b.Loop() {
		commands.HoldsSecret("/session main --timeout 60 how is the disk, and what did the last job say?")
	}
}
