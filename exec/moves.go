package exec

import (
	"path"
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
