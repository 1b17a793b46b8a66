package faketelegram_test

import (
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/PaulSonOfLars/gotgbot/v2"

	"clawconsole/internal/faketelegram"
	"clawconsole/internal/leaktest"
)

// TestMain fails if a test leaves a goroutine of the server behind.
func TestMain(m *testing.M) { os.Exit(leaktest.Wrap(m).Run()) }

func benchmark(b *testing.B) (*faketelegram.Server, *gotgbot.Bot) {
	b.Helper()
	srv, err := faketelegram.New(faketelegram.Config{})
	if err != nil {
		b.Fatal(err)
	}
	h := httptest.NewServer(srv)
	b.Cleanup(func() { srv.Close(); h.Close() })
	client := &gotgbot.BaseBotClient{DefaultRequestOpts: &gotgbot.RequestOpts{Timeout: time.Minute, APIURL: h.URL}}
	tr := h.Client().Transport
	client.Client.Transport = tr
	bot, err := gotgbot.NewBot(faketelegram.Token, &gotgbot.BotOpts{BotClient: client})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(client.Client.CloseIdleConnections)
	return srv, bot
}

// The real client over loopback, its own work included.
func BenchmarkSendMessage(b *testing.B) {
	_, bot := benchmark(b)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := bot.SendMessage(alice, "<b>OK</b>: /status\nup 3 d 4 h", &gotgbot.SendMessageOpts{ParseMode: "HTML"}); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// What the server itself costs: one call, without a network and a client.
func BenchmarkServerAlone(b *testing.B) {
	srv, _ := benchmark(b)
	body := "chat_id=1001&parse_mode=HTML&text=%3Cb%3EOK%3C%2Fb%3E%3A+%2Fstatus%0Aup+3+d+4+h"
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest("POST", "http://127.0.0.1/bot"+faketelegram.Token+"/sendMessage", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		rw := httptest.NewRecorder()
		srv.ServeHTTP(rw, r)
		if rw.Code != 200 {
			b.Fatal(rw.Body)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}

// People write, the bot fetches: how fast updates flow.
func BenchmarkUpdates(b *testing.B) {
	srv, bot := benchmark(b)
	b.ReportAllocs()
	var sent atomic.Int64
	go func() {
		for n := range b.N {
			for n-int(sent.Load()) > 10_000 { // bounded, as people are
				runtime.Gosched()
			}
			srv.Send(faketelegram.Post{Chat: alice, Text: "/status"})
		}
	}()
	offset := int64(0)
	for sent.Load() < int64(b.N) {
		us, err := bot.GetUpdates(&gotgbot.GetUpdatesOpts{Offset: offset, Timeout: 20})
		if err != nil {
			b.Fatal(err)
		}
		for _, u := range us {
			if offset != 0 && u.UpdateId != offset {
				b.Fatalf("update %d, want %d", u.UpdateId, offset)
			}
			offset = u.UpdateId + 1
		}
		sent.Add(int64(len(us)))
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}
