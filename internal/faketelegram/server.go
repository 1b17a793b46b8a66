// Package faketelegram is a Telegram Bot API server in memory, with people in
// it: for tests, benchmarks and the demo. It speaks HTTP, so that the real
// client is what is tested; it keeps state, so that what a bot does can be read
// back and what a person does arrives as an update; and it refuses what
// Telegram refuses, in Telegram's words.
//
// A test drives it from two sides. The bot talks to http://host/bot<token>/….
// The test plays the people: Send, Press, EditByUser, DeleteByUser, Block. It
// reads what the bot did with Messages, Calls and Commands, waits for it with
// Wait, and lets calls fail with OnCall. The page at / does the same by hand.
//
// What is left out: media other than documents, inline mode, polls, payments,
// Markdown, and Telegram's own rate limits (use OnCall).
package faketelegram

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The default world, used for whatever a Config leaves empty. Alice and Bob are
// meant as operators, Mallory as a stranger.
const (
	Token = "7000001:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

	Alice   int64 = 1001
	Bob     int64 = 1002
	Mallory int64 = 1003

	SmallGroup int64 = -4001          // a basic group of all three
	Supergroup int64 = -1001000000001 // a supergroup of all three
	Forum      int64 = -1001000000002 // a supergroup with topics, of all three
	Channel    int64 = -1001000000003 // a channel the bot is in

	TopicAlerts  int64 = 2 // message_thread_id of a topic of Forum
	TopicDeploys int64 = 3 // likewise
)

// Accounts of Telegram itself.
const (
	groupAnonymousBot int64 = 1087968824 // sends for anonymous administrators
	channelBot        int64 = 136817688  // sends for channels that write in a group
)

// Config is a world to start from. Every empty list gets the default one.
type Config struct {
	Bots   []Bot
	People []Person
	Groups []Group

	// Key is what the page asks of whoever opens it, as the parameter key of its
	// address; from then on their browser sends it as a cookie. Empty means that
	// everybody who can reach the page may be anyone in this world: for tests.
	Key string

	// MaxUpdates is how many unconfirmed updates are kept for each bot; the
	// oldest go first. Zero means 100,000.
	MaxUpdates int

	// MaxMessages is how many messages are kept for each chat, deleted ones
	// included; the oldest go first. Zero means 20,000.
	MaxMessages int

	// MaxCalls is how many API calls are kept for Calls. Zero means 20,000.
	MaxCalls int
}

// Bot is an account with a token.
type Bot struct {
	Token    string // <id>:<secret>; the number is the bot's user ID
	Username string // without @
	Name     string // empty means Username

	// Privacy is Telegram's privacy mode: in groups the bot gets only
	// commands, mentions of it and replies to it.
	Privacy bool
}

// Person is an account of a human.
type Person struct {
	ID       int64
	Name     string
	Username string // without @; may be empty
	Role     string // shown on the page beside the name, such as "operator"
}

// Group is a chat of several: a group, a supergroup or a channel.
type Group struct {
	ID       int64
	Type     string // "group", "supergroup" or "channel"; empty means "supergroup"
	Title    string
	Username string // public name without @; may be empty

	// Topics makes a forum of a supergroup. The general topic, 1, is implied.
	Topics []Topic

	// Members are user IDs, bots among them. Empty means everyone in Config.
	Members []int64

	// BotsAdmin makes the bots administrators, who may delete what others
	// wrote and see all messages.
	BotsAdmin bool
}

// Topic is a thread of a forum.
type Topic struct {
	ID    int64  `json:"id"` // message_thread_id
	Title string `json:"title"`
}

func (c Config) withDefaults() Config {
	if len(c.Bots) == 0 {
		c.Bots = []Bot{{Token: Token, Username: "clawconsole_bot", Name: "clawconsole"}}
	}
	if len(c.People) == 0 {
		c.People = []Person{
			{ID: Alice, Name: "Alice", Username: "alice", Role: "operator"},
			{ID: Bob, Name: "Bob", Username: "bob", Role: "operator"},
			{ID: Mallory, Name: "Mallory", Username: "mallory", Role: "stranger"},
		}
	}
	if c.Groups == nil {
		c.Groups = []Group{
			{ID: Supergroup, Type: "supergroup", Title: "On-call"},
			{ID: Forum, Type: "supergroup", Title: "Operations", Topics: []Topic{{TopicAlerts, "Alerts"}, {TopicDeploys, "Deploys"}}},
			{ID: SmallGroup, Type: "group", Title: "Night shift"},
			{ID: Channel, Type: "channel", Title: "Announcements", Username: "announcements"},
		}
	}
	if c.MaxUpdates == 0 {
		c.MaxUpdates = 100_000
	}
	if c.MaxMessages == 0 {
		c.MaxMessages = 20_000
	}
	if c.MaxCalls == 0 {
		c.MaxCalls = 20_000
	}
	return c
}

// Server is the Bot API, the people and the page. It is an http.Handler; all
// methods may be called concurrently.
//
// Where a method names a private chat it is the one with the server's first
// bot; With gives the same server with another bot in that place.
type Server struct {
	w   *world
	bot *bot
	mux *http.ServeMux
}

