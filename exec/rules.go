package exec

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// command decides about one simple command, and about what it carries.
func (g *guard) command(c *command) error {
	if g.depth++; g.depth > maxDepth {
		return &Refused{Part: c.part, Why: "too deeply nested to be read"}
	}
	defer func() { g.depth-- }()

	names, ok := c.names()
	if !ok {
		return &Refused{Part: c.part, Why: whyProgram}
	}
	named := 0
	if g.listing() {
		if c.assigns {
			return &Refused{Part: c.part, Why: whyVariable}
		}
		if named = listed(g.allow, c.words); named == 0 {
			return &Refused{Part: c.part, Why: whyNotListed}
		}
	}
	for _, name := range names {
		if err := g.named(name, c, named); err != nil {
			return err
		}
	}
	return g.alias(c)
}

// alias decides about c once more if its name was given to another command. What is
// aliased is looked at when that is done; here it gets its arguments.
func (g *guard) alias(c *command) error {
	name := c.words[0].text
	words, ok := g.aliases[name]
	if !ok || slices.Contains(c.aliased, name) {
		return nil
	}
	in := *c
	in.words = slices.Concat(words, c.words[1:])
	in.aliased = append(slices.Clone(c.aliased), name)
	return g.unlisted().command(&in)
}

// learnAlias notes that name stands for words.
func (g *guard) learnAlias(name string, words []string) {
	g.aliases[name] = nil
	for _, w := range words {
		g.aliases[name] = append(g.aliases[name], field{text: w})
	}
	if len(words) == 0 {
		delete(g.aliases, name)
	}
}

// names returns the base names that c's program may have: one as a rule; those that
// matter, if a part of the name cannot be foreseen; false, if nothing is known of it.
func (c *command) names() ([]string, bool) {
	f := c.words[0]
	if f.static() {
		if f.text == "" {
			return nil, false
		}
		return []string{base(f.text)}, true
	}
	last := base(f.text)
	if f.process || strings.Trim(last, hole) == "" {
		return nil, false
	}
	// What is not foreseen may hold a blank, and the name ends there.
	var names []string
	before, _, _ := strings.Cut(f.text, hole)
	for name := range guarded() {
		if base(before) == name || match(last, name) {
			names = append(names, name)
		}
	}
	if !strings.Contains(last, hole) {
		names = append(names, last)
	}
	slices.Sort(names)
	return names, true
}

