package redact

import "bytes"

// isSentence reports whether val is prose: several words, some of which belong
// to sentences only.
func isSentence(val []byte) bool {
	if bytes.Count(val, []byte(" ")) < 2 {
		return bytes.IndexByte(val, ' ') > 0 && proseWords(val) >= 1 && weigh(val) <= possible
	}
	return proseWords(val) >= 1
}

// sentenceWords appear in messages about secrets, hardly in passphrases.
var sentenceWords = wordSet(`is was are were must should cannot can could may will the an and or for from with without must
	not be been has have had it its if when then than that this your you my our please required invalid incorrect expired
	wrong missing empty failed changed does do did on in of to at by as no
	only characters letters digits least password token username user login`)

// proseWords counts the words of val that are sentenceWords.
func proseWords(val []byte) int {
	n := 0
	for _, w := range bytes.FieldsFunc(val[:min(len(val), 256)], func(r rune) bool { return r == ' ' || r == ',' || r == '.' }) {
		if isSentenceWord(w) {
			n++
		}
	}
	return n
}

// isSentenceWord reports whether w, in any case, is one of sentenceWords.
func isSentenceWord(w []byte) bool {
	var buf [16]byte
	return len(w) <= len(buf) && sentenceWords[string(lower(w, buf[:0]))]
}

// isLabel reports whether val is the words of a name, as on a form: API key.
func isLabel(val []byte) bool {
	return bytes.IndexByte(val, ' ') > 0 && wordy(val) && len(val) <= maxName && classify(val, false).need > 0
}

// wordyEnd reports whether val is a word with what punctuates prose behind it.
func wordyEnd(val []byte) bool { return wordy(bytes.TrimRight(val, ",.:;)")) }
