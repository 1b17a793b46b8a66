package exec

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// evaluated refuses text in quotes that bash reads as code later: the value of a name
// in arithmetic, a subscript, a prompt. Where that happens cannot be followed, so all
// text of a script that does such things is looked at.
// Source: GNU Bash Manual, 6.5 Shell Arithmetic, 6.7 Arrays.
func (r *reading) evaluated(f *syntax.File) (err error) {
	if !r.evaluates(f) {
		return nil
	}
	syntax.Walk(f, func(n syntax.Node) bool {
		if w, ok := n.(*syntax.Word); ok && err == nil {
			err = r.text(w)
		}
		return err == nil
	})
	return err
}

// evaluates reports whether f has something that reads a text as code.
func (r *reading) evaluates(f *syntax.File) (found bool) {
	syntax.Walk(f, func(n syntax.Node) bool {
		switch n := n.(type) {
		case *syntax.ArithmExp:
			found = found || !constant(n.X)
		case *syntax.ArithmCmd:
			found = found || !constant(n.X)
		case *syntax.LetClause, *syntax.TestClause, *syntax.DeclClause, *syntax.CStyleLoop:
			found = true
		case *syntax.ParamExp:
			prompt := n.Exp != nil && n.Exp.Op == syntax.OtherParamOps
			found = found || prompt || n.Excl || n.Index != nil || n.Slice != nil
		case *syntax.Assign:
			found = found || n.Index != nil || n.Name != nil && n.Name.Value == "PS4"
		case *syntax.CallExpr:
			found = found || r.evaluator(n)
		}
		return !found
	})
	return found
}

// evaluator reports whether a command takes the names of variables, or numbers: as a
// subscript each can hold code.
func (r *reading) evaluator(call *syntax.CallExpr) bool {
	words := r.fields(call.Args)
	if len(words) == 0 {
		return false
	}
	options := make(map[string]bool)
	for _, w := range words[1:] {
		options[w.text] = true
	}
	switch words[0].text {
	case "let", "read", "unset", "declare", "typeset", "local", "export", "readonly", "mapfile", "readarray", "getopts":
		return true
	case "printf":
		return options["-v"]
	case "wait":
		return options["-p"]
	case "test", "[":
		return options["-v"] || options["-R"]
	}
	return false
}

// text reads the substitutions in what w quotes.
func (r *reading) text(w *syntax.Word) error {
	text := r.one(w).text
	if !strings.Contains(text, "$(") && !strings.Contains(text, "`") {
		return nil
	}
	text = strings.ReplaceAll(text, hole, "_")
	parsed, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Document(strings.NewReader(text))
	if err != nil {
		return nil // nor can bash
	}
	inner := &reading{src: text}
	syntax.Walk(parsed, func(n syntax.Node) bool {
		if s, ok := n.(*syntax.CmdSubst); ok && err == nil {
			if refused := r.script(trimSubstitution(inner.part(s))); refused != nil {
				err = &Refused{Part: r.part(w), Why: refused.(*Refused).Why}
			}
		}
		return err == nil
	})
	return err
}

// trimSubstitution returns what is between $( and ), or backquotes.
func trimSubstitution(s string) string {
	if inner, ok := strings.CutPrefix(s, "$("); ok {
		return strings.TrimSuffix(inner, ")")
	}
	return strings.Trim(s, "`")
}
