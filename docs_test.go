package signet_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Links of the documents lead to files and headings that exist, and blocks that are said to be JSON are.
func TestDocuments(t *testing.T) {
	watchSources(t)
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	block := regexp.MustCompile("(?ms)^```json\n(.*?)^```")
	n := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "interop") { // interop installs packages of others
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".md" {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range link.FindAllStringSubmatch(string(b), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			n++
			target, anchor, _ := strings.Cut(m[1], "#")
			file := filepath.Join(filepath.Dir(path), target)
			if target == "" {
				file = path
			}
			st, err := os.Stat(file)
			switch {
			case err != nil:
				t.Errorf("%s: link to %s: %v", path, m[1], err)
			case anchor != "" && !st.IsDir() && !hasHeading(t, file, anchor):
				t.Errorf("%s: %s has no heading for #%s", path, file, anchor)
			}
		}
		for _, m := range block.FindAllStringSubmatch(string(b), -1) {
			text := m[1]
			if strings.HasPrefix(text, `"`) { // a piece of an object
				text = "{" + text + "}"
			}
			if !json.Valid([]byte(text)) {
				t.Errorf("%s: this is no JSON:\n%s", path, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 20 {
		t.Errorf("only %d links were found: this test looks in the wrong place", n)
	}
}

// hasHeading reports whether a heading of the file gets this anchor: lower case, hyphens for blanks, no punctuation.
func hasHeading(t *testing.T, file, anchor string) bool {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	other := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	for line := range strings.Lines(string(b)) {
		text := strings.TrimLeft(line, "#")
		if text == line {
			continue
		}
		slug := other.ReplaceAllString(strings.ToLower(strings.TrimSpace(text)), "")
		if strings.ReplaceAll(slug, " ", "-") == anchor {
			return true
		}
	}
	return false
}
