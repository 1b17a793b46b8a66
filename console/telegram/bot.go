// Package telegram speaks the Telegram Bot API for the console, both ways: it
// turns updates into console.Incoming, and a console.Reply into a message. No
// other package knows gotgbot, HTML or how long a message may be.
//
// It polls with a loop of its own. gotgbot's updater confirms an update before
// its handler ends, keeps no order within a chat and retries nothing.
package telegram

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/PaulSonOfLars/gotgbot/v2"

	"clawconsole/console"
	"clawconsole/redact"
)

// Times of the poll. A poll that is dead is noticed when its request times out,
// which is well within the 90 s that readiness allows.
const (
	pollMost       = 100              // updates in one batch; source: Bot API, getUpdates
	pollTimeout    = 30 * time.Second // how long Telegram may hold a getUpdates
	pollSlack      = 10 * time.Second // after which the connection is taken for dead
	requestTimeout = 15 * time.Second // of every other method
	uploadTimeout  = 60 * time.Second // of a document
	maxBackoff     = 30 * time.Second
)

// allowedUpdates is what Telegram is asked for. Edits and channel posts are
// asked for too, so that leaving them alone is ours to decide and to test.
var allowedUpdates = []string{"message", "edited_message", "channel_post", "edited_channel_post", "callback_query", "my_chat_member"}

// Config is what a Bot needs.
type Config struct {
	Token redact.Secret // "<id>:<35 characters>", from BotFather

	// APIURL is the root of the Bot API, without /bot<token>. Empty means
	// https://api.telegram.org.
	APIURL string

	// Proxy is an http, https or socks5 URL. Empty means none: the environment is
	// not consulted.
	Proxy string

	Log *slog.Logger // nil: discarded
}

// An Inbox takes updates.
type Inbox interface {
	// Receive stores a batch and sees to it that it is handled. When it returns nil
	// the batch is on disk and may be confirmed to Telegram; otherwise the same batch
	// comes again. It may get updates that it knows already.
	Receive(ctx context.Context, batch []console.Incoming) error
}

// A Bot is one Telegram bot. It implements console.Chat.
type Bot struct {
	token redact.Secret
	log   *slog.Logger
	api   gotgbot.Bot
	wire  *wire       // of api
	poll  gotgbot.Bot // for getUpdates: what is sent does not wait for its connection
	line  *wire       // of poll, renewed when it seems dead
	pace  pace

	mu     sync.Mutex
	status Status
	me     gotgbot.User
}

var _ console.Chat = (*Bot)(nil)

// Status is how the connection to Telegram fares.
type Status struct {
	Username string    // of the bot, without @; empty until Telegram has told
	ID       int64     // of the bot; 0 until then
	PolledAt time.Time // last poll that Telegram answered and the inbox stored; zero: never

	// Skew is Telegram's clock minus ours, from the Date header of its answers; good
	// to about a second.
	Skew time.Duration

	// Err is why the last poll failed, in words for the operator. Nil: it did not.
	Err error
}

// New returns a Bot. It does not talk to Telegram yet. An error joins everything
// that is wrong with c.
func New(c Config) (*Bot, error) {
	var errs []error
	id, secret, ok := strings.Cut(c.Token.Reveal(), ":")
	if !ok || id == "" || strings.Trim(id, "0123456789") != "" || secret == "" || strings.ContainsAny(secret, "/?#% \n") {
		errs = append(errs, errors.New("bot token is not of the form 123456:ABC…"))
	}
	if c.APIURL == "" {
		c.APIURL = gotgbot.DefaultAPIURL
	}
	if u, err := url.Parse(c.APIURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		errs = append(errs, fmt.Errorf("%q is not the http or https URL of a Bot API", c.APIURL))
	}
	var proxy *url.URL
	if c.Proxy != "" {
		u, err := url.Parse(c.Proxy)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" {
			// The URL may hold a password, and url.Error repeats it.
			errs = append(errs, errors.New("proxy is not an http, https or socks5 URL"))
		}
		proxy = u
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	b := &Bot{token: c.Token, log: c.Log}
	b.wire, b.line = newWire(proxy, b.skewed), newWire(proxy, b.skewed)
	b.api, b.poll = newAPI(c, b.wire), newAPI(c, b.line)
	return b, nil
}

