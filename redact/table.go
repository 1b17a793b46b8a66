package redact

import "bytes"

// A table is what the lines of one may belong to: rows whose cells stand under the
// header of a column of secrets.
type table struct {
	sep  byte // between cells: '|', ',', ';', a tab; ' ' for aligned columns; 0: no table
	bar  bool // sep is the box-drawing │
	name bool // the first cell of a row names what is in its last
	n    int  // cells of a row
	cols [maxColumns]column
	left int // rows that may follow
}

// A column of secrets.
type column struct {
	index int // of the cell
	at    int // offset in an aligned header
	ver   verdict
}

const (
	maxColumns = 4   // of secrets in one table
	maxRows    = 500 // of one table
	maxHeader  = 400 // length of a header line
)

// heading reports whether the name a is the heading of a column: a cell
// of a line that has several, all of them words. What stands under it is then
// secret.
func (s *scanner) heading(a *assignment) bool {
	ver := a.ver
	v := bytes.TrimRight(s.v, " \t\r\n")
	if !s.eol || ver.need > likely || ver.kind != plainKey || len(v) > maxHeader || s.noTable {
		return false
	}
	t := &s.next.table
	if t.left == 0 {
		s.steps += 2 * len(v)
		if !t.begin(v) {
			*t, s.noTable = table{}, true
			return false
		}
		t.left = maxRows
	}
	i := t.cellAt(v, a.start)
	from, to := t.cell(v, i)
	if cell := bytes.Trim(v[from:to], " \t\"'`*"); !wordy(cell) || len(cell) > len(a.name)+16 {
		return false
	}
	for n := range t.cols {
		if c := &t.cols[n]; c.ver.need == 0 {
			*c = column{i, from, ver}
			return true
		}
	}
	return true
}

// begin finds how the cells of the header v are separated.
func (t *table) begin(v []byte) bool {
	for _, c := range v {
		if c == '=' || c == '(' || c == '{' || c == '<' || c == '$' {
			return false
		}
	}
	switch {
	case bytes.Contains(v, []byte("│")):
		t.sep, t.bar = '|', true
	case bytes.IndexByte(v, '|') >= 0:
		t.sep = '|'
	case bytes.IndexByte(v, '\t') > 0:
		t.sep = '\t'
	case bytes.IndexByte(v, ';') > 0 && bytes.IndexByte(v, ' ') < 0:
		t.sep = ';'
	case bytes.IndexByte(v, ',') > 0 && bytes.Count(v, []byte(", ")) < bytes.Count(v, []byte(",")):
		t.sep = ','
	case bytes.Contains(bytes.TrimLeft(v, " "), []byte("  ")):
		t.sep = ' '
	default:
		return false
	}
	t.n = t.cells(v)
	if t.n < 2 {
		return false
	}
	for i := range t.n {
		a, b := t.cell(v, i)
		if cell := bytes.Trim(v[a:b], " \t\"'`*#-%"); len(cell) > 40 || len(cell) > 0 && (!wordy(cell) || mixedCase(cell) || bytes.Count(cell, []byte(" ")) > 3) {
			return false
		}
	}
	return true
}

// pairs begins a table of names and values if v[at:] is the heading "Value" of its
// last column.
func (s *scanner) pairs(at, _ int) {
	v := bytes.TrimRight(s.v, " \t\r\n|\"")
	if !s.eol || len(v) > maxHeader || s.next.table.left > 0 || len(v)-at > len("│ value") {
		return
	}
	t := &s.next.table
	if v = bytes.TrimRight(s.v, " \t\r\n"); !t.begin(v) {
		*t = table{}
		return
	}
	t.left, t.name = maxRows, true
}

// cells returns how many cells v has.
func (t *table) cells(v []byte) int {
	n := 0
	for i := t.first(v); i <= len(v); n++ {
		i = t.next(v, i)
	}
	return n
}

// first returns where the first cell of v begins.
func (t *table) first(v []byte) int {
	if t.sep == ' ' {
		return skipBlanks(v, 0)
	}
	return 0
}

