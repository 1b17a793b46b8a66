package telegram

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/PaulSonOfLars/gotgbot/v2"
)

// An Inspection is what Telegram says about a bot.
type Inspection struct {
	Username string // without @
	ID       int64

	// ReadsAll is true if privacy mode is off: the bot then gets every message of
	// its groups.
	ReadsAll bool

	WebhookHost string // set if a webhook is left over; then polling gets nothing
	Pending     int64  // updates that wait for a poll
	Skew        time.Duration
	Rival       bool // another program polls this bot
}

// Inspect asks Telegram about the bot, for `clawconsole doctor`. With poll it also
// looks whether another program polls, which disturbs that program for a moment and
// confirms nothing. Source: Bot API, getMe, getWebhookInfo, getUpdates.
func (b *Bot) Inspect(ctx context.Context, poll bool) (Inspection, error) {
	if _, err := b.Identify(ctx); err != nil {
		return Inspection{}, err
	}
	b.mu.Lock()
	in := Inspection{Username: b.me.Username, ID: b.me.Id, ReadsAll: b.me.CanReadAllGroupMessages}
	b.mu.Unlock()
	info, err := b.api.GetWebhookInfoWithContext(ctx, nil)
	if err != nil {
		return in, b.clean("getWebhookInfo", err)
	}
	in.WebhookHost, in.Pending, in.Skew = host(info.Url), info.PendingUpdateCount, b.Skew()
	if poll && in.WebhookHost == "" {
		// Two polls, as Telegram ends the older one: a rival answers the first, which
		// returns at once, with a new one of its own, after a moment, and that ends the
		// second, which waits.
		for _, seconds := range []int64{0, 3} {
			_, err = b.api.GetUpdatesWithContext(ctx, &gotgbot.GetUpdatesOpts{Limit: 1, Timeout: seconds})
			var te *gotgbot.TelegramError
			if errors.As(err, &te) && te.Code == 409 {
				in.Rival = true
			} else if err != nil {
				return in, b.clean("getUpdates", err)
			}
		}
	}
	return in, nil
}

// host is what may be shown of a webhook's address: its path or query is often a
// secret.
func host(webhook string) string {
	if webhook == "" {
		return ""
	}
	u, err := url.Parse(webhook)
	if err != nil {
		return "unknown"
	}
	return cmp.Or(u.Host, "unknown")
}
