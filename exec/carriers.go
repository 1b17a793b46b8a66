package exec

import (
	"regexp"
	"slices"
	"strings"
)

// A carrier is a program that runs the command in its arguments.
type carrier struct {
	short string   // letters of options that take a value
	long  []string // the same, for --option value
	flags string   // letters of options that take none; others are not known, and not for a list
	runs  string   // those of short that run or write something themselves, and are not for a list
	skip  int      // arguments before the command
	env   bool     // NAME=value may stand before the command

	script  string // an option whose value is a script
	join    bool   // what follows is joined and given to a shell
	lookup  string // options with which nothing is run
	perArgs bool   // more words come from standard input

	replace string         // an option whose value is replaced by what is read
	mark    *regexp.Regexp // what is replaced, if no option says so
}

// replaces returns what in the command is replaced by the input of c's program, as the
// options before word at say; nil if nothing is.
func (k *carrier) replaces(c *command, at int) *regexp.Regexp {
	var marks []string
	for i, w := range c.words[:min(at, len(c.words))] {
		mark, ok := "", false
		switch {
		case i == 0 || k.replace == "":
			continue
		case strings.HasPrefix(w.text, "--"):
			var name string
			name, mark, _ = strings.Cut(w.text, "=")
			ok = strings.HasPrefix("--replace", name)
		case strings.HasPrefix(w.text, "-"):
			letter := strings.IndexAny(w.text, "i"+k.replace)
			if ok = letter > 0; ok {
				mark = w.text[letter+1:]
			}
			if ok && mark == "" && w.text[letter:] == k.replace && i+1 < len(c.words) {
				mark = c.words[i+1].text
			}
		}
		if ok && mark == "" {
			mark = "{}"
		}
		if ok {
			marks = append(marks, regexp.QuoteMeta(mark))
		}
	}
	if marks == nil {
		return k.mark
	}
	return regexp.MustCompile(strings.Join(marks, "|"))
}

// writes are long options like carrier.runs.
var writes = set("--output", "--property", "--sshlogin")

// knows reports whether option is one whose value, if it takes one, is told from the
// command: long ones written out, and letters in the table.
func (k *carrier) knows(option string) bool {
	if strings.HasPrefix(option, "--") {
		name, _, _ := strings.Cut(option, "=")
		return option == "--" || slices.Contains(k.long, name) && !writes[name] || strings.HasPrefix("--replace", name) && k.replace != ""
	}
	for _, letter := range option[1:] {
		switch {
		case strings.ContainsRune(k.runs, letter):
			return false
		case strings.ContainsRune(k.short+k.script+k.replace, letter), letter == 'i' && k.replace != "":
			return true // the rest is its value
		case !strings.ContainsRune(k.flags+k.lookup, letter):
			return false
		}
	}
	return true
}

// replaced returns c with what its program reads in place of mark, from word at on, and
// whether mark is there.
func (c *command) replaced(mark *regexp.Regexp, at int) (*command, bool) {
	with := field{text: hole, opaque: c.stdin.fetch}
	if c.stdin.known != nil {
		with = *c.stdin.known
		with.text = strings.TrimRight(with.text, "\n")
	}
	in, found := *c, false
	in.words, in.stdin = slices.Clone(c.words), stdin{}
	for i := at; i < len(in.words); i++ {
		if w := in.words[i]; mark.MatchString(w.text) {
			found = true
			in.words[i] = join(field{text: mark.ReplaceAllLiteralString(w.text, with.text), expanded: true}, field{
				glob: with.glob || w.glob, opaque: with.opaque || w.opaque, process: with.process || w.process,
			}, "")
		}
	}
	return &in, found
}

var carriers map[string]*carrier

