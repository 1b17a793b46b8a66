package exec

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

// control reports whether c is for no text. Shells mark with some of them inside.
func control(c rune) bool {
	return unicode.IsControl(c) && c != '\n' && c != '\t' || c == utf8.RuneError
}

func visible(c rune) rune {
	if control(c) {
		return '…'
	}
	return c
}

// misread says what in src, which f is the parser's reading of, shells read otherwise,
// so that commands would be hidden from us. The parser takes a carriage return for
// white space, and a comment for one that goes on after a backslash.
func misread(f *syntax.File, src string) string {
	if strings.Contains(src, "\r") {
		return "holds a carriage return"
	}
	quotes, backquotes := quotations(f)
	for i := range len(src) {
		if !startsComment(src, i) || slices.ContainsFunc(quotes, func(q [2]int) bool { return q[0] <= i && i < q[1] }) {
			continue
		}
		if line, _, more := strings.Cut(src[i:], "\n"); more && strings.HasSuffix(line, "\\") {
			return "a line with # ends with a backslash"
		}
	}
	// Where a here-document ends is where shells differ most, from the parser and
	// from each other.
	for i := 0; i < len(src); i++ {
		switch rest := src[i:]; {
		case strings.HasPrefix(rest, "<<<"):
			i += 2
		case !strings.HasPrefix(rest, "<<"):
		case !regexHeredoc.MatchString(rest):
			return "a here-document needs a plain word for its end"
		case backquotes || strings.Contains(src, "\\\n"):
			return "holds a here-document, and backquotes or a line that ends with a backslash"
		default:
			i++
		}
	}
	return ""
}

// startsComment reports whether src[i] can be the # of a comment.
func startsComment(src string, i int) bool {
	return src[i] == '#' && (i == 0 || strings.IndexByte(" \t\n;&|()<>`", src[i-1]) >= 0)
}

// quotations returns where text in quotes begins and ends, and whether there are
// commands in backquotes.
func quotations(f *syntax.File) (quotes [][2]int, backquotes bool) {
	add := func(n syntax.Node) {
		quotes = append(quotes, [2]int{int(n.Pos().Offset()), int(n.End().Offset())})
	}
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.SglQuoted:
			add(n)
		case *syntax.DblQuoted:
			for _, p := range n.Parts {
				if _, ok := p.(*syntax.Lit); ok { // a substitution has comments
					add(p)
				}
			}
		case *syntax.CmdSubst:
			backquotes = backquotes || n.Backquotes
		}
		return true
	})
	return quotes, backquotes
}

var regexHeredoc = regexp.MustCompile(`^<<-?[ \t]*(?:\w+|'\w+'|"\w+")(?:[\s;|&()<>]|$)`)

// singleQuoted reports whether something in n is in single quotes. In arithmetic
// they keep no shell from running a substitution, though the parser thinks so. In a
// substitution quotes begin anew.
func singleQuoted(n syntax.Node) (found bool) {
	syntax.Walk(n, func(n syntax.Node) bool {
		switch n.(type) {
		case *syntax.SglQuoted:
			found = true
		case *syntax.CmdSubst, *syntax.ProcSubst:
			return false
		}
		return !found
	})
	return found
}

// expansions returns w without what is in single quotes itself.
func expansions(w *syntax.Word) *syntax.Word {
	if w == nil {
		return &syntax.Word{}
	}
	parts := slices.DeleteFunc(slices.Clone(w.Parts), func(p syntax.WordPart) bool {
		_, single := p.(*syntax.SglQuoted)
		return single
	})
	return &syntax.Word{Parts: parts}
}

// quoted refuses "${x:-'…'}" in n, which is in double quotes or a here-document. The
// parser takes that for a quoted text; to shells the quotes are letters there, and a
// substitution between them runs.
// Source: POSIX.1-2017, Shell Command Language, 2.2.3 Double-Quotes.
func (r *reading) quoted(n syntax.Node) (err error) {
	syntax.Walk(n, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.CmdSubst, *syntax.ProcSubst:
			return false
		case *syntax.ParamExp:
			inside := syntax.Node(n)
			if trims(n) { // there they quote, but not in expansions further in
				inside = expansions(n.Exp.Word)
			}
			if err == nil && singleQuoted(inside) {
				err = r.refuse(n, whyQuotes)
			}
			return false
		}
		return err == nil
	})
	return err
}
