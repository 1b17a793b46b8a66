package telegram

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/PaulSonOfLars/gotgbot/v2"

	"clawconsole/console"
	"clawconsole/redact"
)

// pace remembers until when Telegram wants us to be quiet, by chat.
type pace struct {
	mu    sync.Mutex
	until map[int64]time.Time
}

func (p *pace) wait(ctx context.Context, chat int64) error {
	p.mu.Lock()
	until, ok := p.until[chat]
	if ok && !time.Now().Before(until) {
		delete(p.until, chat)
	}
	p.mu.Unlock()
	if !ok {
		return nil
	}
	sleep(ctx, time.Until(until))
	return ctx.Err()
}

func (p *pace) hold(chat int64, after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.until == nil {
		p.until = make(map[int64]time.Time)
	}
	p.until[chat] = time.Now().Add(after)
}

// call does one request and, as long as Telegram answers 429, waits for as long
// as it asks and does it again. The whole chat is quiet meanwhile.
func (b *Bot) call(ctx context.Context, method string, chat int64, do func() error) error {
	for {
		if err := b.pace.wait(ctx, chat); err != nil {
			return fmt.Errorf("%s: %w: %w", method, console.ErrLimited, err)
		}
		err := b.clean(method, do())
		var limit *limitError
		if !errors.As(err, &limit) {
			return err
		}
		b.log.Warn("telegram asks to wait", "method", method, "chat", chat, "after", limit.after)
		b.pace.hold(chat, limit.after)
	}
}

// Send implements console.Chat.
func (b *Bot) Send(ctx context.Context, to console.Address, r console.Reply) (messageID int64, err error) {
	f := render(r)
	err = b.withFallback(ctx, "sendMessage", to.ChatID, f, func(text, mode string) error {
		opts := &gotgbot.SendMessageOpts{
			MessageThreadId:     to.TopicID,
			ParseMode:           mode,
			LinkPreviewOptions:  &gotgbot.LinkPreviewOptions{IsDisabled: true},
			DisableNotification: !r.Sound,
		}
		if r.ReplyTo != 0 {
			opts.ReplyParameters = &gotgbot.ReplyParameters{MessageId: r.ReplyTo, AllowSendingWithoutReply: true}
		}
		switch {
		case len(f.keyboard.InlineKeyboard) > 0:
			opts.ReplyMarkup = f.keyboard
		case r.ForceReply:
			opts.ReplyMarkup = gotgbot.ForceReply{ForceReply: true, Selective: r.ReplyTo != 0}
		}
		m, err := b.api.SendMessageWithContext(ctx, to.ChatID, text, opts)
		if err == nil {
			messageID = m.MessageId
			leave(r.Print, m.Text, m.ReplyMarkup)
		}
		return err
	})
	return messageID, err
}

// leave puts a print of a message where somebody wants it.
func leave(to *string, text string, k *gotgbot.InlineKeyboardMarkup) {
	if to != nil {
		*to = printOf(text, k)
	}
}

// Edit implements console.Chat.
func (b *Bot) Edit(ctx context.Context, to console.Address, messageID int64, r console.Reply) error {
	f := render(r)
	err := b.withFallback(ctx, "editMessageText", to.ChatID, f, func(text, mode string) error {
		m, _, err := b.api.EditMessageTextWithContext(ctx, &gotgbot.EditMessageTextOpts{
			ChatId: to.ChatID, MessageId: messageID, Text: text, ParseMode: mode,
			LinkPreviewOptions: &gotgbot.LinkPreviewOptions{IsDisabled: true},
			ReplyMarkup:        f.keyboard,
		})
		if err == nil && m != nil {
			leave(r.Print, m.Text, m.ReplyMarkup)
		}
		return err
	})
	if errors.Is(err, errNotModified) {
		leave(r.Print, f.plain, &f.keyboard) // as Telegram does not repeat what it says
		return nil
	}
	return err
}

// withFallback tries the markup, and if Telegram rejects that, the plain text.
func (b *Bot) withFallback(ctx context.Context, method string, chat int64, f form, do func(text, mode string) error) error {
	err := b.call(ctx, method, chat, func() error { return do(f.html, "HTML") })
	if !errors.Is(err, console.ErrRejected) {
		return err
	}
	b.log.Warn("markup rejected, sending plain text", "chat", chat, "err", err)
	return b.call(ctx, method, chat, func() error { return do(f.plain, "") })
}

// Delete implements console.Chat.
func (b *Bot) Delete(ctx context.Context, to console.Address, messageID int64) error {
	err := b.call(ctx, "deleteMessage", to.ChatID, func() error {
		_, err := b.api.DeleteMessageWithContext(ctx, to.ChatID, messageID, nil)
		return err
	})
	if errors.Is(err, console.ErrGone) {
		return nil
	}
	return err
}

// Document implements console.Chat.
func (b *Bot) Document(ctx context.Context, to console.Address, d console.Document) (messageID int64, err error) {
	name := fileName(d.Name.String())
	err = b.call(ctx, "sendDocument", to.ChatID, func() error {
		m, err := b.api.SendDocumentWithContext(ctx, to.ChatID,
			gotgbot.InputFileByReader(name, strings.NewReader(d.Text.String())),
			&gotgbot.SendDocumentOpts{
				MessageThreadId:             to.TopicID,
				Caption:                     shorten(d.Caption, maxCaption),
				DisableNotification:         true,
				DisableContentTypeDetection: true,
				RequestOpts:                 &gotgbot.RequestOpts{Timeout: uploadTimeout},
			})
		if err == nil {
			messageID = m.MessageId
		}
		return err
	})
	return messageID, err
}

// fileName keeps a file's name harmless, whatever the command was called.
func fileName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) || escapes("", 0, r) {
			return '-'
		}
		return r
	}, s)
	if s == "" {
		return "output.txt"
	}
	return s
}

// Answer implements console.Chat.
func (b *Bot) Answer(ctx context.Context, pressID string, note redact.Text, alert bool) error {
	return b.clean("answerCallbackQuery", second(b.api.AnswerCallbackQueryWithContext(ctx, pressID, &gotgbot.AnswerCallbackQueryOpts{
		Text: shorten(note, maxNote), ShowAlert: alert,
	})))
}

// Typing implements console.Chat.
func (b *Bot) Typing(ctx context.Context, to console.Address) error {
	return b.clean("sendChatAction", second(b.api.SendChatActionWithContext(ctx, to.ChatID, "typing", &gotgbot.SendChatActionOpts{
		MessageThreadId: to.TopicID,
	})))
}

// Leave implements console.Chat.
func (b *Bot) Leave(ctx context.Context, chatID int64) error {
	return b.call(ctx, "leaveChat", chatID, func() error {
		return second(b.api.LeaveChatWithContext(ctx, chatID, nil))
	})
}

func second(_ bool, err error) error { return err }