// match reports whether s can be pattern, whose holes stand for anything.
func match(pattern, s string) bool {
	var b strings.Builder
	for i, lit := range strings.Split(pattern, hole) {
		if i > 0 {
			b.WriteByte('*')
		}
		for _, c := range lit {
			if strings.ContainsRune(`*?[]\`, c) {
				b.WriteByte('\\')
			}
			b.WriteRune(c)
		}
	}
	ok, err := path.Match(b.String(), s)
	return ok || err != nil
}

// guarded returns every name that some rule is about.
var guarded = sync.OnceValue(func() map[string]bool {
	all := make(map[string]bool)
	for name := range rules {
		all[name] = true
	}
	for name := range carriers {
		all[name] = true
	}
	for name := range roamers {
		all[name] = true
	}
	for _, name := range []string{"sh", "bash", "dash", "ash", "zsh", "ksh", "fish", "csh", "eval", "find", "mkfs.ext4"} {
		all[name] = true
	}
	return all
})

// named applies what is known of a program called name. The first words of c, as many
// as listed says, are named by the allow list.
func (g *guard) named(name string, c *command, listed int) error {
	args := c.words[1:]
	if why := g.whyMade(c.words[0].text); why != "" && strings.Contains(c.words[0].text, "/") {
		return &Refused{Part: c.part, Why: why}
	}
	if name == "mkfs" || strings.HasPrefix(name, "mkfs.") {
		name = "mkfs"
	}
	if rule := rules[name]; rule != nil && !asksForHelp(args) {
		for _, in := range g.fromDirs(args) {
			if why := rule(in); why != "" {
				return &Refused{Part: c.part, Why: why}
			}
		}
	}
	if err := g.scripts(name, c); err != nil {
		return err
	}
	switch {
	case shells.MatchString(name):
		return g.shell(c, listed)
	case interpreter.MatchString(name):
		return g.interpreter(name, c)
	case carriers[name] != nil:
		return g.carrier(carriers[name], c, listed)
	}
	switch name {
	case "eval":
		at := 1
		if len(args) > 0 && args[0].text == "--" {
			args, at = args[1:], 2
		}
		return g.nested(c, joined(args), at, listed)
	case "source", ".":
		for _, a := range args {
			if isStdin(a.text) {
				return g.input(c)
			}
			if err := g.scriptFile(c, a); err != nil {
				return err
			}
		}
	case "trap":
		at := 1
		if len(args) > 0 && args[0].text == "--" {
			args, at = args[1:], 2
		}
		if len(args) > 1 && args[0].text != "" && !strings.HasPrefix(args[0].text, "-") {
			return g.nested(c, args[0], at, listed)
		}
	case "alias":
		if err := g.typed(c, len(c.words)); err != nil {
			return err
		}
		for i, a := range args {
			if name, value, ok := strings.Cut(a.text, "="); ok {
				a.text = value
				if err := g.nested(c, a, 1+i, listed); err != nil {
					return err
				}
				g.learnAlias(name, strings.Fields(value))
			}
		}
	case "hash":
		if len(args) > 2 && args[0].text == "-p" {
			g.learnAlias(args[2].text, []string{args[1].text})
		}
	case "at", "batch":
		if c.stdin.piped {
			return g.input(c)
		}
	case "find":
		return g.find(c, listed)
	case "crontab":
		if c.stdin.piped && slices.ContainsFunc(args, func(f field) bool { return isStdin(f.text) }) || len(args) == 0 {
			return g.crontab(c)
		}
	case "make", "gmake":
		if readsStdin(args) && c.stdin.piped {
			return &Refused{Part: c.part, Why: whyUnseen}
		}
	}
	if verbs, ok := roamers[name]; ok {
		return g.roam(verbs, c)
	}
	return nil
}

func asksForHelp(args []field) bool {
	return len(args) == 1 && (args[0].text == "--help" || args[0].text == "--version")
}

func isStdin(s string) bool {
	return s == "-" || s == "/dev/stdin" || s == "/dev/fd/0" || s == "/proc/self/fd/0"
}

// typed refuses words of c before word at that are not as typed, if there is a list:
// what they give may move the words behind them.
func (g *guard) typed(c *command, at int) error {
	if g.listing() && slices.ContainsFunc(c.words[:at], func(f field) bool { return f.expanded }) {
		return &Refused{Part: c.part, Why: whyProgram}
	}
	return nil
}

// nested reads a script that is word at of c.
func (g *guard) nested(c *command, script field, at, listed int) error {
	if err := g.typed(c, at); err != nil {
		return err
	}
	in := *g
	if listed > at { // the list names the script itself
		in.allow = nil
	}
	return in.seen(script, c.part)
}

// unlisted returns a guard without the list.
func (g *guard) unlisted() *guard {
	in := *g
	in.allow = nil
	return &in
}

// inner decides about the command that begins at word at of c.
func (g *guard) inner(c *command, at, listed int) error {
	if at >= len(c.words) {
		return g.typed(c, len(c.words))
	}
	if err := g.typed(c, at); err != nil {
		return err
	}
	in := *g
	if listed > at {
		in.allow = nil
	}
	return in.command(&command{part: c.part, words: c.words[at:], stdin: c.stdin, more: c.more, network: c.network})
}

// input decides about a script that comes on standard input.
func (g *guard) input(c *command) error {
	switch {
	case c.stdin.fetch:
		return &Refused{Part: c.part, Why: whyFetched}
	case c.stdin.known != nil:
		return g.seen(*c.stdin.known, c.part)
	case c.stdin.piped:
		return &Refused{Part: c.part, Why: whyUnseen}
	}
	return nil
}

// shells are the base names of shells, also with a version behind them.
var shells = regexp.MustCompile(`^((r?ba|da|a|z|fi|po|ya|t?c|r|o|la|hu)?sh|(r|m|pd|o|lo|l)?ksh|xonsh|elvish|nu|oils?)[0-9.]*(-static)?$`)

// shellOptions are the options of a shell that matter here.
type shellOptions struct {
	command bool // -c: the first word is a script
	stdin   bool // -s: the script is on standard input
	words   int  // where the words begin
}

// readShellOptions reads the options of a shell, and reports false if they cannot be told. Each o
// and O takes a value, also behind a c.
// Source: POSIX.1-2017, sh; bash(1), OPTIONS.
func readShellOptions(args []field) (o shellOptions, ok bool) {
	for o.words < len(args) {
		switch a := args[o.words]; {
		case a.text == "--" || a.text == "-":
			o.words++
			return o, true
		case a.text == "--rcfile" || a.text == "--init-file":
			o.words += 2
		case strings.HasPrefix(a.text, "--"):
			o.command = o.command || a.text == "--command" // fish
			o.words++
		case !strings.HasPrefix(a.text, "-") && !strings.HasPrefix(a.text, "+"):
			return o, !a.process
		case !regexShellOption.MatchString(a.text):
			return o, false
		default:
			o.command = o.command || strings.Contains(a.text, "c")
			o.stdin = o.stdin || strings.Contains(a.text, "s")
			o.words += 1 + strings.Count(strings.ToLower(a.text), "o")
		}
	}
	return o, true
}

var regexShellOption = regexp.MustCompile(`^[-+][A-Za-z0-9]+$`)

// shell decides about sh [options] [script or file] words.
func (g *guard) shell(c *command, listed int) error {
	if c.network {
		return &Refused{Part: c.part, Why: whyNetwork}
	}
	o, ok := readShellOptions(c.words[1:])
	words := c.words[min(1+o.words, len(c.words)):]
	switch {
	case !ok:
		return &Refused{Part: c.part, Why: whyUnseen}
	case len(words) == 0 && c.more && (o.command || g.listing()):
		return &Refused{Part: c.part, Why: whyUnseen}
	case o.command && len(words) == 0:
		return nil
	case o.command:
		return g.nested(c, words[0], len(c.words)-len(words), listed)
	case o.stdin || len(words) == 0:
		return g.input(c)
	}
	return g.scriptFile(c, words[0])
}

func (g *guard) scriptFile(c *command, f field) error {
	switch {
	case f.process || f.opaque || g.listing() && f.expanded:
		return &Refused{Part: c.part, Why: whyUnseen}
	case isStdin(f.text):
		return g.input(c)
	case g.whyMade(f.text) != "":
		return &Refused{Part: c.part, Why: g.whyMade(f.text)}
	}
	return nil
}

// Interpreters of other languages. Their programs are not read, but for the shell
// commands that stand in them as strings.
var interpreter = regexp.MustCompile(`^(python|perl|ruby|node|nodejs|php|lua|tclsh|awk|gawk|mawk|nawk|deno|bun|osascript|pwsh)[0-9.]*$`)

var (
	startsShell = regexp.MustCompile("system|getline|[|] *\"|popen|Popen|subprocess|exec|spawn|qx|`|shell")
	literals    = regexp.MustCompile("\"((?:[^\"\\\\]|\\\\.)*)\"|'((?:[^'\\\\]|\\\\.)*)'|`([^`]*)`|qx *[({/|!]([^(){}/|!]*)[)}/|!]")
	forksOn     = regexp.MustCompile(`(?s)(while|for|until|loop|1 *;).*\bfork\b|\bfork\b.*(while|for|until|loop)`)
	removesTree = regexp.MustCompile(`\brmtree\b|\bremove_tree\b|\brm_rf\b|\brm_r\b|\brmSync\b|deltree`)
)

// codeLetters are the options of interpreters that take a program, attached or as the
// next word.
var codeLetters = []struct {
	name    *regexp.Regexp
	letters string
}{
	{regexp.MustCompile(`^python`), "c"},
	{regexp.MustCompile(`^perl`), "eE"},
	{regexp.MustCompile(`^(node|deno|bun)`), "ep"},
	{regexp.MustCompile(`^php`), "rBRE"},
	{regexp.MustCompile(`^pwsh`), "c"},
	{regexp.MustCompile(``), "e"},
}

// codeIn returns what in option word a is a program, and whether a program is its value.
func codeIn(name, a string) (attached string, next bool) {
	if strings.HasPrefix(a, "--") {
		option, value, ok := strings.Cut(a, "=")
		long := option == "--eval" || option == "--print" || option == "--execute" || option == "--source"
		return value, long && !ok
	}
	for _, l := range codeLetters {
		if !l.name.MatchString(name) {
			continue
		}
		at := strings.IndexAny(a, l.letters)
		if at < 1 || strings.ContainsFunc(a[1:at], func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }) {
			return "", false
		}
		return a[at+1:], at+1 == len(a) || strings.IndexByte(l.letters, a[len(a)-1]) >= 0
	}
	return "", false
}

// An invocation is how an interpreter is called.
type invocation struct {
	code   field // programs in the arguments
	inline bool  // there are some
	file   bool  // the program is in a file
	script field // that file
}

// invoked reads the arguments of an interpreter other than awk.
func invoked(name string, args []field) (v invocation) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case isStdin(a.text):
			return v
		case strings.HasPrefix(a.text, "-"):
			attached, next := codeIn(name, a.text)
			if attached != "" {
				a.text = attached
				v.code, v.inline = join(v.code, a, "\n"), true
			}
			if next && i+1 < len(args) {
				i++
				v.code, v.inline = join(v.code, args[i], "\n"), true
			}
			v.file = v.file || strings.HasPrefix(a.text, "-m") && strings.HasPrefix(name, "python")
		default:
			if !v.file {
				v.file, v.script = true, a
			}
		}
	}
	return v
}

