package exec

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
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
	if why := g.whyMade(c.words[0].text); why != "" && strings.Contains(c.words[0].text, "/") {
		return &Refused{Part: c.part, Why: why}
	}
	if err := g.rule(name, c); err != nil {
		return err
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
	if verbs, ok := roamers[name]; ok {
		return g.roam(verbs, c)
	}
	return g.runner(name, c, listed)
}

// rule applies the rule for name.
func (g *guard) rule(name string, c *command) error {
	if strings.HasPrefix(name, "mkfs.") {
		name = "mkfs"
	}
	rule := rules[name]
	if rule == nil || asksForHelp(c.words[1:]) {
		return nil
	}
	for _, args := range g.fromDirs(c.words[1:]) {
		if why := rule(args); why != "" {
			return &Refused{Part: c.part, Why: why}
		}
	}
	return nil
}

// runner decides about programs, and commands of the shell itself, that each run a script
// in a way of their own.
func (g *guard) runner(name string, c *command, listed int) error {
	args, at := c.words[1:], 1
	if (name == "eval" || name == "trap") && len(args) > 0 && args[0].text == "--" {
		args, at = args[1:], 2
	}
	switch name {
	case "eval":
		return g.nested(c, joined(args), at, listed)
	case "trap":
		if len(args) > 1 && args[0].text != "" && !strings.HasPrefix(args[0].text, "-") {
			return g.nested(c, args[0], at, listed)
		}
	case "source", ".":
		return g.sourced(c)
	case "alias":
		return g.aliased(c, listed)
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
	return nil
}

// sourced decides about the files that . reads.
func (g *guard) sourced(c *command) error {
	for _, a := range c.words[1:] {
		if isStdin(a.text) {
			return g.input(c)
		}
		if err := g.scriptFile(c, a); err != nil {
			return err
		}
	}
	return nil
}

// aliased decides about what the alias command gives names to, and learns them.
func (g *guard) aliased(c *command, listed int) error {
	if err := g.typed(c, len(c.words)); err != nil {
		return err
	}
	for i, a := range c.words[1:] {
		name, value, ok := strings.Cut(a.text, "=")
		if !ok {
			continue
		}
		a.text = value
		if err := g.nested(c, a, 1+i, listed); err != nil {
			return err
		}
		g.learnAlias(name, strings.Fields(value))
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
	in.stdin = c.stdin
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
	case c.stdin.piped || g.listing():
		return &Refused{Part: c.part, Why: whyUnseen}
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
