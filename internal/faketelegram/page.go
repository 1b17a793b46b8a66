package faketelegram

import (
	"crypto/subtle"
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

//go:embed page
var pageFiles embed.FS

// pageMessages is how many messages of a chat the page shows.
const pageMessages = 300

// pageCookie holds the key. Its name has no port, so two servers with keys on one
// machine are open in one browser in turn only.
const pageCookie = "faketelegram_key"

// admitted reports whether r has the key, if there is one.
func (s *Server) admitted(r *http.Request) bool {
	key := s.w.cfg.Key
	if key == "" {
		return true
	}
	c, err := r.Cookie(pageCookie)
	return err == nil && subtle.ConstantTimeCompare([]byte(c.Value), []byte(key)) == 1
}

// open takes the key from the page's address into a cookie, which browsers send to
// the page alone. It reports whether it has answered r.
func (s *Server) open(rw http.ResponseWriter, r *http.Request) bool {
	key := s.w.cfg.Key
	if key == "" || r.URL.Path != "/" || subtle.ConstantTimeCompare([]byte(r.FormValue("key")), []byte(key)) != 1 {
		return false
	}
	http.SetCookie(rw, &http.Cookie{Name: pageCookie, Value: key, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	// A redirect would come without the cookie if a link elsewhere has led here.
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(rw, `<!doctype html><meta charset="utf-8"><title>clawconsole</title><script src="/open.js"></script>`)
	return true
}

// page adds the chat for people and the calls it makes. Whoever has the key can be
// anyone in this world; nothing changes without a header that another site cannot
// send.
func (s *Server) page(mux *http.ServeMux) {
	files, err := fs.Sub(pageFiles, "page")
	if err != nil { // only a mistake in this package gets here
		panic(err)
	}
	static := http.FileServerFS(files)
	handle := func(pattern string, h http.HandlerFunc) {
		mux.HandleFunc(pattern, func(rw http.ResponseWriter, r *http.Request) {
			head := rw.Header()
			head.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "+
				"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
			head.Set("X-Content-Type-Options", "nosniff")
			head.Set("Referrer-Policy", "no-referrer")
			head.Set("Cross-Origin-Resource-Policy", "same-origin")
			head.Set("Cache-Control", "no-store")
			if s.open(rw, r) {
				return
			}
			if r.URL.Path != "/open.js" && !s.admitted(r) {
				http.Error(rw, "open the address that was printed at the start, with its key", http.StatusForbidden)
				return
			}
			if r.Method == http.MethodPost && r.Header.Get("X-Chat") != "1" {
				http.Error(rw, "header X-Chat is missing", http.StatusForbidden)
				return
			}
			h(rw, r)
		})
	}
	handle("GET /{$}", static.ServeHTTP)
	handle("GET /open.js", static.ServeHTTP)
	handle("GET /app.js", static.ServeHTTP)
	handle("GET /app.css", static.ServeHTTP)
	handle("GET /icon.svg", static.ServeHTTP)
	handle("GET /chat/world", s.pageWorld)
	handle("GET /chat/messages", s.pageHistory)
	handle("GET /chat/menu", s.pageMenu)
	handle("GET /chat/events", s.pageEvents)
	handle("GET /chat/file/{id}", s.pageFile)
	handle("POST /chat/send", s.pageSend)
	handle("POST /chat/edit", s.pageEdit)
	handle("POST /chat/delete", s.pageDelete)
	handle("POST /chat/press", s.pagePress)
}

// name is what the page calls a chat: p<bot>.<user> or g<chat>.
func (c *conv) name() string {
	if c.key.bot != 0 {
		return fmt.Sprintf("p%d.%d", c.key.bot, c.key.chat)
	}
	return fmt.Sprintf("g%d", c.key.chat)
}

// named finds a chat by its name, with the bot to see it as.
func (s *Server) named(name string) (*Server, *conv) {
	var key convKey
	if _, err := fmt.Sscanf(name, "p%d.%d", &key.bot, &key.chat); err != nil {
		key = convKey{}
		if _, err := fmt.Sscanf(name, "g%d", &key.chat); err != nil {
			return nil, nil
		}
	}
	c := s.w.convs[key]
	if c == nil {
		return nil, nil
	}
	if b := s.w.botByID(key.bot); b != nil {
		s = &Server{w: s.w, bot: b}
	}
	return s, c
}

// shown is a message as the page gets it.
type shown struct {
	Message
	Bot        int64       `json:"bot,omitempty"`
	Silent     bool        `json:"silent,omitempty"`
	Edited     bool        `json:"edited,omitempty"`
	ForceReply *ForceReply `json:"force_reply,omitempty"`
}

func (e *Entry) show() *shown {
	return &shown{e.Message, e.Bot, e.Silent, e.EditDate != 0, e.ForceReply}
}

func writeJSON(rw http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil { // only a mistake in this package gets here
		panic(err)
	}
	rw.Header().Set("Content-Type", "application/json")
	rw.Write(body)
}

// pageWorld tells who is there and which chats, each with its newest message.
func (s *Server) pageWorld(rw http.ResponseWriter, _ *http.Request) {
	type person struct {
		User
		Role string `json:"role,omitempty"`
	}
	type chat struct {
		Name    string  `json:"name"`
		Chat    Chat    `json:"chat"`
		Bot     int64   `json:"bot,omitempty"` // of a private chat
		Members []int64 `json:"members,omitempty"`
		Topics  []Topic `json:"topics,omitempty"`
		Last    *shown  `json:"last,omitempty"`
	}
	var world struct {
		Seq    int64    `json:"seq"`
		People []person `json:"people"`
		Bots   []User   `json:"bots"`
		Chats  []chat   `json:"chats"`
	}
	w := s.w
	w.mu.Lock()
	world.Seq = w.events.n
	for _, p := range w.people {
		world.People = append(world.People, person{*w.users[p.ID], p.Role})
	}
	add := func(c *conv) *chat {
		ch := chat{Name: c.name(), Chat: c.chat, Bot: c.key.bot}
		for i := len(c.entries) - 1; i >= 0 && ch.Last == nil; i-- {
			if e := c.entries[i]; !e.Deleted {
				ch.Last = e.show()
			}
		}
		world.Chats = append(world.Chats, ch)
		return &world.Chats[len(world.Chats)-1]
	}
	for _, b := range w.botList {
		world.Bots = append(world.Bots, *b.user)
		for _, p := range w.people {
			add(w.private(b, p.ID))
		}
	}
	for _, id := range w.groupIDs {
		g := w.groups[id]
		ch := add(w.convs[convKey{0, id}])
		for m := range g.members {
			ch.Members = append(ch.Members, m)
		}
		ch.Topics = g.Topics
	}
	w.mu.Unlock()
	writeJSON(rw, world)
}

// pageHistory tells the newest messages of a chat.
func (s *Server) pageHistory(rw http.ResponseWriter, r *http.Request) {
	s.w.mu.Lock()
	_, c := s.named(r.FormValue("chat"))
	history := struct {
		Seq      int64    `json:"seq"`
		Messages []*shown `json:"messages"`
	}{s.w.events.n, []*shown{}}
	if c != nil {
		for _, e := range c.entries[max(0, len(c.entries)-pageMessages):] {
			if !e.Deleted {
				history.Messages = append(history.Messages, e.show())
			}
		}
	}
	s.w.mu.Unlock()
	if c == nil {
		http.Error(rw, "no such chat", http.StatusNotFound)
		return
	}
	writeJSON(rw, history)
}

// pageMenu tells the commands that a person may pick in a chat.
func (s *Server) pageMenu(rw http.ResponseWriter, r *http.Request) {
	type item struct {
		Command
		Bot string `json:"bot"`
	}
	user, _ := strconv.ParseInt(r.FormValue("user"), 10, 64)
	items := []item{}
	s.w.mu.Lock()
	_, c := s.named(r.FormValue("chat"))
	if c != nil {
		for _, b := range s.w.botList {
			g := s.w.groups[c.chat.ID]
			if c.key.bot == b.user.ID || g != nil && g.members[b.user.ID] {
				for _, cmd := range s.w.menu(b, c.chat, user) {
					items = append(items, item{cmd, b.user.Username})
				}
			}
		}
	}
	s.w.mu.Unlock()
	writeJSON(rw, items)
}

// pageEvents streams changes as server-sent events, until the client goes away.
func (s *Server) pageEvents(rw http.ResponseWriter, r *http.Request) {
	type change struct {
		Seq     int64  `json:"seq"`
		Kind    string `json:"kind"`
		Chat    string `json:"chat,omitempty"`
		ID      int64  `json:"id,omitempty"`
		Message *shown `json:"message,omitempty"`
		Data    any    `json:"data,omitempty"`
	}
	after, err := strconv.ParseInt(r.FormValue("after"), 10, 64)
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		after, err = strconv.ParseInt(last, 10, 64)
	}
	if err != nil {
		http.Error(rw, "after is no number", http.StatusBadRequest)
		return
	}
	rw.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(rw)
	io.WriteString(rw, "retry: 500\n\n")
	keepAlive := time.NewTicker(15 * time.Second)
	defer keepAlive.Stop()
	for {
		var changes []change
		s.w.mu.Lock()
		news, complete := s.w.events.since(after)
		if !complete || after > s.w.events.n {
			// Too much was missed, or it is another server by now.
			news = []event{{seq: s.w.events.n, kind: "reset"}}
		}
		for _, ev := range news {
			ch := change{Seq: ev.seq, Kind: ev.kind, ID: ev.id, Data: ev.data}
			if ev.conv != nil {
				ch.Chat = ev.conv.name()
				if e := ev.conv.live(ev.id); e != nil && (ev.kind == "message" || ev.kind == "edit") {
					ch.Message = e.show()
				}
			}
			changes = append(changes, ch)
			after = ev.seq
		}
		changed := s.w.change()
		s.w.mu.Unlock()
		for _, ch := range changes {
			body, err := json.Marshal(ch)
			if err != nil { // only a mistake in this package gets here
				panic(err)
			}
			fmt.Fprintf(rw, "id: %d\ndata: %s\n\n", ch.Seq, body)
		}
		if flush.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-keepAlive.C:
			io.WriteString(rw, ": still here\n\n")
		case <-r.Context().Done():
			return
		case <-s.w.done:
			return
		}
	}
}

// pageFile gives the bytes of a document, always as a download.
func (s *Server) pageFile(rw http.ResponseWriter, r *http.Request) {
	s.w.mu.Lock()
	f := s.w.files[r.PathValue("id")]
	s.w.mu.Unlock()
	if f == nil {
		http.NotFound(rw, r)
		return
	}
	rw.Header().Set("Content-Type", "application/octet-stream")
	rw.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.doc.FileName}))
	rw.Write(f.content)
}

