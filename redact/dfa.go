package redact

import "sort"

// A dfa finds all of a set of literals in one pass over a text: an Aho-Corasick
// automaton whose failure links are resolved into a dense table, one load per
// byte. ASCII case is folded; who gets a hit checks the case if it matters.
//
// Bytes that no literal contains share one column, so that the rows are 64
// entries wide and the rows near the root stay in the first-level cache.
type dfa struct {
	class [256]uint8
	next  []uint16 // state<<dfaShift | class → state
	first uint16   // states from here on end at least one literal
	out   [][]int32
}

const (
	dfaShift  = 6
	blurClass = 1<<dfaShift - 1
)

// blurred reports whether d tells some other strings from lit no more.
func (d *dfa) blurred(lit string) bool {
	for i := range len(lit) {
		if d.class[lit[i]] == blurClass {
			return true
		}
	}
	return false
}

// newDFA builds the automaton. The hits of literal i are reported as i. The
// bytes from 0x80 on, and what does not fit into 62 columns, share a column: a
// hit of a literal for which blurred is true has to be compared.
func newDFA(lits []string) *dfa {
	d := new(dfa)
	d.classify(lits)
	trie := d.trie(lits)
	rows := resolve(trie)
	d.number(trie, rows)
	return d
}

// classify gives the bytes of lits their columns.
func (d *dfa) classify(lits []string) {
	classes := 1
	for _, l := range lits {
		for i := range len(l) {
			c := fold(l[i])
			switch {
			case d.class[c] != 0:
			case c >= 0x80 || classes == blurClass:
				d.class[c] = blurClass
			default:
				d.class[c] = uint8(classes)
				classes++
			}
		}
	}
	for c := byte('a'); c <= 'z'; c++ {
		d.class[upper(c)] = d.class[c]
	}
}

// A trieNode is a state before it has a number.
type trieNode struct {
	kids map[uint8]int // by column
	fail int           // the longest other state that the text up to here ends with
	out  []int32
}

// trie returns the trie of lits. Its root comes first.
func (d *dfa) trie(lits []string) []trieNode {
	trie := []trieNode{{kids: map[uint8]int{}}}
	for id, l := range lits {
		at := 0
		for i := range len(l) {
			c := d.class[l[i]]
			kid, ok := trie[at].kids[c]
			if !ok {
				kid = len(trie)
				trie = append(trie, trieNode{kids: map[uint8]int{}})
				trie[at].kids[c] = kid
			}
			at = kid
		}
		trie[at].out = append(trie[at].out, int32(id))
	}
	return trie
}

// resolve returns the row of each node, with its failure links followed, and adds the
// hits of the nodes that they lead to.
func resolve(trie []trieNode) [][1 << dfaShift]int {
	rows := make([][1 << dfaShift]int, len(trie))
	queue := []int{0} // breadth first: a failure link leads to a node nearer to the root
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		n := &trie[at]
		if at != 0 {
			rows[at] = rows[n.fail]
			n.out = append(n.out, trie[n.fail].out...)
		}
		for c, kid := range n.kids {
			if at != 0 {
				trie[kid].fail = rows[n.fail][c]
			}
			rows[at][c] = kid
			queue = append(queue, kid)
		}
	}
	return rows
}

// number numbers the states, those with hits last, and makes the table from rows.
func (d *dfa) number(trie []trieNode, rows [][1 << dfaShift]int) {
	order := make([]int, len(trie))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool {
		return len(trie[order[i]].out) == 0 && len(trie[order[j]].out) > 0
	})
	number := make([]uint16, len(trie))
	for i, n := range order {
		number[n] = uint16(i)
	}
	d.first = uint16(len(order))
	d.next = make([]uint16, len(order)<<dfaShift)
	for i, n := range order {
		if len(trie[n].out) > 0 {
			d.first = min(d.first, uint16(i))
			d.out = append(d.out, trie[n].out)
		}
		for c, to := range rows[n] {
			d.next[i<<dfaShift|c] = number[to]
		}
	}
}

// fold returns c, a capital as a small letter.
func fold(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