func init() { // rules and carriers refer to each other
	carriers = map[string]*carrier{
		"env":             {flags: "i0v", short: "uC", long: []string{"--unset", "--chdir"}, env: true, script: "S"},
		"command":         {flags: "p", lookup: "vV"},
		"builtin":         {},
		"exec":            {flags: "cl", short: "a"},
		"nohup":           {},
		"nice":            {short: "n", long: []string{"--adjustment"}},
		"ionice":          {flags: "t", short: "cn", long: []string{"--class", "--classdata"}, lookup: "pPu"},
		"chrt":            {short: "TPD", skip: 1, lookup: "pm"},
		"taskset":         {skip: 1, lookup: "p"},
		"timeout":         {flags: "fpv", short: "ks", long: []string{"--kill-after", "--signal"}, skip: 1},
		"time":            {runs: "o", flags: "pqv", short: "fo", long: []string{"--format", "--output"}},
		"stdbuf":          {short: "ioe", long: []string{"--input", "--output", "--error"}},
		"unbuffer":        {},
		"setsid":          {flags: "cfw"},
		"strace":          {flags: "fqrtTvyz", runs: "o", short: "abeEIoOpPsSuUX"},
		"ltrace":          {runs: "o", short: "aAeEFlnopsuwxX"},
		"watch":           {flags: "bcdegtx", short: "nq", long: []string{"--interval", "--equexit"}, join: true},
		"xargs":           {flags: "0rtxoi", short: "adEILnPs", long: []string{"--arg-file", "--delimiter", "--max-args", "--max-procs", "--max-lines", "--max-chars"}, perArgs: true, replace: "I"},
		"parallel":        {runs: "SJ", flags: "k0t", short: "jaIJNnLS", long: []string{"--jobs", "--arg-file", "--sshlogin"}, join: true, perArgs: true, replace: "I", mark: regexp.MustCompile(`\{[#%./0-9]*\}`)},
		"flock":           {flags: "sxenuoF", short: "wEc", long: []string{"--timeout", "--conflict-exit-code"}, skip: 1, script: "c"},
		"chroot":          {skip: 1},
		"unshare":         {short: "SGRw"},
		"nsenter":         {short: "tSGW", long: []string{"--target"}},
		"setpriv":         {long: []string{"--reuid", "--regid", "--groups"}},
		"systemd-run":     {runs: "p", short: "puMEHt", long: []string{"--unit", "--property", "--description", "--slice", "--setenv", "--on-active", "--machine", "--host"}},
		"systemd-inhibit": {},
		"script":          {short: "cEIOBTmo", script: "c", skip: 1},
		"ssh":             {runs: "oFI", flags: "46AaCfNnqTtvXxY", short: "BbcDEeFIiJLlmOopQRSWw", skip: 1, join: true},
		"busybox":         {},
		"toybox":          {},
		"eatmydata":       {},
		"fakeroot":        {},
		"caffeinate":      {short: "tw"},
		"proxychains":     {short: "f"},
		"torsocks":        {},
		"catchsegv":       {},
		"valgrind":        {},
		"numactl":         {short: "CmNip"},
		"prlimit":         {},
	}
}

