package redact

import "strings"

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isAlnum(c byte) bool { return isDigit(c) || isLetter(c) }

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }

// upper returns c, a small letter as a capital.
func upper(c byte) byte {
	if isLower(c) {
		return c - 'a' + 'A'
	}
	return c
}

// hasPrefix is bytes.HasPrefix for a string.
func hasPrefix(v []byte, p string) bool { return len(v) >= len(p) && string(v[:len(p)]) == p }

// foldString returns s with small letters in the place of capitals.
func foldString(s string) string { return string(lower([]byte(s), nil)) }

// equalFold reports whether b, which is as long as lit, is lit in any case. lit has
// small letters only.
func equalFold(b []byte, lit string) bool {
	for i, c := range b {
		if fold(c) != lit[i] {
			return false
		}
	}
	return true
}

// lower appends v in small letters to buf. Only ASCII has them.
func lower(v, buf []byte) []byte {
	for _, c := range v {
		buf = append(buf, fold(c))
	}
	return buf
}

// byteAt returns v[i], or 0 behind the end.
func byteAt(v []byte, i int) byte {
	if i < len(v) {
		return v[i]
	}
	return 0
}

// byteBefore returns v[i-1], or 0 at the beginning.
func byteBefore(v []byte, i int) byte {
	if i > 0 {
		return v[i-1]
	}
	return 0
}

// skipAny returns where the run of chars at v[i] ends.
func skipAny(v []byte, i int, chars string) int {
	for i < len(v) && strings.IndexByte(chars, v[i]) >= 0 {
		i++
	}
	return i
}
