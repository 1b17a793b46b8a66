package telegram

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/PaulSonOfLars/gotgbot/v2"

	"clawconsole/console"
)

// A limitError is Telegram asking us to wait.
type limitError struct{ after time.Duration }

func (e *limitError) Error() string {
	return fmt.Sprintf("telegram asks to wait %v (429)", e.after)
}

// apiError is a refusal by Telegram without a meaning of its own for us.
type apiError struct {
	code        int
	description string
}

func (e *apiError) Error() string { return fmt.Sprintf("%s (%d)", e.description, e.code) }

// errNotModified is an edit that would change nothing.
var errNotModified = errors.New("message is not modified")

// clean turns an error of gotgbot into one of ours. gotgbot's hold the request's
// URL, and with it the token, or its parameters, and with them the text.
func (b *Bot) clean(method string, err error) error {
	if err == nil {
		return nil
	}
	var te *gotgbot.TelegramError
	if errors.As(err, &te) {
		return fmt.Errorf("%s: %w", method, explain(te))
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: no answer from telegram in time: %w", method, context.DeadlineExceeded)
	}
	// Whatever is left comes from net/http or encoding/json. Keep what can be
	// decided on, unless it repeats the token.
	if strings.Contains(err.Error(), b.token.Reveal()) {
		return fmt.Errorf("%s: %s", method, strings.ReplaceAll(err.Error(), b.token.Reveal(), "[redacted]"))
	}
	return fmt.Errorf("%s: %w", method, err)
}

// explain gives a refusal its meaning. The Bot API has codes for few things and
// says the rest in words only; this is the one place that reads them.
// Source: Telegram Bot API, "Making requests" and ResponseParameters; the
// wording as sent by the server (tdlib/telegram-bot-api, Client.cpp).
func explain(te *gotgbot.TelegramError) error {
	plain := &apiError{te.Code, te.Description}
	if p := te.ResponseParams; p != nil {
		if p.MigrateToChatId != 0 {
			return &console.MigratedError{ChatID: p.MigrateToChatId}
		}
		if te.Code == http.StatusTooManyRequests {
			return &limitError{after: time.Duration(max(p.RetryAfter, 1)) * time.Second}
		}
	}
	says := func(words ...string) bool {
		d := strings.ToLower(te.Description)
		for _, w := range words {
			if strings.Contains(d, w) {
				return true
			}
		}
		return false
	}
	switch te.Code {
	case http.StatusTooManyRequests:
		return &limitError{after: time.Second}
	case http.StatusUnauthorized, http.StatusNotFound:
		return fmt.Errorf("telegram does not know this bot token; get it again from @BotFather: %w", plain)
	case http.StatusConflict:
		if says("webhook") {
			return fmt.Errorf("a webhook is set for this bot, so it cannot be polled; clawconsole doctor shows it: %w", plain)
		}
		return fmt.Errorf("another process polls with this bot token; stop it, or give this console a bot of its own: %w", plain)
	case http.StatusForbidden:
		return fmt.Errorf("%w: %w", console.ErrBlocked, plain)
	case http.StatusBadRequest:
		switch {
		case says("message is not modified"):
			return errNotModified
		case says("message to edit not found", "message can't be edited", "message_id_invalid", "message to delete not found",
			"query is too old", "query id is invalid"):
			return fmt.Errorf("%w: %w", console.ErrGone, plain)
		case says("chat not found", "user not found", "peer_id_invalid", "group chat was deactivated"):
			return fmt.Errorf("%w: %w", console.ErrBlocked, plain)
		}
		return fmt.Errorf("%w: %w", console.ErrRejected, plain)
	case http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%w: %w", console.ErrRejected, plain)
	}
	return plain
}

// dead reports whether err may come from a connection that is no longer good.
func dead(err error) bool {
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne)
}
