package exec

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// moves notes where the payload goes, what folders it downloads, and whether it opens
// a connection: what comes later is seen in that light. In what order it does so is
// not looked at.
func (r *reading) moves(f *syntax.File) {
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Redirect:
			r.sockets = r.sockets || isSocket(r.one(n.Word).text)
		case *syntax.CallExpr:
			r.move(r.fields(n.Args))
		}
		return true
	})
}

func isSocket(name string) bool {
	return strings.HasPrefix(name, "/dev/tcp/") || strings.HasPrefix(name, "/dev/udp/")
}

func (r *reading) move(words []field) {
	if len(words) < 2 {
		return
	}
	_, _, operands := options(words[1:])
	if len(operands) == 0 {
		return
	}
	last := operands[len(operands)-1]
	switch base(words[0].text) {
	case "cd", "pushd", "chdir":
		r.dirs[path.Clean(operands[0])] = true
	case "git", "hg", "svn", "gh":
		if slices.Contains(operands, "clone") || slices.Contains(operands, "checkout") && strings.Contains(last, "://") {
			r.cloned[strings.TrimSuffix(base(strings.TrimSuffix(last, "/")), ".git")] = true
		}
	}
}

// whyMade says why the file called name is not run, or "".
func (g *guard) whyMade(name string) string {
	if why := g.made[base(name)]; why != "" {
		return why
	}
	in := strings.Split(name, "/")
	if !strings.HasPrefix(name, "/") { // it may be in any folder
		for dir := range g.dirs {
			in = append(strings.Split(dir, "/"), in...)
		}
	}
	if slices.ContainsFunc(in[:max(0, len(in)-1)], func(dir string) bool { return g.cloned[dir] }) {
		return whyFetched
	}
	return ""
}

// fromDirs returns args as they are, and as they would be if they were not relative to
// a folder that the payload goes to.
func (g *guard) fromDirs(args []field) [][]field {
	all := [][]field{args}
	for dir := range g.dirs {
		if !strings.HasPrefix(dir, "/") {
			continue
		}
		in := slices.Clone(args)
		for i, a := range in {
			name, value, ok := strings.Cut(a.text, "=")
			switch {
			case ok && name == "of":
				in[i].text = name + "=" + from(dir, value)
			case !strings.HasPrefix(a.text, "-"):
				in[i].text = from(dir, a.text)
			}
		}
		all = append(all, in)
	}
	return all
}

// from returns the path of name, if that is relative, in dir.
func from(dir, name string) string {
	if name == "" || strings.HasPrefix(name, "/") || strings.HasPrefix(name, "~") {
		return name
	}
	return dir + "/" + name
}

// makes collects the files that the script writes, so that it is noticed when it runs
// one of them.
func (r *reading) makes(f *syntax.File) {
	why := whyWritten
	note := func(name string) {
		if name = base(name); name != "" && name != "-" && name != "null" && r.made[name] != whyFetched {
			r.made[name] = why
		}
	}
	syntax.Walk(f, func(n syntax.Node) bool {
		s, ok := n.(*syntax.Stmt)
		if !ok {
			return true
		}
		var words []field
		if call, ok := s.Cmd.(*syntax.CallExpr); ok {
			words = r.fields(call.Args)
		}
		i := slices.IndexFunc(words, func(f field) bool { return fetchers[base(f.text)] })
		if i > 0 && carriers[base(words[0].text)] == nil {
			i = -1
		}
		if why = whyWritten; i >= 0 {
			why = whyFetched
		}
		for _, rd := range s.Redirs {
			switch rd.Op {
			case syntax.RdrOut, syntax.RdrClob, syntax.AppOut, syntax.RdrAll, syntax.AppAll:
				note(r.one(rd.Word).text)
			}
		}
		if len(words) > 0 && base(words[0].text) == "tee" {
			for _, w := range words[1:] {
				note(w.text)
			}
		}
		if i < 0 {
			return true
		}
		for j, w := range words[i+1:] {
			switch t := w.text; {
			case strings.Contains(t, "://"):
				t, _, _ = strings.Cut(t, "?")
				note(t)
			case regexOutput.MatchString(t):
				if j+2 < len(words[i:]) {
					note(words[i+1+j+1].text)
				}
			case strings.HasPrefix(t, "--output=") || strings.HasPrefix(t, "--output-document="):
				_, t, _ = strings.Cut(t, "=")
				note(t)
			case regexOutputAt.MatchString(t):
				note(t[2:])
			}
		}
		return true
	})
}

var (
	regexOutput   = regexp.MustCompile(`^(-[A-Za-z]*[oO]|--output|--output-document)$`)
	regexOutputAt = regexp.MustCompile(`^-[oO].`)
)
