package telegram

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/PaulSonOfLars/gotgbot/v2"
)

// A Menu is what a chat offers behind its "/" button. The zero ChatID stands for
// every chat without a menu of its own.
type Menu struct {
	ChatID   int64
	Commands []MenuCommand
}

// A MenuCommand is one line of a Menu.
type MenuCommand struct {
	Name    string // "status": 1 to 32 of a-z, 0-9 and _
	Summary string // 1 to 256 characters
}

// A Memory keeps short strings over restarts.
type Memory interface {
	Meta(ctx context.Context, key string) (string, error) // "" if there is none
	SetMeta(ctx context.Context, key, value string) error
}

// SetMenus makes Telegram show menus. A menu that is the same as at the last call
// for this bot, by the hash that m remembers, is not sent. It goes on after an
// error and returns all of them. A chat that does not exist yet, of an operator who
// has never written to the bot, is console.ErrBlocked: it may be there later.
func (b *Bot) SetMenus(ctx context.Context, menus []Menu, m Memory) error {
	var errs []error
	for _, menu := range menus {
		errs = append(errs, b.setMenu(ctx, menu, m))
	}
	return errors.Join(errs...)
}

func (b *Bot) setMenu(ctx context.Context, menu Menu, m Memory) error {
	commands := make([]gotgbot.BotCommand, len(menu.Commands))
	for i, c := range menu.Commands {
		commands[i] = gotgbot.BotCommand{Command: c.Name, Description: c.Summary}
	}
	form, err := json.Marshal(commands)
	if err != nil {
		return fmt.Errorf("menu of chat %d: %w", menu.ChatID, err)
	}
	sum := sha256.Sum256(form)
	key, hash := fmt.Sprintf("menu/%d", menu.ChatID), hex.EncodeToString(sum[:])
	old, err := m.Meta(ctx, key)
	if err != nil {
		return fmt.Errorf("menu of chat %d: %w", menu.ChatID, err)
	}
	if old == hash {
		return nil
	}
	opts := &gotgbot.SetMyCommandsOpts{Scope: gotgbot.BotCommandScopeDefault{}}
	if menu.ChatID != 0 {
		opts.Scope = gotgbot.BotCommandScopeChat{ChatId: menu.ChatID}
	}
	err = b.call(ctx, "setMyCommands", menu.ChatID, func() error {
		return second(b.api.SetMyCommandsWithContext(ctx, commands, opts))
	})
	if err != nil {
		return fmt.Errorf("menu of chat %d: %w", menu.ChatID, err)
	}
	if err := m.SetMeta(ctx, key, hash); err != nil {
		return fmt.Errorf("menu of chat %d: %w", menu.ChatID, err)
	}
	return nil
}