// awkOptions are the options of awk that take a value, by their long names in gawk.
// Source: POSIX.1-2017, awk; gawk manual, 2.2 Command-Line Options.
var awkOptions = map[string]string{
	"--field-separator": "-F", "--assign": "-v", "--file": "-f", "--exec": "-E",
	"--source": "-e", "--include": "-i", "--load": "-l",
}

// awkOption returns the option in a, by its short name, and its value if that is attached.
func awkOption(a field) (option string, value field) {
	value = a
	if strings.HasPrefix(a.text, "--") {
		option, value.text, _ = strings.Cut(a.text, "=")
		return awkOptions[option], value
	}
	value.text = a.text[2:]
	return a.text[:2], value
}

// invokedAwk reads the arguments of awk. The program is the first that is no option,
// unless an option gives it.
func invokedAwk(args []field) (v invocation) {
	given := false
	for i := 0; i < len(args); i++ {
		a := args[i]
		if len(a.text) < 2 || a.text[0] != '-' || a.text == "--" {
			if !given && a.text != "--" {
				v.code, v.inline, given = a, true, true
			}
			continue
		}
		option, value := awkOption(a)
		if value.text == "" && i+1 < len(args) && option != "" && strings.Contains("-F-v-f-E-e-i-l", option) {
			i++
			value = args[i]
		}
		switch option {
		case "-e":
			v.code, v.inline, given = join(v.code, value, "\n"), true, true
		case "-f", "-E":
			v.file, v.script, given = !isStdin(value.text), value, true
		}
	}
	return v
}

