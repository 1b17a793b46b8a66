package faketelegram_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/PaulSonOfLars/gotgbot/v2"

	"clawconsole/internal/chrometest"
	"clawconsole/internal/faketelegram"
)

// Attack: a website that somebody has open beside the demo posts a form to the Bot
// API on their machine, as browsers do without asking. With setWebhook every update
// goes to the site, the /auth with the secret among them.
func TestOtherSitesAreRefused(t *testing.T) {
	srv, root := serve(t, faketelegram.Config{})
	own := strings.TrimPrefix(root, "http://")
	api := root + "/bot" + faketelegram.Token
	for _, tt := range []struct {
		what, method, url, host, origin, site string
		want                                  int
	}{
		{"a form of another site", "POST", api + "/setWebhook", own, "https://evil.example", "cross-site", 403},
		{"an old browser's", "POST", api + "/setWebhook", own, "https://evil.example", "", 403},
		{"of a file or a sandboxed frame", "POST", api + "/setWebhook", own, "null", "cross-site", 403},
		{"a picture on another site", "GET", api + "/sendMessage?chat_id=1001&text=x", own, "", "cross-site", 403},
		{"another port of this machine", "GET", api + "/getUpdates", own, "http://127.0.0.1:1", "same-site", 403},
		{"a name that was pointed here", "GET", api + "/getMe", "evil.example", "", "same-origin", 421},
		{"a file", "GET", root + "/file/bot" + faketelegram.Token + "/x", own, "", "cross-site", 403},
		{"the page's stream", "GET", root + "/chat/events?after=0", own, "", "cross-site", 403},
		{"the page's history", "GET", root + "/chat/world", own, "http://127.0.0.1:1", "", 403},
		{"a link to the page", "GET", root + "/", own, "", "cross-site", 200},
		{"the bot itself", "GET", api + "/getMe", own, "", "", 200},
		{"the page", "GET", root + "/chat/world", own, "", "same-origin", 200},
	} {
		req, err := http.NewRequest(tt.method, tt.url, strings.NewReader("url=https://evil.example/"))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = tt.host
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if tt.origin != "" {
			req.Header.Set("Origin", tt.origin)
		}
		if tt.site != "" {
			req.Header.Set("Sec-Fetch-Site", tt.site)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != tt.want {
			t.Errorf("%s: %d, want %d", tt.what, res.StatusCode, tt.want)
		}
	}
	if calls := srv.Calls("setWebhook", "sendMessage", "getUpdates"); len(calls) > 0 {
		t.Errorf("calls were taken: %+v", calls)
	}
}

// Attack: another user of the same machine asks the page for what Alice has typed,
// and then types as Alice.
func TestPageWantsItsKey(t *testing.T) {
	_, root := serve(t, faketelegram.Config{Key: "the-key"})
	get := func(path, cookie string) (int, []*http.Cookie) {
		t.Helper()
		req, err := http.NewRequest("GET", root+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if cookie != "" {
			req.Header.Set("Cookie", cookie)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode, res.Cookies()
	}
	for _, path := range []string{"/", "/?key=", "/?key=the-ke", "/app.js", "/chat/world", "/chat/world?key=the-key", "/chat/events?after=0&key=the-key", "/chat/messages?chat=g-4001", "/chat/file/1"} {
		for _, cookie := range []string{"", "faketelegram_key=", "faketelegram_key=wrong"} {
			if code, cookies := get(path, cookie); code != 403 || len(cookies) > 0 {
				t.Errorf("GET %s with %q = %d %v, want 403", path, cookie, code, cookies)
			}
		}
	}
	req, err := http.NewRequest("POST", root+"/chat/send", strings.NewReader(`{"user":1001,"chat":"g-4001","text":"/run --yes id"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Chat", "1")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 403 {
		t.Errorf("POST /chat/send = %d, want 403", res.StatusCode)
	}

	code, cookies := get("/?key=the-key", "faketelegram_key=of-yesterday")
	if code != 200 || len(cookies) != 1 || cookies[0].SameSite != http.SameSiteStrictMode || !cookies[0].HttpOnly {
		t.Fatalf("GET /?key=… = %d %v, want a cookie for this site alone", code, cookies)
	}
	if code, _ := get("/chat/world", cookies[0].Name+"="+cookies[0].Value); code != 200 {
		t.Errorf("GET /chat/world with the cookie = %d", code)
	}
}

// The printed address opens the page, which then has no key in its own.
func TestPageOpensByKey(t *testing.T) {
	_, root := serve(t, faketelegram.Config{Key: "the-key"})
	b := client(t, root, faketelegram.Token)
	ctx, browser := browse(t)
	p, err := browser.Open(ctx, fmt.Sprintf("%s/?key=the-key#%d/p%d.%d", root, alice, b.Id, alice), chrometest.Phone)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(ctx, `document.querySelector('#title')?.textContent === 'clawconsole'`); err != nil {
		t.Fatal(err)
	}
	if _, err := b.SendMessage(alice, "hello", &gotgbot.SendMessageOpts{}); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(ctx, `document.querySelector('#messages').innerText.includes('hello') && !location.search`); err != nil {
		t.Fatal(err)
	}
	if f := p.Faults(); len(f) > 0 {
		t.Errorf("faults on the page: %q", f)
	}
}