func newAPI(c Config, w *wire) gotgbot.Bot {
	client := &gotgbot.BaseBotClient{DefaultRequestOpts: &gotgbot.RequestOpts{
		APIURL:  strings.TrimSuffix(c.APIURL, "/"),
		Timeout: requestTimeout,
	}}
	client.Client.Transport = w
	return gotgbot.Bot{Token: c.Token.Reveal(), BotClient: client}
}

// Status returns how the connection fares.
func (b *Bot) Status() Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.status
}

// Skew is Telegram's clock minus ours.
func (b *Bot) Skew() time.Duration { return b.Status().Skew }

func (b *Bot) skewed(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status.Skew = d
}

// Identify asks Telegram who the bot is, once: it returns at once if that is
// known. Replies can be sent before.
func (b *Bot) Identify(ctx context.Context) (username string, err error) {
	if s := b.Status(); s.ID != 0 {
		return s.Username, nil
	}
	me, err := b.api.GetMeWithContext(ctx, nil)
	if err != nil {
		return "", b.clean("getMe", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.me, b.status.ID, b.status.Username = *me, me.Id, me.Username
	return me.Username, nil
}

// Run polls until ctx ends and returns nil then. Every batch goes to inbox
// before it is confirmed: when inbox fails, the same updates are asked for again.
// Whatever goes wrong is retried, said once in the log and shown in Status.
func (b *Bot) Run(ctx context.Context, inbox Inbox) error {
	var (
		offset  int64
		emptied time.Time // last poll after which Telegram had nothing more for us
		backoff = new(backoff)
		said    string
	)
	for ctx.Err() == nil {
		next, more, err := b.pollOnce(ctx, inbox, offset, emptied)
		if ctx.Err() != nil {
			break
		}
		b.mu.Lock()
		b.status.Err = err
		if err == nil {
			b.status.PolledAt = time.Now()
		}
		b.mu.Unlock()
		if err == nil {
			if !more {
				emptied = time.Now()
			}
			if said != "" {
				b.log.Info("telegram polled again")
			}
			offset, said = next, ""
			backoff.reset()
			continue
		}
		if err.Error() != said {
			b.log.Error("telegram poll failed", "err", err)
			said = err.Error()
		}
		if dead(err) {
			// A connection that swallowed one request would swallow the next one too.
			b.line.renew()
		}
		wait := backoff.next()
		var limit *limitError
		if errors.As(err, &limit) {
			wait = limit.after
		}
		sleep(ctx, wait)
	}
	b.line.renew()
	return nil
}

func (b *Bot) pollOnce(ctx context.Context, inbox Inbox, offset int64, emptied time.Time) (next int64, more bool, err error) {
	if _, err := b.Identify(ctx); err != nil {
		return offset, false, err
	}
	// Decoded one by one, not by GetUpdatesWithContext: gotgbot fails a whole batch
	// for one value it does not know (a new kind of forward, say), and as the batch is
	// then never confirmed, no later update would ever arrive.
	result, err := b.poll.RequestWithContext(ctx, "getUpdates", map[string]any{
		"offset":          offset,
		"limit":           pollMost,
		"timeout":         int(pollTimeout / time.Second),
		"allowed_updates": allowedUpdates,
	}, &gotgbot.RequestOpts{Timeout: pollTimeout + pollSlack})
	if err != nil {
		return offset, false, b.clean("getUpdates", err)
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(result, &raw); err != nil {
		return offset, false, fmt.Errorf("getUpdates: %w", err)
	}
	if len(raw) == 0 {
		return offset, false, nil
	}
	batch := make([]console.Incoming, 0, len(raw))
	next = offset
	for _, r := range raw {
		in, err := b.Decode(r)
		if err != nil {
			b.log.Warn("update not understood, left out", "update", in.UpdateID, "err", err)
		}
		if in.UpdateID == 0 {
			continue
		}
		next = max(next, in.UpdateID+1)
		if in.Press != nil {
			in.Press.MadeAfter = emptied
		}
		batch = append(batch, in)
	}
	if len(batch) == 0 {
		// They cannot be confirmed, so they come again at once.
		return offset, false, fmt.Errorf("getUpdates: none of %d updates has a readable id", len(raw))
	}
	if err := inbox.Receive(ctx, batch); err != nil {
		return offset, false, fmt.Errorf("store updates: %w", err)
	}
	return next, len(raw) == pollMost, nil
}

// backoff doubles from one second to maxBackoff.
type backoff struct{ last time.Duration }

func (b *backoff) next() time.Duration {
	b.last = min(max(time.Second, 2*b.last), maxBackoff)
	return b.last
}

func (b *backoff) reset() { b.last = 0 }

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
