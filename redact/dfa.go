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
	classes := 1
	for _, l := range lits {
		for i := range len(l) {
			if c := fold(l[i]); d.class[c] == 0 {
				if c >= 0x80 || classes == blurClass {
					d.class[c] = blurClass
					continue
				}
				d.class[c] = uint8(classes)
				classes++
			}
		}
	}
	for c := byte('a'); c <= 'z'; c++ {
		d.class[c-'a'+'A'] = d.class[c]
	}

	type node struct {
		kids map[uint8]int
		fail int
		out  []int32
	}
	trie := []node{{kids: map[uint8]int{}}}
	for id, l := range lits {
		at := 0
		for i := range len(l) {
			c := d.class[l[i]]
			kid, ok := trie[at].kids[c]
			if !ok {
				kid = len(trie)
				trie = append(trie, node{kids: map[uint8]int{}})
				trie[at].kids[c] = kid
			}
			at = kid
		}
		trie[at].out = append(trie[at].out, int32(id))
	}

	rows := make([][1 << dfaShift]int, len(trie))
	queue := []int{0}
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

	// Number the states so that those with hits come last.
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
	return d
}

// fold returns c, a capital as a small letter.
func fold(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
