package commands

import (
	"slices"
	"strings"
)

// distance is the number of letters to insert, drop, change or swap with their
// neighbour that makes b of a.
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	if d := len(s) - len(t); d > 8 || d < -8 {
		return max(d, -d) // far away whatever the letters
	}
	before, prev, cur := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(s); i++ {
		cur[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return prev[len(t)]
}

// nearest returns those of names that w may have meant, best first, at most n.
// Case does not count.
func nearest(w string, names []string, n int) []string {
	w = strings.ToLower(w)
	type match struct {
		name string
		d    int
	}
	var found []match
	seen := make(map[string]bool)
	for _, name := range names {
		if name == "" || seen[name] {
			continue
		}
		seen[name] = true
		low := strings.ToLower(name)
		d := distance(w, low)
		switch {
		case d <= max(1, len(low)/3):
		case len(w) >= 2 && strings.HasPrefix(low, w):
			d = 2
		case len(w) >= 3 && strings.Contains(low, w):
			d = 3
		default:
			continue
		}
		found = append(found, match{name, d})
	}
	slices.SortStableFunc(found, func(a, b match) int { return a.d - b.d })
	var out []string
	for _, m := range found[:min(n, len(found))] {
		out = append(out, m.name)
	}
	return out
}

// Nearest returns the one of names that w may have meant, or "".
func Nearest(w string, names []string) string {
	if near := nearest(w, names, 1); len(near) > 0 {
		return near[0]
	}
	return ""
}