func (g *guard) interpreter(name string, c *command) error {
	args := c.words[1:]
	if slices.ContainsFunc(args, func(a field) bool { return a.process }) {
		return &Refused{Part: c.part, Why: whyProgramUnseen}
	}
	var v invocation
	if strings.HasSuffix(name, "awk") {
		v = invokedAwk(args)
	} else {
		v = invoked(name, args)
	}
	if why := g.whyMade(v.script.text); v.file && !v.inline && why != "" {
		return &Refused{Part: c.part, Why: why}
	}
	switch {
	case v.inline && v.code.opaque:
		return &Refused{Part: c.part, Why: whyProgramUnseen}
	case v.inline:
		return g.program(c, v.code.text)
	case !v.file && c.stdin.fetch:
		return &Refused{Part: c.part, Why: whyFetched}
	case !v.file && c.stdin.known != nil && !c.stdin.known.opaque:
		return g.program(c, c.stdin.known.text)
	case !v.file && c.stdin.piped:
		return &Refused{Part: c.part, Why: whyProgramUnseen}
	}
	return nil
}

// program looks at the text of a program in another language.
func (g *guard) program(c *command, code string) error {
	if forksOn.MatchString(code) {
		return &Refused{Part: c.part, Why: whyForks}
	}
	if removesTree.MatchString(code) {
		return &Refused{Part: c.part, Why: whyRemove}
	}
	if !startsShell.MatchString(code) {
		return nil
	}
	var all []string
	in := g.unlisted() // what is allowed is the interpreter
	for _, m := range literals.FindAllStringSubmatch(code, -1) {
		s := m[1] + m[2] + m[3] + m[4]
		all = append(all, s)
		if err := in.maybeScript(c, s); err != nil {
			return err
		}
	}
	for i := range all { // a list of words, somewhere in the program
		if err := in.maybeScript(c, strings.Join(all[i:], " ")); err != nil {
			return err
		}
	}
	return nil
}

