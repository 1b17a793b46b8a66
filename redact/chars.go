package redact

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func isAlnum(c byte) bool { return isDigit(c) || isLetter(c) }

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }

func upper(c byte) byte {
	if isLower(c) {
		return c - 'a' + 'A'
	}
	return c
}

func hasPrefix(v []byte, p string) bool { return len(v) >= len(p) && string(v[:len(p)]) == p }

func foldString(s string) string { return string(lower([]byte(s), nil)) }

func equalFold(b []byte, lit string) bool {
	for i, c := range b {
		if fold(c) != lit[i] {
			return false
		}
	}
	return true
}

func lower(v, buf []byte) []byte {
	for _, c := range v {
		buf = append(buf, fold(c))
	}
	return buf
}
