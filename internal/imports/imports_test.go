package imports_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "clawconsole"

// A rule is what the code of one package, its tests left out, may import.
type rule struct {
	ours     string // packages of this module, by path below it; "*" for all
	foreign  string // modules or packages of others, with all below them
	not      string // packages of the standard library that are forbidden
	testOnly bool   // may be imported by tests only
}

// The order of the packages is from the wire to the leaves. A package that is
// not here may not exist, so that a new one has to be thought about.
var rules = map[string]rule{
	"cmd/clawconsole": {ours: "*", foreign: "github.com/alecthomas/kong github.com/BurntSushi/toml github.com/google/shlex golang.org/x/sys"},

	// The conversation. Telegram stops at one package.
	"console":          {ours: "auth commands openclaw redact internal/approvals internal/audit"},
	"console/telegram": {ours: "console auth redact", foreign: "github.com/PaulSonOfLars/gotgbot/v2"},
	"commands":         {ours: "auth exec openclaw internal/approvals internal/audit", foreign: "github.com/alecthomas/kong github.com/google/shlex"},
	"openclaw":         {ours: "exec", foreign: "github.com/coder/websocket"},

	"internal/approvals": {ours: "auth openclaw internal/audit internal/state"},
	"internal/audit":     {ours: "redact"},
	"internal/ledger":    {ours: "console internal/state"},
	"internal/state":     {foreign: "modernc.org/sqlite"},

	// Leaves.
	"auth":   {foreign: "golang.org/x/time/rate"},
	"redact": {},
	"exec":   {foreign: "mvdan.cc/sh/v3/syntax"},

	// Stand-ins, for tests and the demo: they import nothing of ours, so that a
	// mistake is not made twice, and not testing, so that the demo can have them.
	"internal/faketelegram": {not: "testing"},
	"internal/fakegateway":  {foreign: "github.com/coder/websocket", not: "testing"},
	"internal/mockmodel":    {not: "testing"},
	"internal/realgateway":  {not: "testing"},

	// Helpers of tests.
	"internal/realgateway/gatewaytest": {ours: "internal/leaktest internal/mockmodel internal/realgateway", testOnly: true},
	"internal/chrometest":              {foreign: "github.com/coder/websocket", testOnly: true},
	"internal/leaktest":                {testOnly: true},
	"internal/imports":                 {},
}

// sole are packages that belong to some of ours, their tests included: each
// wraps one outside technology so that nobody else knows it.
var sole = map[string]string{
	"github.com/PaulSonOfLars/gotgbot/v2": "console/telegram internal/faketelegram", // the latter in tests: it is for that client
	"modernc.org/sqlite":                  "internal/state",
	"github.com/coder/websocket":          "openclaw internal/fakegateway internal/chrometest cmd/clawconsole", // the last in tests: benchmarks measure the gateway beside us
}

// An imported is one import of one file.
type imported struct {
	file string // below the module's root
	path string
	test bool
}

// check returns what is wrong with an import, or "".
func (i imported) check() string {
	pkg := path.Dir(i.file)
	for p, owners := range sole {
		if under(i.path, p) && !slices.Contains(strings.Fields(owners), pkg) {
			return fmt.Sprintf("%s may be imported by %s only", p, owners)
		}
	}
	r, ok := rules[pkg]
	if !ok {
		return fmt.Sprintf("package %s has no rule", pkg)
	}
	if i.test {
		return ""
	}
	below, ours := strings.CutPrefix(i.path, module+"/")
	switch {
	case ours && rules[below].testOnly && !r.testOnly:
		return "for tests only"
	case ours && (r.ours == "*" || slices.Contains(strings.Fields(r.ours), below)):
		return ""
	case ours:
		return fmt.Sprintf("%s may import of ours: %q", pkg, r.ours)
	case slices.ContainsFunc(strings.Fields(r.not), func(p string) bool { return under(i.path, p) }):
		return fmt.Sprintf("%s may not import %s", pkg, i.path)
	case !strings.Contains(strings.Split(i.path, "/")[0], "."):
		return "" // standard library
	case slices.ContainsFunc(strings.Fields(r.foreign), func(p string) bool { return under(i.path, p) }):
		return ""
	}
	return fmt.Sprintf("%s may import of others: %q", pkg, r.foreign)
}

