package redact_test

import (
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"

	"clawconsole/redact"
)

var update = flag.Bool("update", false, "write the tables of docs/redaction.md")

const docsFile = "../docs/redaction.md"

// TestDocumentation holds the tables of docs/redaction.md to the code.
func TestDocumentation(t *testing.T) {
	b, err := os.ReadFile(docsFile)
	if err != nil {
		t.Fatal(err)
	}
	doc := string(b)
	want := replaceBlock(t, doc, "recall", recallTable(t))
	want = replaceBlock(t, want, "formats", formatTable())
	if want == doc {
		return
	}
	if *update {
		if err := os.WriteFile(docsFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Errorf("%s does not say what the code does; go test ./redact -run Documentation -update", docsFile)
}

func replaceBlock(t *testing.T, doc, name, content string) string {
	start := strings.Index(doc, "<!-- "+name+" -->\n")
	end := strings.Index(doc[max(start, 0):], "<!-- end -->")
	if start < 0 || end < 0 {
		t.Fatalf("%s has no block %q", docsFile, name)
	}
	open := start + len("<!-- "+name+" -->\n")
	return doc[:open] + content + doc[start+end:]
}

func formatTable() string {
	specs := make(map[string][]string)
	var names []string
	for _, f := range redact.Formats() {
		if specs[f.Name] == nil {
			names = append(names, f.Name)
		}
		specs[f.Name] = append(specs[f.Name], f.Specs...)
		if f.Sum {
			specs[f.Name] = append(specs[f.Name], "(checksum)")
		}
	}
	sort.Strings(names)
	var b strings.Builder
	fmt.Fprintf(&b, "%d formats.\n\n| kind | shapes |\n|---|---|\n", len(names))
	for _, n := range names {
		ss := specs[n]
		more := ""
		if len(ss) > 6 {
			more = fmt.Sprintf(" and %d more", len(ss)-5)
			ss = ss[:5]
		}
		for i, s := range ss {
			if s != "(checksum)" {
				ss[i] = "`" + s + "`"
			}
		}
		fmt.Fprintf(&b, "| %s | %s%s |\n", n, strings.Join(ss, " "), more)
	}
	return b.String()
}

func recallTable(t *testing.T) string {
	r := newRedactor(t, redact.Config{})
	all, found := make(map[string]int), make(map[string]int)
	var names []string
	for _, s := range secretCorpus(t) {
		if all[s.category] == 0 {
			names = append(names, s.category)
		}
		all[s.category]++
		all[""]++
		if s.leak(r.Text(s.text).String()) == "" {
			found[s.category]++
			found[""]++
		}
	}
	sort.Strings(names)
	var b strings.Builder
	b.WriteString("| category | snippets | found |\n|---|--:|--:|\n")
	for _, n := range append(names, "") {
		fmt.Fprintf(&b, "| %s | %d | %.1f %% |\n", strings.TrimSpace(n+map[bool]string{true: "**all**"}[n == ""]), all[n], 100*float64(found[n])/float64(all[n]))
	}
	return b.String()
}
