package main

import (
	"strings"
	"testing"
)

func TestPlainName(t *testing.T) {
	for name, want := range map[string]bool{
		"alice": true, "Ünal Ø": true, "李雷": true, "a": true, "7": true, "٣": true, "½": true, "b.o_b-2 x": true, strings.Repeat("é", 40): true,
		"": false, " alice": false, "-a": false, "a/b": false, "a\n": false, "a\u200b": false, "a\u202e": false, "é́": false,
		"a\xff": false, "a:b": false, "<b>": false, strings.Repeat("x", 41): false,
	} {
		if got := plainName(name); got != want {
			t.Errorf("plainName(%q) = %v, want %v", name, got, want)
		}
	}
}
