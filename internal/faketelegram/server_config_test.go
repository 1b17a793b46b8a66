package faketelegram_test

import (
	"strings"
	"testing"

	"clawconsole/internal/faketelegram"
)

func TestConfigRefused(t *testing.T) {
	for _, tt := range []struct {
		cfg  faketelegram.Config
		want string
	}{
		{faketelegram.Config{Bots: []faketelegram.Bot{{Token: "secret", Username: "x"}}}, `bot "x": token is not <number>:<secret>`},
		{faketelegram.Config{Bots: []faketelegram.Bot{{Token: "7:a", Username: "x"}, {Token: "7:b", Username: "y"}}}, `bot "y": user ID 7 is taken`},
		{faketelegram.Config{People: []faketelegram.Person{{ID: -1, Name: "a"}}}, `person "a": user ID -1 is not positive`},
		{faketelegram.Config{Groups: []faketelegram.Group{{ID: 5, Title: "g"}}}, `group "g": chat ID 5 is not negative`},
		{faketelegram.Config{Groups: []faketelegram.Group{{ID: -5, Title: "g"}}}, `group "g": chat ID -5 is not of a supergroup`},
		{faketelegram.Config{Groups: []faketelegram.Group{{ID: -5, Type: "group", Title: "g", Topics: []faketelegram.Topic{{ID: 2}}}}}, `group "g": only a supergroup has topics`},
		{faketelegram.Config{Groups: []faketelegram.Group{{ID: -5, Type: "club", Title: "g"}}}, `group "g": unknown type "club"`},
		{faketelegram.Config{Groups: []faketelegram.Group{{ID: -5, Type: "group", Title: "g", Members: []int64{8}}}}, `group "g": no user 8`},
	} {
		if _, err := faketelegram.New(tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("New: %v, want %s", err, tt.want)
		}
	}
}
