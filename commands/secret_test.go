package commands_test

import (
	"testing"

	"clawconsole/commands"
)

// Attack: read the ledger or the record for a secret that was sent in a spelling
// which HoldsSecret does not know.
func TestHoldsSecretSpellings(t *testing.T) {
	for _, text := range []string{
		"/auth x", "/AUTH x", "/auth@bot x", "/auth\nx", "/auth\u00a0x", "/authx", "/aut x", "/auht x", "/au\u200bth x", "//auth x", "auth x", "\uff0fauth x",
		"/ auth x", "@bot /auth x", "@bot auth x", "@bot / auth x", "/unlock x", "/Login x", "/password x", "/otp 123456",
		"/run --secret x", "/run --SECRET=x", "/run —secret x", "/run – secret x", "/run -- secret x", "/run -secret x", "/run --secert=x", "/run \u2011\u2011secret x",
		"/run \uff0d\uff0dsecret x", "/run --sec\"ret\" x", "/run --se\u00adcret=x", "/run --secret\nx", "/run --secretx",
	} {
		if !commands.HoldsSecret(text) {
			t.Errorf("HoldsSecret(%q) = false", text)
		}
	}
	// What people on call look for is no secret of theirs: in a group such a message
	// was deleted, and they were told to change the secret.
	for _, text := range []string{
		"/logs --grep /auth", "/logs --grep /token", "/run --yes ls /key", "/run --yes curl --secure https://x/login", "/run --yes cat /auth/log", "hello /auth x",
	} {
		if commands.HoldsSecret(text) {
			t.Errorf("HoldsSecret(%q) = true", text)
		}
	}
	for _, text := range []string{"/status", "/lock", "/logs --tail 5", "/session main the key is in the code", "/run --yes date", "/stop main", "/pending", "please unlock it", "/agent x - sec"} {
		if commands.HoldsSecret(text) {
			t.Errorf("HoldsSecret(%q) = true", text)
		}
	}
}