// act is what a person does on the page.
type act struct {
	User    int64  `json:"user"`
	Chat    string `json:"chat"`
	Message int64  `json:"message"`
	Text    string `json:"text"`
	ReplyTo int64  `json:"reply_to"`
	Topic   int64  `json:"topic"`
	Data    string `json:"data"`
}

// readAct reads it and checks that the person is in that chat.
func (s *Server) readAct(rw http.ResponseWriter, r *http.Request) (*Server, act, bool) {
	var a act
	if err := json.NewDecoder(http.MaxBytesReader(rw, r.Body, 1<<20)).Decode(&a); err != nil {
		http.Error(rw, "body is not the JSON of an act", http.StatusBadRequest)
		return nil, a, false
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	as, c := s.named(a.Chat)
	if c == nil {
		http.Error(rw, "no such chat", http.StatusNotFound)
		return nil, a, false
	}
	g := s.w.groups[c.chat.ID]
	u := s.w.users[a.User]
	if u == nil || u.IsBot || g == nil && c.chat.ID != a.User || g != nil && !g.members[a.User] {
		http.Error(rw, "not in this chat", http.StatusForbidden)
		return nil, a, false
	}
	return as, a, true
}

func (s *Server) pageSend(rw http.ResponseWriter, r *http.Request) {
	as, a, ok := s.readAct(rw, r)
	if !ok {
		return
	}
	text := strings.TrimSpace(a.Text)
	if n := utf16Len(text); n == 0 || n > maxText {
		http.Error(rw, "a message has 1 to 4096 characters", http.StatusBadRequest)
		return
	}
	s.w.mu.Lock()
	_, c := s.named(a.Chat)
	p := Post{From: a.User, Chat: c.chat.ID, Text: text, ReplyTo: a.ReplyTo, Topic: a.Topic}
	if c.chat.Type == "channel" {
		p.From = 0
	}
	m, err := as.w.send(as.bot, p)
	s.w.mu.Unlock()
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	writeJSON(rw, m)
}

// own finds a message of the person who acts.
func (s *Server) own(a act) (*conv, *Entry) {
	_, c := s.named(a.Chat)
	if e := c.live(a.Message); e != nil && e.From != nil && e.From.ID == a.User {
		return c, e
	}
	return c, nil
}

func (s *Server) pageEdit(rw http.ResponseWriter, r *http.Request) {
	as, a, ok := s.readAct(rw, r)
	if !ok {
		return
	}
	text := strings.TrimSpace(a.Text)
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	c, e := s.own(a)
	if e == nil || text == "" || utf16Len(text) > maxText {
		http.Error(rw, "no such message of yours, or a bad text", http.StatusBadRequest)
		return
	}
	as.edit(c, e, text)
	writeJSON(rw, true)
}

func (s *Server) pageDelete(rw http.ResponseWriter, r *http.Request) {
	_, a, ok := s.readAct(rw, r)
	if !ok {
		return
	}
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	_, c := s.named(a.Chat)
	e := c.live(a.Message)
	if e == nil || c.key.bot == 0 && (e.From == nil || e.From.ID != a.User) {
		http.Error(rw, "no such message of yours", http.StatusBadRequest)
		return
	}
	s.w.remove(c, e, a.User)
	writeJSON(rw, true)
}

func (s *Server) pagePress(rw http.ResponseWriter, r *http.Request) {
	as, a, ok := s.readAct(rw, r)
	if !ok {
		return
	}
	s.w.mu.Lock()
	_, c := s.named(a.Chat)
	s.w.mu.Unlock()
	p, err := as.Press(Press{User: a.User, Chat: c.chat.ID, Message: a.Message, Data: a.Data})
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	writeJSON(rw, map[string]string{"query": p.ID})
}
