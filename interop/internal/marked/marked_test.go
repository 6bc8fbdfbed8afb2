package marked

import (
	"os"
	"path/filepath"
	"testing"
)

func TestUpdate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "doc.md")
	const before = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n<!-- y --><!-- /y -->\n"
	if err := os.WriteFile(file, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Update(file, map[string]string{"x": "new\n", "z": "nowhere\n"}); err == nil {
		t.Error("a part without a place is no error")
	}
	if got, _ := os.ReadFile(file); string(got) != before {
		t.Errorf("the failure changed the file: %q", got)
	}
	for range 2 {
		if err := Update(file, map[string]string{"x": "new\n", "y": "more\n"}); err != nil {
			t.Fatal(err)
		}
		const want = "a\n<!-- x -->\nnew\n<!-- /x -->\nb\n<!-- y -->\nmore\n<!-- /y -->\n"
		if got, _ := os.ReadFile(file); string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if _, err := Replace("<!-- x -->", "x", ""); err == nil {
		t.Error("a part without an end is no error")
	}
}