// A carrier is a program that runs the command in its arguments.
type carrier struct {
	short string   // letters of options that take a value
	flags string   // letters of options that take none; others are not known, and not for a list
	long  []string // the same, for --option value
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

// knows reports whether option is one whose value, if it takes one, is told from the
// command: long ones written out, and letters in the table.
func (k *carrier) knows(option string) bool {
	if strings.HasPrefix(option, "--") {
		name, _, _ := strings.Cut(option, "=")
		return option == "--" || slices.Contains(k.long, name) || strings.HasPrefix("--replace", name) && k.replace != ""
	}
	for _, letter := range option[1:] {
		switch {
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
		"time":            {flags: "pqv", short: "fo", long: []string{"--format", "--output"}},
		"stdbuf":          {short: "ioe", long: []string{"--input", "--output", "--error"}},
		"unbuffer":        {},
		"setsid":          {flags: "cfw"},
		"strace":          {short: "abeEIoOpPsSuUX"},
		"ltrace":          {short: "aAeEFlnopsuwxX"},
		"watch":           {flags: "bcdegtx", short: "nq", long: []string{"--interval", "--equexit"}, join: true},
		"xargs":           {flags: "0rtxoi", short: "adEILnPs", long: []string{"--arg-file", "--delimiter", "--max-args", "--max-procs", "--max-lines", "--max-chars"}, perArgs: true, replace: "I"},
		"parallel":        {flags: "k0t", short: "jaIJNnLS", long: []string{"--jobs", "--arg-file", "--sshlogin"}, join: true, perArgs: true, replace: "I", mark: regexp.MustCompile(`\{[#%./0-9]*\}`)},
		"flock":           {flags: "sxenuoF", short: "wEc", long: []string{"--timeout", "--conflict-exit-code"}, skip: 1, script: "c"},
		"chroot":          {skip: 1},
		"unshare":         {short: "SGRw"},
		"nsenter":         {short: "tSGW", long: []string{"--target"}},
		"setpriv":         {long: []string{"--reuid", "--regid", "--groups"}},
		"systemd-run":     {short: "puMEHt", long: []string{"--unit", "--property", "--description", "--slice", "--setenv", "--on-active", "--machine", "--host"}},
		"systemd-inhibit": {},
		"script":          {short: "cEIOBTmo", script: "c", skip: 1},
		"ssh":             {flags: "46AaCfNnqTtvXxY", short: "BbcDEeFIiJLlmOopQRSWw", skip: 1, join: true},
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
		"start-stop-daemon": {
			short: "xpuangrdNIk", long: []string{"--exec", "--pidfile", "--user", "--startas", "--name", "--chdir"},
		},
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
			if k.script != "" && (name == "--split-string" || name == "--command") {
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
	c.more = c.more || k.perArgs && c.stdin.piped
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

// find decides about what find does to what it finds.
func (g *guard) find(c *command, listed int) error {
	for i, w := range c.words {
		switch w.text {
		case "-delete":
			return &Refused{Part: c.part, Why: "deletes whatever it finds"}
		case "-exec", "-execdir", "-ok", "-okdir":
			end := i + 1
			for end < len(c.words) && c.words[end].text != ";" && c.words[end].text != "+" {
				end++
			}
			if end == i+1 {
				continue
			}
			in := *c
			in.words = c.words[:end]
			if names, _ := (&command{words: c.words[i+1 : end]}).names(); slices.ContainsFunc(names, removes) {
				return &Refused{Part: c.part, Why: "deletes whatever it finds"}
			}
			if err := g.inner(&in, i+1, listed); err != nil {
				return err
			}
		case "-fprint", "-fprint0", "-fprintf", "-fls":
			if i+1 < len(c.words) {
				if why := badTarget(c.words[i+1].text); why != "" {
					return &Refused{Part: c.part, Why: why}
				}
			}
		}
	}
	return nil
}

func removes(name string) bool { return name == "rm" || name == "shred" || name == "unlink" }

var fetchers = set("curl", "wget", "wget2", "fetch", "aria2c", "http", "https", "httpie", "xh", "lwp-request", "GET", "lynx", "w3m",
	"nc", "ncat", "netcat", "socat", "ftp", "tftp", "axel")

const (
	whyRemove = "deletes a tree without asking"
	whyRoot   = "acts as another user"
	whyDevice = "writes to a device"
	whyFormat = "makes a new file system"
	whyStop   = "stops the machine"
	whyForks  = "starts processes without end"

	whyNetwork = "gives a shell to the network"
)

func always(why string) func([]field) string { return func([]field) string { return why } }

// holding refuses arguments one of which matches pattern.
func holding(why, pattern string) func([]field) string {
	re := regexp.MustCompile(pattern)
	return func(args []field) string {
		if slices.ContainsFunc(args, func(a field) bool { return re.MatchString(a.text) }) {
			return why
		}
		return ""
	}
}

// unless refuses arguments none of which matches pattern.
func unless(why, pattern string) func([]field) string {
	re := regexp.MustCompile(pattern)
	return func(args []field) string {
		if len(args) == 0 || slices.ContainsFunc(args, func(a field) bool { return re.MatchString(a.text) }) {
			return ""
		}
		return why
	}
}

// rules says of a program why these arguments are refused, or "".
var rules = map[string]func(args []field) string{
	"rm":         remove,
	"sudo":       always(whyRoot),
	"sudoedit":   always(whyRoot),
	"su":         always(whyRoot),
	"doas":       always(whyRoot),
	"pkexec":     always(whyRoot),
	"run0":       always(whyRoot),
	"runuser":    always(whyRoot),
	"gosu":       always(whyRoot),
	"su-exec":    always(whyRoot),
	"sg":         always(whyRoot),
	"newgrp":     always(whyRoot),
	"nc":         netcat,
	"ncat":       netcat,
	"netcat":     netcat,
	"mkfs":       always(whyFormat),
	"mke2fs":     always(whyFormat),
	"mkswap":     always(whyFormat),
	"mkdosfs":    always(whyFormat),
	"mkntfs":     always(whyFormat),
	"mkudffs":    always(whyFormat),
	"lvremove":   always(whyDevice),
	"vgremove":   always(whyDevice),
	"pvremove":   always(whyDevice),
	"sgdisk":     holding(whyDevice, `^(-[zZod].*|--(zap|zap-all|clear|delete)(=.*)?)$`),
	"parted":     holding(whyDevice, `^(.*\s)?(mklabel|mktable|mkpart|rm|resizepart)(\s.*)?$`),
	"fdisk":      unless(whyDevice, `^(-l|--list|-x|-V|--version|-s|--getsz)`),
	"sfdisk":     unless(whyDevice, `^(-l|--list|-d|--dump|-J|--json|-V|--version|-s|-g|-F|--list-free)`),
	"gdisk":      unless(whyDevice, `^-l`),
	"cfdisk":     always(whyDevice),
	"cryptsetup": holding(whyFormat, `^(luksFormat|luksErase|erase|reencrypt)$`),
	"zpool":      holding(whyDevice, `^(destroy|create|labelclear)$`),
	"zfs":        holding(whyRemove, `^destroy$`),
	"mdadm":      holding(whyDevice, `^--zero-superblock$`),
	"nvme":       holding(whyFormat, `^(format|sanitize|write)$`),
	"hdparm":     holding(whyDevice, `^--(security-erase|trim-sector|write-sector)`),
	"badblocks":  holding(whyDevice, `^-[a-z]*w`),
	"socat":      holding(whyNetwork, `(?i)^(exec|system|shell):`),
	"xargs":      unboundedXargs,
	"newfs":      always(whyFormat),
	"wipefs":     wipe,
	"blkdiscard": always(whyDevice),
	"shutdown":   always(whyStop),
	"reboot":     always(whyStop),
	"halt":       always(whyStop),
	"poweroff":   always(whyStop),
	"kexec":      always(whyStop),
	"init":       runlevel,
	"telinit":    runlevel,
	"systemctl":  systemctl,
	"loginctl":   systemctl,
	"dbus-send":  login1,
	"busctl":     login1,
	"gdbus":      login1,
	"dd":         dd,
	"tee":        anyTarget,
	"shred":      anyTarget,
	"truncate":   anyTarget,
	"cp":         lastTarget,
	"mv":         lastTarget,
	"install":    lastTarget,
	"ln":         lastTarget,
	"chmod":      recursiveMode,
	"chown":      recursiveMode,
	"chgrp":      recursiveMode,
	"kill":       killAll,
	"pkill":      killAll,
}

// options splits args at "--": what may be an option, and what is none.
func options(args []field) (opts []string, unforeseen bool, operands []string) {
	for i, a := range args {
		switch {
		case a.text == "--":
			for _, b := range args[i+1:] {
				operands = append(operands, b.text)
			}
			return opts, unforeseen, operands
		case a.flags, strings.HasPrefix(a.text, "-") && !a.static(), a.glob && strings.HasPrefix(a.text, hole+"r"):
			unforeseen = true
		case strings.HasPrefix(a.text, "-") && len(a.text) > 1:
			opts = append(opts, a.text)
		default:
			operands = append(operands, a.text)
		}
	}
	return opts, unforeseen, operands
}

// has reports whether opts hold one of the letters, or the long option or an
// abbreviation of it.
func has(opts []string, letters, long string) bool {
	return slices.ContainsFunc(opts, func(o string) bool {
		if name, ok := strings.CutPrefix(o, "--"); ok {
			name, _, _ = strings.Cut(name, "=")
			return name != "" && strings.HasPrefix(long, name)
		}
		return strings.ContainsAny(o[1:], letters)
	})
}

// mayHoldOptions reports whether a word of args comes from elsewhere and may be options
// for the others. A word alone is more likely what they are about.
func mayHoldOptions(args []field) bool {
	if end := slices.IndexFunc(args, func(a field) bool { return a.text == "--" }); end >= 0 {
		args = args[:end]
	}
	_, _, operands := options(args)
	return len(operands) > 1 && slices.ContainsFunc(args, func(a field) bool {
		return a.several && strings.HasPrefix(a.text, hole)
	})
}

func remove(args []field) string {
	opts, unforeseen, operands := options(args)
	if unforeseen || mayHoldOptions(args) || slices.Contains(opts, "--no-preserve-root") {
		return whyRemove
	}
	if !has(opts, "rR", "recursive") {
		return ""
	}
	if has(opts, "f", "force") || slices.ContainsFunc(operands, precious) {
		return whyRemove
	}
	return ""
}

// precious reports whether a tree is one that nobody changes as a whole.
func precious(name string) bool {
	if name == "" || name == hole {
		return name == hole
	}
	name = strings.TrimSuffix(name, hole) // dir/*
	clean := path.Clean(name)
	if clean == "." || clean == ".." || clean == "~" || strings.HasPrefix(clean, "../..") {
		return true
	}
	if !strings.HasPrefix(clean, "/") {
		return false
	}
	top := strings.Split(strings.TrimPrefix(clean, "/"), "/")
	switch top[0] {
	case "", hole, "bin", "boot", "dev", "etc", "lib", "lib64", "proc", "root", "sbin", "sys", "usr":
		return true
	case "home", "var", "opt", "srv", "mnt", "media":
		return len(top) == 1 || len(top) == 2 && strings.Contains(top[1], hole)
	}
	return false
}

func recursiveMode(args []field) string {
	opts, unforeseen, operands := options(args)
	if (unforeseen || has(opts, "R", "recursive")) && len(operands) > 0 {
		for _, name := range operands {
			// Here the present directory is no tree to be afraid for.
			if name != "." && name != "./" && name != hole && precious(name) {
				return "changes a whole system tree"
			}
		}
	}
	return ""
}

func dd(args []field) string {
	for _, a := range args {
		if of, ok := strings.CutPrefix(a.text, "of="); ok {
			if why := badTarget(of); why != "" {
				return why
			}
			if of == hole {
				return whyDevice
			}
		}
	}
	return ""
}

// badTarget says why nothing may be written to name, or "".
func badTarget(name string) string {
	clean := path.Clean(name)
	switch {
	case clean == "/proc/sysrq-trigger":
		return whyStop
	case clean == "/etc/passwd", clean == "/etc/shadow", clean == "/etc/sudoers", strings.HasPrefix(clean, "/etc/sudoers.d/"):
		return "writes to a system file"
	case !strings.HasPrefix(clean, "/dev/"):
		return ""
	}
	dev := strings.TrimPrefix(clean, "/dev/")
	switch top, _, _ := strings.Cut(dev, "/"); top {
	case "null", "zero", "full", "stdout", "stderr", "stdin", "tty", "fd", "shm", "pts", "tcp", "udp", "log", "ptmx", "mqueue":
		return ""
	}
	return whyDevice
}

func anyTarget(args []field) string {
	for _, a := range args {
		if why := badTarget(a.text); why != "" {
			return why
		}
	}
	return ""
}

func lastTarget(args []field) string {
	if len(args) == 0 {
		return ""
	}
	return badTarget(args[len(args)-1].text)
}

func wipe(args []field) string {
	opts, unforeseen, _ := options(args)
	if unforeseen || has(opts, "ao", "all") || has(opts, "", "offset") {
		return whyDevice
	}
	return ""
}

func runlevel(args []field) string {
	for _, a := range args {
		if a.text == "0" || a.text == "6" || a.text == "1" || a.text == "s" || a.text == "S" || a.text == hole {
			return whyStop
		}
	}
	return ""
}

var (
	stopVerbs = set("reboot", "poweroff", "halt", "kexec", "soft-reboot", "suspend", "hibernate", "hybrid-sleep",
		"suspend-then-hibernate", "sleep", "emergency", "rescue", "default", "exit", "switch-root")
	stopUnit = regexp.MustCompile(`^(reboot|poweroff|halt|kexec|shutdown|rescue|emergency|suspend|hibernate|runlevel[016]|soft-reboot|exit|sleep)(\.target)?$`)
	stopCall = regexp.MustCompile(`(?i)\b(Reboot|PowerOff|Halt|Suspend|Hibernate|KExec)(WithFlags)?$`)
)

func systemctl(args []field) string {
	verb := ""
	for _, a := range args {
		switch {
		case strings.HasPrefix(a.text, "-"):
		case verb == "":
			if verb = a.text; stopVerbs[verb] || verb == hole {
				return whyStop
			}
		case (verb == "start" || verb == "isolate" || verb == "restart") && stopUnit.MatchString(a.text):
			return whyStop
		}
	}
	return ""
}

func login1(args []field) string {
	for _, a := range args {
		if stopCall.MatchString(a.text) {
			return whyStop
		}
	}
	return ""
}

func netcat(args []field) string {
	if opts, _, _ := options(args); slices.ContainsFunc(opts, func(o string) bool { return o == "-e" || o == "-c" || o == "--exec" || o == "--sh-exec" }) {
		return whyNetwork
	}
	return ""
}

// unboundedXargs refuses as many processes at a time as there is input.
func unboundedXargs(args []field) string {
	for i, a := range args {
		switch {
		case a.text == "--max-procs=0", regexUnbounded.MatchString(a.text),
			i > 0 && a.text == "0" && regexProcs.MatchString(args[i-1].text):
			return whyForks
		case !strings.HasPrefix(a.text, "-") && (i == 0 || !strings.HasPrefix(args[i-1].text, "-")):
			return "" // the command
		}
	}
	return ""
}

var (
	regexUnbounded = regexp.MustCompile(`^-[0prtx]*P0+$`)
	regexProcs     = regexp.MustCompile(`^(-[0prtx]*P|--max-procs)$`)
)

func killAll(args []field) string {
	for i, a := range args {
		if strings.Contains(a.text, parent) {
			return "ends what watches over it"
		}
		// The first -1 is a signal, unless it follows one.
		if a.text == "-1" && (i > 0 || len(args) == 1) {
			return "ends everything"
		}
	}
	return ""
}

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}