func under(p, root string) bool { return p == root || strings.HasPrefix(p, root+"/") }

func TestImports(t *testing.T) {
	root := filepath.Join("..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	packages := make(map[string]bool)
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			base := d.Name()
			if name != root && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || base == "node_modules") {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil && name != root {
				return filepath.SkipDir // another module
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		below, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		below = filepath.ToSlash(below)
		packages[path.Dir(below)] = true
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range f.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			i := imported{below, p, strings.HasSuffix(name, "_test.go")}
			if why := i.check(); why != "" {
				t.Errorf("%s imports %q: %s", i.file, i.path, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range packages {
		if _, ok := rules[pkg]; !ok {
			t.Errorf("package %s has no rule", pkg)
		}
	}
	for pkg := range rules {
		if !packages[pkg] {
			t.Errorf("rule for %s, which is not there", pkg)
		}
	}
}

// TestRules shows that the rules can fail: the imports that matter most.
func TestRules(t *testing.T) {
	for _, tt := range []struct {
		i  imported
		ok bool
	}{
		{imported{"console/router.go", "clawconsole/auth", false}, true},
		{imported{"console/router.go", "clawconsole/internal/state", false}, false},
		{imported{"console/router.go", "clawconsole/console/telegram", false}, false},
		{imported{"console/router.go", "github.com/PaulSonOfLars/gotgbot/v2", false}, false},
		{imported{"console/router_test.go", "github.com/PaulSonOfLars/gotgbot/v2", true}, false},
		{imported{"console/telegram/bot.go", "github.com/PaulSonOfLars/gotgbot/v2", false}, true},
		{imported{"console/telegram/bot.go", "github.com/PaulSonOfLars/gotgbot/v2/ext", false}, true},
		{imported{"console/telegram/bot.go", "clawconsole/commands", false}, false},
		{imported{"commands/run.go", "clawconsole/console", false}, false},
		{imported{"auth/gate.go", "clawconsole/redact", false}, false},
		{imported{"auth/gate.go", "golang.org/x/time/rate", false}, true},
		{imported{"auth/gate.go", "golang.org/x/time", false}, false},
		{imported{"redact/redact.go", "golang.org/x/text/unicode/norm", false}, false},
		{imported{"redact/redact.go", "regexp", false}, true},
		{imported{"exec/guard.go", "mvdan.cc/sh/v3/syntax", false}, true},
		{imported{"exec/guard.go", "mvdan.cc/sh/v3/interp", false}, false},
		{imported{"internal/state/state.go", "modernc.org/sqlite/lib", false}, true},
		{imported{"internal/approvals/broker.go", "modernc.org/sqlite", false}, false},
		{imported{"internal/state/state.go", "clawconsole/redact", false}, false},
		{imported{"internal/faketelegram/server.go", "testing", false}, false},
		{imported{"internal/faketelegram/server.go", "testing/synctest", false}, false},
		{imported{"internal/faketelegram/server_test.go", "testing", true}, true},
		{imported{"internal/fakegateway/server.go", "clawconsole/openclaw", false}, false},
		{imported{"internal/mockmodel/answer.go", "github.com/coder/websocket", false}, false},
		{imported{"cmd/clawconsole/main.go", "clawconsole/internal/chrometest", false}, false},
		{imported{"cmd/clawconsole/main.go", "github.com/coder/websocket", false}, false},
		{imported{"cmd/clawconsole/main.go", "clawconsole/internal/state", false}, true},
		{imported{"cmd/clawconsole/main.go", "github.com/PaulSonOfLars/gotgbot/v2", false}, false},
		{imported{"util/util.go", "fmt", false}, false},
	} {
		if why := tt.i.check(); (why == "") != tt.ok {
			t.Errorf("%s imports %q: %q, want allowed %v", tt.i.file, tt.i.path, why, tt.ok)
		}
	}
}