// New makes a world. It fails if the configuration contradicts itself. Close
// ends what the server started.
func New(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	w := &world{
		cfg:     cfg,
		start:   time.Now(),
		bots:    map[string]*bot{},
		users:   map[int64]*User{},
		groups:  map[int64]*group{},
		convs:   map[convKey]*conv{},
		presses: map[string]*press{},
		files:   map[string]*file{},
		changed: make(chan struct{}),
		done:    make(chan struct{}),
		calls:   newRing[*Call](cfg.MaxCalls),
		events:  newRing[event](4096),
	}
	for _, b := range cfg.Bots {
		idText, _, ok := strings.Cut(b.Token, ":")
		id, err := strconv.ParseInt(idText, 10, 64)
		if !ok || err != nil || id <= 0 {
			return nil, fmt.Errorf("bot %q: token is not <number>:<secret>", b.Username)
		}
		if w.users[id] != nil {
			return nil, fmt.Errorf("bot %q: user ID %d is taken", b.Username, id)
		}
		if b.Name == "" {
			b.Name = b.Username
		}
		nb := &bot{
			user:       &User{ID: id, IsBot: true, FirstName: b.Name, Username: b.Username},
			token:      b.Token,
			privacy:    b.Privacy,
			nextUpdate: 100_000_001,
			old:        newRing[*Update](10_000),
			commands:   map[scopeKey][]Command{},
			blocked:    map[int64]bool{},
		}
		w.bots[b.Token] = nb
		w.botList = append(w.botList, nb)
		w.users[id] = nb.user
	}
	for _, p := range cfg.People {
		if p.ID <= 0 {
			return nil, fmt.Errorf("person %q: user ID %d is not positive", p.Name, p.ID)
		}
		if w.users[p.ID] != nil {
			return nil, fmt.Errorf("person %q: user ID %d is taken", p.Name, p.ID)
		}
		w.users[p.ID] = &User{ID: p.ID, FirstName: p.Name, Username: p.Username, LanguageCode: "en"}
		w.people = append(w.people, p)
		for _, b := range w.botList {
			w.private(b, p.ID)
		}
	}
	s := &Server{w: w, bot: w.botList[0]}
	for _, g := range cfg.Groups {
		if err := s.AddGroup(g); err != nil {
			return nil, err
		}
	}
	s.mux = http.NewServeMux()
	s.page(s.mux)
	return s, nil
}

// With returns the same server with the bot of that username in the place of
// the first, for its private chats, its menu and its updates. It panics if there is no such
// bot, since only a mistake in a test gets there.
func (s *Server) With(username string) *Server {
	for _, b := range s.w.botList {
		if b.user.Username == username {
			return &Server{w: s.w, bot: b, mux: s.mux}
		}
	}
	panic(fmt.Sprintf("faketelegram: no bot %q", username))
}

// Close ends long polls, webhook deliveries and page streams, and waits for the
// deliveries. Calls that come later get an error. It may be called twice.
func (s *Server) Close() {
	s.w.mu.Lock()
	select {
	case <-s.w.done:
	default:
		close(s.w.done)
	}
	s.w.mu.Unlock()
	s.w.running.Wait()
}

// ServeHTTP serves the Bot API at /bot<token>/<method>, files at
// /file/bot<token>/<path>, and the page at /. It answers on loopback names only, and
// never to another website: a browser sends a simple request to any port of its own
// machine without asking, so neither is left to the token alone.
func (s *Server) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = strings.Trim(r.Host, "[]")
	}
	if !loopback(host) {
		http.Error(rw, "only on loopback", http.StatusMisdirectedRequest)
		return
	}
	if elsewhere(r) && !(r.Method == http.MethodGet && r.URL.Path == "/") { // a link to the page is harmless
		http.Error(rw, "not for other websites", http.StatusForbidden)
		return
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/bot"):
		s.serveCall(rw, r)
	case strings.HasPrefix(r.URL.Path, "/file/bot"):
		s.serveFile(rw, r)
	default:
		s.mux.ServeHTTP(rw, r)
	}
}

// elsewhere reports whether r was made by a browser for another site than the page,
// another port of this machine included.
func elsewhere(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" && origin != "http://"+r.Host {
		return true
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	}
	return true
}

// world is the state behind every Server that shares it.
type world struct {
	cfg    Config
	start  time.Time
	people []Person
	done   chan struct{} // closed by Close

	running sync.WaitGroup // webhook deliveries

	mu       sync.Mutex
	bots     map[string]*bot // by token
	botList  []*bot
	users    map[int64]*User
	groups   map[int64]*group
	groupIDs []int64
	convs    map[convKey]*conv
	presses  map[string]*press
	files    map[string]*file // by file_id
	lastID   int64            // of presses and files
	skew     time.Duration
	onCall   func(Call) *Fault
	calls    *ring[*Call]
	events   *ring[event]
	changed  chan struct{} // closed at the next change, if waited for
	waiting  bool
}

