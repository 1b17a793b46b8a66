package exec

import (
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// endless reports whether a condition always holds, or never.
func (r *reading) endless(cond *syntax.Stmt, until bool) bool {
	switch c := cond.Cmd.(type) {
	case *syntax.ArithmCmd, *syntax.TestClause:
		always := map[bool]string{false: "1", true: "0"}[until != cond.Negated]
		return strings.Trim(r.part(cond), "()[]! "+always) == ""
	case *syntax.CallExpr:
		words := joined(r.fields(c.Args)).text
		if until != cond.Negated {
			return regexNever.MatchString(words)
		}
		return regexAlways.MatchString(words)
	}
	return false
}

var (
	regexAlways = regexp.MustCompile(`^((/usr)?/bin/)?(true|:|\[ [^! \x00]+ \]|\[ (\w+) ==? (\w+) \]|test [^! \x00]+|sleep \S+|echo .*|printf .*)$`)
	regexNever  = regexp.MustCompile(`^((/usr)?/bin/)?(false|\[ \]|\[ (\w+) ==? (\w+) \]|test)$`)
	regexNoTime = regexp.MustCompile(`^0*\.?0*[smhd]?$`)
)

// loop refuses a loop without end that starts processes in the background.
func (r *reading) loop(loop syntax.Node, do []*syntax.Stmt) error {
	background, bounded := false, false
	syntax.Walk(&syntax.Block{Stmts: do}, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.Stmt:
			background = background || n.Background
			return !n.Background // what waits there does not hold up the loop
		case *syntax.CallExpr:
			bounded = bounded || bounds(r.fields(n.Args))
		}
		return true
	})
	if background && !bounded {
		return r.refuse(loop, whyForks)
	}
	return nil
}

// bounds reports whether a command holds up a loop, or ends it.
func bounds(words []field) bool {
	if len(words) == 0 {
		return false
	}
	switch words[0].text {
	case "wait", "break", "exit", "read":
		return true
	case "sleep":
		return !slices.ContainsFunc(words[1:], func(f field) bool { return regexNoTime.MatchString(f.text) })
	}
	return false
}

// forkBombs refuses functions that start themselves in the background, in a pipe or in
// a subshell, also by way of each other.
func (r *reading) forkBombs(f *syntax.File) error {
	type function struct {
		decl  *syntax.FuncDecl
		calls map[string]bool
		forks bool
	}
	functions := make(map[string]*function)
	syntax.Walk(f, func(n syntax.Node) bool {
		d, ok := n.(*syntax.FuncDecl)
		if !ok || d.Name == nil {
			return true
		}
		fn := &function{decl: d, calls: make(map[string]bool)}
		syntax.Walk(d.Body, func(n syntax.Node) bool {
			switch n := n.(type) {
			case *syntax.Stmt:
				fn.forks = fn.forks || n.Background
			case *syntax.BinaryCmd:
				fn.forks = fn.forks || n.Op == syntax.Pipe || n.Op == syntax.PipeAll
			case *syntax.Subshell, *syntax.CmdSubst, *syntax.ProcSubst, *syntax.CoprocClause:
				fn.forks = true
			case *syntax.CallExpr:
				for _, w := range r.fields(n.Args) {
					fn.calls[w.text] = true
				}
			}
			return true
		})
		functions[d.Name.Value] = fn
		return true
	})
	for name, fn := range functions {
		reached, forks, queue := map[string]bool{}, false, []string{name}
		for len(queue) > 0 {
			at := functions[queue[0]]
			queue = queue[1:]
			forks = forks || at.forks
			for callee := range at.calls {
				if functions[callee] != nil && !reached[callee] {
					reached[callee] = true
					queue = append(queue, callee)
				}
			}
		}
		if reached[name] && forks {
			return r.refuse(fn.decl, whyForks)
		}
	}
	return nil
}