// cell returns the bounds of cell i of v.
func (t *table) cell(v []byte, i int) (a, b int) {
	for a = t.first(v); i > 0; i-- {
		a = t.next(v, a)
		if a > len(v) {
			return len(v), len(v)
		}
	}
	b = t.end(v, a)
	return a, b
}

// next returns where the cell behind that at i begins, over len(v) if there is none.
func (t *table) next(v []byte, i int) int {
	e := t.end(v, i)
	if e >= len(v) {
		return len(v) + 1
	}
	switch {
	case t.sep == ' ':
		return skipBlanks(v, e)
	case t.bar:
		return e + len("│")
	}
	return e + 1
}

// end returns where the cell that begins at i ends.
func (t *table) end(v []byte, i int) int {
	switch {
	case i >= len(v):
		return len(v)
	case t.bar:
		if n := bytes.Index(v[i:], []byte("│")); n >= 0 {
			return i + n
		}
		return len(v)
	case t.sep == ' ':
		if n := bytes.Index(v[i:], []byte("  ")); n >= 0 {
			return i + n
		}
		return len(v)
	}
	quoted := false
	for j := i; j < len(v); j++ {
		switch {
		case v[j] == '"' && t.sep != '|':
			quoted = !quoted
		case v[j] == t.sep && !quoted:
			return j
		}
	}
	return len(v)
}

// cellAt returns the index of the cell that holds v[at].
func (t *table) cellAt(v []byte, at int) int {
	n := 0
	for i := t.next(v, t.first(v)); i <= at && i <= len(v); n++ {
		i = t.next(v, i)
	}
	return n
}

// row redacts the cells of a row that stand under a column of secrets, and reports
// whether the table goes on.
func (s *scanner) row() bool {
	t := s.st.table
	v := bytes.TrimRight(s.v, " \t\r\n")
	if len(v) == 0 {
		return false
	}
	if isRule(v) {
		return true
	}
	if len(v) > maxLine/4 {
		return false
	}
	n := t.cells(v)
	if n != t.n && !(t.sep == ' ' && n > 1) {
		return false
	}
	if t.name {
		first, last := 0, n-1
		if a, b := t.cell(v, first); a == b || len(bytes.TrimSpace(v[a:b])) == 0 {
			first, last = 1, n-2 // of a row between bars
		}
		if n < 2 || last <= first {
			return false
		}
		a, b := t.cell(v, first)
		t.cols[0] = column{last, 0, s.cache.classify(bytes.Trim(v[a:b], " \t\"'`*"), false)}
		if t.cols[0].ver.need > likely {
			t.cols[0].ver.need = 0
		}
	}
	for _, c := range t.cols {
		if c.ver.need == 0 {
			continue
		}
		i := c.index
		if t.sep == ' ' && n != t.n && !t.name {
			i = t.cellAt(v, min(c.at, len(v)))
		}
		a, b := t.cell(v, i)
		for a < b && bytes.IndexByte([]byte(" \t\"'`"), v[a]) >= 0 {
			a++
		}
		for b > a && bytes.IndexByte([]byte(" \t\"'`"), v[b-1]) >= 0 {
			b--
		}
		val := v[a:b]
		if len(val) < 4 || !c.ver.numbers && isNumber(val) || isUUID(val) && c.ver.need > possible || isDate(val) || !s.enough(val, verdict{need: max(likely, c.ver.need), numbers: c.ver.numbers}) || bytes.IndexByte(val, ' ') >= 0 && isSentence(val) {
			continue
		}
		s.foundValue(a, b)
		s.next.wrapped = false
	}
	return true
}

// isRule reports whether v is a line between rows, made of dashes and the like.
func isRule(v []byte) bool {
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '-' || c == '+' || c == '=' || c == '|' || c == ' ' || c == ':' || c == '\t':
		case c == 0xe2 && i+2 < len(v) && (v[i+1] == 0x94 || v[i+1] == 0x95): // box drawing
			i += 2
		default:
			return false
		}
	}
	return true
}
