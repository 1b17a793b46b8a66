package redact

import "bytes"

// lineStart reports whether only indentation, a list dash or "export" stands
// before v[i] on its line.
func (s *scanner) lineStart(i int) bool {
	v := s.v
	j := i
	for j > 0 && i-j < 200 && v[j-1] != '\n' {
		j--
	}
	if i-j >= 200 {
		return false
	}
	rest := v[j:i]
	for range 4 {
		for len(rest) > 0 && bytes.IndexByte([]byte(" \t-+#>"), rest[len(rest)-1]) >= 0 {
			rest = rest[:len(rest)-1]
		}
		if len(rest) == 0 {
			return true
		}
		if bytes.HasSuffix(rest, []byte("]:")) || bytes.HasSuffix(rest, []byte(" |")) {
			return true // what a logger put there
		}
		word := rest[bytes.LastIndexByte(rest, ' ')+1:]
		if len(word) > 8 || !lineWords[string(word)] {
			return false
		}
		rest = rest[:len(rest)-len(word)]
	}
	return false
}

// lineWords may stand before an assignment that has the line to itself.
var lineWords = wordSet("export set setenv declare -x -rx ENV ARG local readonly typeset env name: * $ // ;")

// logPrefix returns the length of what a logger puts before a line: a time, a
// host, a name with a process id, a container's name and a bar.
func logPrefix(v []byte) int {
	if len(v) < 8 || !isAlnum(v[0]) && v[0] != '[' {
		return 0
	}
	head := v[:min(len(v), 100)]
	for i := bytes.IndexByte(head, ']'); i > 0; {
		if hasPrefix(head[i:], "]: ") {
			return i + 3
		}
		n := bytes.IndexByte(head[i+1:], ']')
		if n < 0 {
			break
		}
		i += 1 + n
	}
	if i := bytes.IndexByte(head, '|'); i > 1 && head[i-1] == ' ' && hasPrefix(head[i:], "| ") && bytes.IndexByte(head[:i], '=') < 0 && bytes.IndexByte(head[:i], '"') < 0 {
		return i + 2
	}
	return 0
}

// indentOf returns the indentation of the line of v[i], behind what a logger puts
// before it. The dash of a list counts as such.
func (s *scanner) indentOf(i int) int {
	v := s.v
	j := i
	for j > 0 && v[j-1] != '\n' && i-j < 1024 {
		j--
	}
	j += logPrefix(v[j:i])
	n := 0
	for j < i && (v[j] == ' ' || v[j] == '\t') {
		n++
		j++
	}
	for j+1 < i && v[j] == '-' && v[j+1] == ' ' {
		n += 2
		j += 2
	}
	return n
}
