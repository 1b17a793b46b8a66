package exec

import (
	"regexp"
	"slices"
	"strings"
)

// Programs that run a command of their arguments in more ways than [carrier] can say.
// No list holds for what they carry: with a list, they are on it or they are not.

// roamers run a command that begins somewhere behind one of the given words, or
// anywhere if there is none. Whatever word names a program that some rule is about is
// taken for its beginning, and a word with blanks for a script.
var roamers = map[string][]string{
	"docker":            {"exec", "run"},
	"podman":            {"exec", "run", "unshare"},
	"nerdctl":           {"exec", "run"},
	"docker-compose":    {"exec", "run"},
	"kubectl":           {"exec", "run", "debug"},
	"oc":                {"exec", "run", "rsh"},
	"lxc":               {"exec"},
	"machinectl":        {"shell"},
	"tmux":              {"new", "new-session", "neww", "new-window", "split-window", "splitw", "respawn-pane", "run-shell", "run", "send-keys", "send", "if-shell", "pipe-pane"},
	"screen":            nil,
	"setarch":           nil,
	"linux32":           nil,
	"linux64":           nil,
	"i386":              nil,
	"x86_64":            nil,
	"personality":       nil,
	"ssh-agent":         nil,
	"sshpass":           nil,
	"dbus-run-session":  nil,
	"dbus-launch":       nil,
	"xvfb-run":          nil,
	"firejail":          nil,
	"bwrap":             nil,
	"runcon":            nil,
	"capsh":             nil,
	"cgexec":            nil,
	"faketime":          nil,
	"chronic":           nil,
	"rlwrap":            nil,
	"perf":              {"stat", "record", "trace"},
	"gdb":               {"--args"},
	"sem":               nil,
	"entr":              nil,
	"cpulimit":          nil,
	"choom":             nil,
	"uclampset":         nil,
	"pipenv":            {"run"},
	"poetry":            {"run"},
	"npx":               {"-c", "--call"},
	"nix-shell":         {"--run", "--command"},
	"lockfile-run":      nil,
	"start-stop-daemon": nil,
	"expect":            {"-c"},
}

func (g *guard) roam(verbs []string, c *command) error {
	at := 1
	if verbs != nil {
		if at = 1 + slices.IndexFunc(c.words, func(f field) bool { return slices.Contains(verbs, f.text) }); at == 0 {
			return nil
		}
	}
	in := g.unlisted()
	for ; at < len(c.words); at++ {
		w := c.words[at]
		if strings.ContainsAny(w.text, " \t\n") {
			if err := in.maybeScript(c, w.text); err != nil {
				return err
			}
		} else if name := base(w.text); w.static() && (guarded()[name] || shells.MatchString(name)) {
			if err := in.inner(c, at, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// scripted are programs that take scripts as parts of words: a group that matches is one.
var scripted = map[string]*regexp.Regexp{
	"tar":   regexp.MustCompile(`(?s)^--(?:checkpoint-action=exec|to-command|use-compress-program|rmt-command|rsh-command|info-script|new-volume-script)=(.*)`),
	"git":   regexp.MustCompile(`(?is)^(?:[A-Za-z][\w.-]*\.)?(?:[\w-]*(?:pager|editor|command|cmd|external|driver|helper|textconv|clean|smudge|process|fsmonitor|program)=(.*)|\w[\w.-]*=!(.*))`),
	"rsync": regexp.MustCompile(`(?s)^(?:--rsh|--rsync-path|-[A-Za-z]*e)=(.*)`),
	"ssh":   regexp.MustCompile(`(?is)^(?:-o)?=?(?:Proxy|Local|KnownHosts)Command[= ](.*)`),
	"sed":   regexp.MustCompile(`(?s)(?:^|[;0-9$/}])e +(.*)`),
	"vim":   vimScript,
	"vi":    vimScript,
	"ex":    vimScript,
	"nvim":  vimScript,
	"man":   regexp.MustCompile(`(?s)^--pager=(.*)`),
	"less":  regexp.MustCompile(`(?s)^\+*!(.*)`),
}

var vimScript = regexp.MustCompile(`(?s)^[+:]*(?:silent!? *)?!(.*)`)

// scripts reads the scripts in the words of c, also in a word that is the value of the
// one before: as name=value it has the same form.
func (g *guard) scripts(name string, c *command) error {
	pattern := scripted[name]
	if pattern == nil {
		return nil
	}
	for i, w := range c.words[1:] {
		texts := []string{w.text, c.words[i].text + "=" + w.text}
		for _, text := range texts {
			m := pattern.FindStringSubmatch(text)
			for _, script := range m[min(1, len(m)):] {
				if err := g.unlisted().maybeScript(c, script); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// maybeScript refuses what is refused of a script, but for that it cannot be read: it may
// be none.
func (g *guard) maybeScript(c *command, script string) error {
	script = strings.ReplaceAll(script, hole, "${_}")
	if _, err := parseBash(script); err != nil {
		return nil
	}
	err := g.script(script)
	if err == nil || strings.HasPrefix(err.(*Refused).Why, "cannot") {
		return nil
	}
	return &Refused{Part: c.part, Why: err.(*Refused).Why}
}

// commandVariables hold scripts, or files that a shell runs first.
var commandVariables = regexp.MustCompile(`^(BASH_ENV|PROMPT_COMMAND|(GIT_|MAN|SYSTEMD_)?(PAGER|EDITOR)|VISUAL|BROWSER|GIT_(SSH(_COMMAND)?|EXTERNAL_DIFF|SEQUENCE_EDITOR|PROXY_COMMAND)|LESSOPEN|LESSCLOSE|RSYNC_RSH|TAR_OPTIONS|PS4)$`)

// variable decides about name=value, which a program is called with.
func (g *guard) variable(c *command, name, value string) error {
	switch {
	case name == "BASH_ENV" && value != "":
		return &Refused{Part: c.part, Why: whyUnseen}
	case commandVariables.MatchString(name):
		return g.unlisted().maybeScript(c, value)
	}
	return nil
}

// crontab reads a table on standard input.
func (g *guard) crontab(c *command) error {
	if c.stdin.known == nil {
		return g.input(c)
	}
	for line := range strings.Lines(c.stdin.known.text) {
		if m := regexCron.FindStringSubmatch(line); m != nil {
			if err := g.unlisted().maybeScript(c, m[1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// regexCron matches a line of a table of cron.
var regexCron = regexp.MustCompile(`^\s*(?:@\w+|(?:\S+\s+){4}\S+)\s+(.*)`)

// readsStdin reports whether make takes its file from standard input.
func readsStdin(args []field) bool {
	for i, a := range args {
		file, ok := strings.CutPrefix(a.text, "--file=")
		if !ok {
			file, ok = strings.CutPrefix(a.text, "-f")
		}
		if ok && file == "" && i+1 < len(args) {
			file = args[i+1].text
		}
		if ok && isStdin(file) {
			return true
		}
	}
	return false
}