// bot is an account with its updates.
type bot struct {
	user       *User
	token      string
	privacy    bool
	queue      []*queued // unconfirmed, oldest first
	again      []*Update // to be delivered once more whatever the offset
	old        *ring[*Update]
	nextUpdate int64
	allowed    map[string]bool // nil: all but the ones off by default
	allowedRaw []string
	poll       *poll
	hook       *webhook
	commands   map[scopeKey][]Command
	blocked    map[int64]bool // by user
}

type queued struct {
	*Update
	at time.Time
}

type group struct {
	Group
	members map[int64]bool
	kicked  map[int64]bool // bots that were thrown out rather than left
	topics  map[int64]string
}

// convKey is a chat; private chats differ by bot.
type convKey struct{ bot, chat int64 }

// conv is a chat with its messages. Message IDs count from 1 in each chat.
type conv struct {
	key     convKey
	chat    Chat
	first   int64 // ID of entries[0]
	entries []*Entry
}

func (c *conv) get(id int64) *Entry {
	if i := id - c.first; i >= 0 && i < int64(len(c.entries)) {
		return c.entries[i]
	}
	return nil
}

// live is like get but knows nothing of deleted messages.
func (c *conv) live(id int64) *Entry {
	if e := c.get(id); e != nil && !e.Deleted {
		return e
	}
	return nil
}

func (c *conv) next() int64 { return c.first + int64(len(c.entries)) }

// Entry is a message with what the Bot API does not show of it.
type Entry struct {
	Message
	At         time.Time   // when the server got it; its Date may be another
	Bot        int64       // the bot that sent it, 0 for people
	Silent     bool        // sent with disable_notification
	ForceReply *ForceReply // sent with it
	Versions   []Version   // what it was before each edit, oldest first
	Content    []byte      // of the document; not to be changed
	Deleted    bool
	DeletedBy  int64 // user ID of a person or a bot
}

// Version is a former state of an edited message.
type Version struct {
	Text        string
	Entities    []Entity
	ReplyMarkup *InlineKeyboard
	Until       time.Time // when it was replaced
}

// event is a change that the page hears of.
type event struct {
	seq  int64
	kind string
	conv *conv
	id   int64 // message
	data any
}

// private gives the private chat of b and user, which it makes if needed.
func (w *world) private(b *bot, user int64) *conv {
	key := convKey{b.user.ID, user}
	c := w.convs[key]
	if c == nil {
		u := w.users[user]
		c = &conv{key: key, first: 1, chat: Chat{ID: user, Type: "private", FirstName: u.FirstName, Username: u.Username}}
		w.convs[key] = c
	}
	return c
}

// conv gives the chat that b knows under that ID, or nil.
func (w *world) conv(b *bot, chat int64) *conv {
	if chat < 0 {
		return w.convs[convKey{0, chat}]
	}
	if u := w.users[chat]; u == nil || u.IsBot {
		return nil
	}
	return w.private(b, chat)
}

// now is Telegram's clock.
func (w *world) now() time.Time { return time.Now().Add(w.skew) }

// add appends a message to a chat and gives it its ID.
func (w *world) add(c *conv, e *Entry) *Entry {
	e.MessageID = c.next()
	e.Chat = c.chat
	e.At = time.Now()
	c.entries = append(c.entries, e)
	if n := len(c.entries); n > w.cfg.MaxMessages+w.cfg.MaxMessages/4 {
		drop := n - w.cfg.MaxMessages
		for _, old := range c.entries[:drop] {
			if old.Document != nil {
				delete(w.files, old.Document.FileID)
			}
		}
		c.entries = append([]*Entry(nil), c.entries[drop:]...)
		c.first += int64(drop)
	}
	w.emit("message", c, e.MessageID, nil)
	return e
}

// emit records a change for the page and wakes whoever waits for one.
func (w *world) emit(kind string, c *conv, id int64, data any) {
	w.events.add(event{seq: w.events.n + 1, kind: kind, conv: c, id: id, data: data})
	w.wake()
}

func (w *world) wake() {
	if w.waiting {
		close(w.changed)
		w.changed = make(chan struct{})
		w.waiting = false
	}
}

// change gives a channel that is closed at the next change.
func (w *world) change() <-chan struct{} {
	w.waiting = true
	return w.changed
}

// ring keeps the last of what is added to it.
type ring[T any] struct {
	buf []T
	max int
	n   int64 // how many were ever added
}

func newRing[T any](max int) *ring[T] { return &ring[T]{max: max} }

func (r *ring[T]) add(v T) {
	if len(r.buf) < r.max {
		r.buf = append(r.buf, v)
	} else {
		r.buf[r.n%int64(r.max)] = v
	}
	r.n++
}

// since gives what was added after the first n, oldest first, and whether all
// of it is still there.
func (r *ring[T]) since(n int64) (vs []T, complete bool) {
	oldest := r.n - int64(len(r.buf))
	complete = n >= oldest
	for i := max(n, oldest); i < r.n; i++ {
		vs = append(vs, r.buf[i%int64(r.max)])
	}
	return vs, complete
}
