package openclaw

import (
	"context"
	"errors"
)

// Tell puts message into a session and does not wait for an answer. A run that is
// under way there gets it with its next question to the model; otherwise it
// begins a run. The message is text, also when it begins with a slash. The same
// key never tells twice.
// Source: chat.send.
func (g *Gateway) Tell(ctx context.Context, sessionKey, message, key string) error {
	if sessionKey == "" || key == "" {
		return errors.New("tell: want a session and an idempotency key")
	}
	return g.Call(ctx, "chat.send", map[string]any{
		"sessionKey": sessionKey, "message": message, "idempotencyKey": key,
		"suppressCommandInterpretation": true,
	}, nil)
}
