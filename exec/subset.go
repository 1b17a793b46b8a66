package exec

import (
	"regexp"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// The allow list is a wall, and it stands on one reading of the payload, while /bin/sh
// may be dash, bash or another. So under a list only that part of the language passes
// which is known to mean the same to all of them, and in which no text is read as
// code later. Whatever [outside] does not name is refused.

const (
	whyVariable  = "sets a variable, which the allow list does not cover"
	whyOutside   = "is shell syntax that the allow list does not cover"
	whyNotListed = "not on the allow list"
)

// outside says why n cannot stand in a payload under an allow list, or "". It looks
// at n alone: the walk comes to what is in it.
func (r *reading) outside(n syntax.Node) string {
	ok := false
	switch n := n.(type) {
	case *syntax.File, *syntax.Comment, *syntax.CallExpr, *syntax.Block, *syntax.Subshell,
		*syntax.IfClause, *syntax.WhileClause, *syntax.Word, *syntax.Lit:
		ok = true
	case *syntax.Assign, *syntax.DeclClause:
		return whyVariable
	case *syntax.Stmt:
		ok = !n.Coprocess && !n.Disown
	case *syntax.BinaryCmd:
		ok = n.Op == syntax.AndStmt || n.Op == syntax.OrStmt || n.Op == syntax.Pipe
	case *syntax.TimeClause:
		if listed(r.allow, []field{{text: "time"}}) == 0 {
			return whyNotListed
		}
		ok = true
	case *syntax.ForClause:
		_, words := n.Loop.(*syntax.WordIter)
		ok = words && !n.Select && !n.Braces
	case *syntax.WordIter:
		if !regexLoopVariable.MatchString(n.Name.Value) {
			return whyVariable // PATH, say
		}
		ok = true
	case *syntax.CaseClause:
		ok = !n.Braces
	case *syntax.CaseItem:
		ok = n.Op == syntax.Break
	case *syntax.FuncDecl:
		ok = n.Parens && !n.RsrvWord && n.Name != nil && regexName.MatchString(n.Name.Value)
	case *syntax.Redirect:
		named := n.N != nil && strings.HasPrefix(n.N.Value, "{") // {name}> sets a variable
		ok = !named && n.Op != syntax.RdrAll && n.Op != syntax.AppAll
	case *syntax.SglQuoted:
		ok = !n.Dollar || !strings.Contains(n.Value, `\'`)
	case *syntax.DblQuoted:
		ok = !n.Dollar
	case *syntax.CmdSubst:
		ok = !n.Backquotes && !n.TempFile && !n.ReplyVar
	case *syntax.ProcSubst:
		ok = n.Op == syntax.CmdIn || n.Op == syntax.CmdOut
	case *syntax.ParamExp:
		if n.Exp != nil && (n.Exp.Op == syntax.AssignUnset || n.Exp.Op == syntax.AssignUnsetOrNull) {
			return whyVariable
		}
		ok = portable(n)
	case *syntax.ArithmExp:
		ok = !n.Bracket && !n.Unsigned && constant(n.X)
	case *syntax.BinaryArithm, *syntax.UnaryArithm, *syntax.ParenArithm:
		ok = true // constant has seen to them
	}
	if !ok {
		return whyOutside
	}
	return ""
}

var (
	regexName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	// Variables that mean something to a shell, or to programs, are in capitals, but
	// for those like http_proxy.
	regexLoopVariable = regexp.MustCompile(`^[a-z][a-z0-9]*$`)
	regexParameter    = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-])$`)
	regexNumber       = regexp.MustCompile(`^([0-9]+|0[xX][0-9A-Fa-f]+)$`)
)

// portable reports whether p is one of the expansions of POSIX that only read: ${x},
// ${#x}, and those with - :- + :+ # ## % %%.
// Source: POSIX.1-2017, Shell Command Language, 2.6.2 Parameter Expansion.
func portable(p *syntax.ParamExp) bool {
	if p.Param == nil || !regexParameter.MatchString(p.Param.Value) || bashOnly(p) {
		return false
	}
	if p.Exp == nil {
		return true
	}
	switch p.Exp.Op {
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull, syntax.AlternateUnset, syntax.AlternateUnsetOrNull:
		return !p.Length
	}
	return !p.Length && trims(p)
}

// bashOnly reports whether p has a part that POSIX does not have, operators aside.
func bashOnly(p *syntax.ParamExp) bool {
	return p.Flags != nil || p.Excl || p.Width || p.IsSet || p.Split != 0 || p.GlobSubst != 0 || p.RcExpand != 0 ||
		p.NestedParam != nil || p.Index != nil || len(p.Modifiers) > 0 || p.Slice != nil || p.Repl != nil || p.Names != 0
}

// trims reports whether p is ${x#pattern} or one of its kin. There single quotes quote
// also within double quotes.
func trims(p *syntax.ParamExp) bool {
	if p.Exp == nil {
		return false
	}
	switch p.Exp.Op {
	case syntax.RemSmallPrefix, syntax.RemLargePrefix, syntax.RemSmallSuffix, syntax.RemLargeSuffix:
		return true
	}
	return false
}

// constant reports whether arithmetic is on numbers only. The value of a name, and
// what an expansion gives, is evaluated once more: "a[$(reboot)]" runs reboot.
func constant(x syntax.ArithmExpr) bool {
	switch x := x.(type) {
	case *syntax.Word:
		return regexNumber.MatchString(x.Lit())
	case *syntax.ParenArithm:
		return constant(x.X)
	case *syntax.UnaryArithm:
		return constant(x.X)
	case *syntax.BinaryArithm:
		return constant(x.X) && constant(x.Y)
	}
	return false
}