func (g *guard) carrier(k *carrier, c *command, listed int) error {
	i := 1
options:
	for ; i < len(c.words); i++ {
		a := c.words[i].text
		if g.listing() && i >= listed && strings.HasPrefix(a, "-") && !k.knows(a) {
			return &Refused{Part: c.part, Why: "has an option before the command that the allow list does not cover"}
		}
		switch {
		case a == "--":
			i++
			break options
		case strings.HasPrefix(a, "--"):
			name, value, attached := strings.Cut(a, "=")
			if k.script != "" && len(name) > 3 && (strings.HasPrefix("--split-string", name) || strings.HasPrefix("--command", name)) {
				if !attached && i+1 < len(c.words) {
					return g.nested(c, joined(c.words[i+1:]), i+1, listed)
				}
				f := c.words[i]
				f.text = value
				return g.nested(c, joined(append([]field{f}, c.words[i+1:]...)), i, listed)
			}
			if !attached && slices.Contains(k.long, name) {
				i++
			}
		case strings.HasPrefix(a, "-") && len(a) > 1:
			for j := 1; j < len(a); j++ {
				letter := a[j : j+1]
				if k.lookup != "" && strings.Contains(k.lookup, letter) {
					return nil
				}
				if k.script != "" && letter == k.script {
					if j+1 < len(a) {
						f := c.words[i]
						f.text = a[j+1:]
						return g.nested(c, joined(append([]field{f}, c.words[i+1:]...)), i, listed)
					}
					if i+1 < len(c.words) {
						return g.nested(c, joined(c.words[i+1:]), i+1, listed)
					}
					return nil
				}
				if strings.Contains(k.short, letter) {
					if j+1 == len(a) {
						i++
					}
					break
				}
			}
		case k.env && strings.Contains(a, "="):
			if g.listing() && listed <= i {
				return &Refused{Part: c.part, Why: whyVariable}
			}
			name, value, _ := strings.Cut(a, "=")
			if err := g.variable(c, name, value); err != nil {
				return err
			}
		case k.env && a == "-":
		default:
			break options
		}
	}
	i += k.skip
	if k.skip > 0 && k.script != "" { // flock FILE -c script
		if i < len(c.words) && (c.words[i].text == "-"+k.script || c.words[i].text == "--command") && i+1 < len(c.words) {
			return g.nested(c, c.words[i+1], i+1, listed)
		}
	}
	if i >= len(c.words) {
		switch {
		case c.more:
			return &Refused{Part: c.part, Why: whyProgram}
		case k.join && k.perArgs: // it runs what it reads
			return g.input(c)
		}
		return g.typed(c, len(c.words))
	}
	if mark := k.replaces(c, i); mark != nil {
		if in, ok := c.replaced(mark, i); ok {
			return g.carried(k, in, i, listed)
		}
	}
	return g.carried(k, c, i, listed)
}

// carried decides about the command that k carries from word i of c on.
func (g *guard) carried(k *carrier, c *command, i, listed int) error {
	if k.join && k.perArgs {
		if j := slices.IndexFunc(c.words[i:], func(f field) bool { return strings.HasPrefix(f.text, ":::") }); j >= 0 {
			return g.separated(k, c, i, i+j, listed)
		}
	}
	if k.join {
		words := joined(c.words[i:])
		if words.opaque && !c.words[i].opaque && !g.listing() {
			// The program is known, its arguments are not: that much is so everywhere.
			return g.inner(c, i, listed)
		}
		if err := g.nested(c, words, i, listed); err != nil {
			return err
		}
		// A shell at the other end reads what is sent to it.
		in := *c
		in.words = slices.Clone(c.words[:i])
		for _, w := range strings.Fields(words.text) {
			in.words = append(in.words, field{text: w, opaque: words.opaque, flags: words.flags})
		}
		return g.inner(&in, i, listed)
	}
	if k.perArgs && c.stdin.known != nil {
		in := *c
		in.words = slices.Clone(c.words)
		for _, w := range strings.Fields(c.stdin.known.text) {
			in.words = append(in.words, field{text: w})
		}
		in.stdin = stdin{}
		return g.inner(&in, i, listed)
	}
	c.more = c.more || k.perArgs && (c.stdin.piped || g.listing())
	return g.inner(c, i, listed)
}

// separated decides about parallel command ::: arguments, with ::: at word sep of c. If
// there is no command, the arguments are commands.
func (g *guard) separated(k *carrier, c *command, i, sep, listed int) error {
	in := *c
	if sep > i {
		in.words = slices.Delete(slices.Clone(c.words), sep, sep+1)
		return g.carried(k, &in, i, listed)
	}
	for at := sep + 1; at < len(c.words); at++ {
		if err := g.nested(c, c.words[at], at, listed); err != nil {
			return err
		}
	}
	return nil
}
