package exec

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

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
