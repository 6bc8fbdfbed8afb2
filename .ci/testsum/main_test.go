package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const run1 = `{"Action":"start","Package":"example/a"}
{"Action":"run","Package":"example/a","Test":"TestOne"}
{"Action":"run","Package":"example/a","Test":"TestOne/x"}
{"Action":"run","Package":"example/a","Test":"TestOne/y"}
{"Action":"pass","Package":"example/a","Test":"TestOne/x"}
{"Action":"pass","Package":"example/a","Test":"TestOne/y"}
{"Action":"pass","Package":"example/a","Test":"TestOne"}
{"Action":"run","Package":"example/a","Test":"TestTool"}
{"Action":"output","Package":"example/a","Test":"TestTool","Output":"    a_test.go:7: no tool here\n"}
{"Action":"output","Package":"example/a","Test":"TestTool","Output":"--- SKIP: TestTool (0.00s)\n"}
{"Action":"skip","Package":"example/a","Test":"TestTool"}
{"Action":"pass","Package":"example/a","Elapsed":1.5}
{"Action":"skip","Package":"example/notests"}
`

func summary(t *testing.T, files map[string]string, args ...string) (string, int) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "DIR/", dir+"/")
	}
	var out, errOut strings.Builder
	code := run(args, &out, &errOut)
	return out.String() + errOut.String(), code
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return lines[len(lines)-1]
}

func TestCounts(t *testing.T) {
	const rules = "# comment\nunit:example/a$\t^TestTool$\tthe tool is optional\n"
	tests := []struct {
		name, json, rules, checks string
		wantLast                  string
		wantCode                  int
		wantText                  string
	}{
		{"explained skip", run1, rules, "pass\tgofmt\n", "3 passed, 0 failed, 1 skipped", 0, "no tool here (the tool is optional)"},
		{"unexplained skip", run1, "", "pass\tgofmt\n", "3 passed, 1 failed, 0 skipped", 1, "a skip that no rule explains: a_test.go:7: no tool here"},
		{"failed check", run1, rules, "fail\tgofmt\n", "2 passed, 1 failed, 1 skipped", 1, "FAIL check gofmt"},
		{"unused rule", run1, rules + "x\ty\tz\n", "", "2 passed, 0 failed, 1 skipped", 0, "the rule for x y explained no skip"},
		{"nothing ran", "", "", "", "0 passed, 1 failed, 0 skipped", 1, "no test ran"},
		{"parent failed by child", `{"Action":"fail","Package":"p","Test":"T/x"}
{"Action":"pass","Package":"p","Test":"T/y"}
{"Action":"fail","Package":"p","Test":"T"}
{"Action":"fail","Package":"p"}
`, "", "", "1 passed, 1 failed, 0 skipped", 1, "FAIL unit p T/x"},
		{"parent failed by itself", `{"Action":"pass","Package":"p","Test":"T/y"}
{"Action":"fail","Package":"p","Test":"T"}
{"Action":"fail","Package":"p"}
`, "", "", "1 passed, 1 failed, 0 skipped", 1, "FAIL unit p T\n"},
		{"build failure", `{"ImportPath":"p [p.test]","Action":"build-output","Output":"p.go:3: undefined: x\n"}
{"Action":"fail","Package":"p"}
`, "", "", "0 passed, 1 failed, 0 skipped", 1, "undefined: x"},
		{"panic", `{"Action":"run","Package":"p","Test":"T"}
{"Action":"output","Package":"p","Test":"T","Output":"panic: no\n"}
{"Action":"fail","Package":"p"}
`, "", "", "0 passed, 1 failed, 0 skipped", 1, "panic: no"},
		{"cut short", `{"Action":"start","Package":"p"}
{"Action":"run","Package":"p","Test":"T"}
`, "", "", "0 passed, 1 failed, 0 skipped", 1, "FAIL unit p T"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, code := summary(t, map[string]string{"j": tt.json, "r": tt.rules, "c": tt.checks}, "-skips", "DIR/r", "-checks", "DIR/c", "unit=DIR/j")
			if got := lastLine(out); got != tt.wantLast {
				t.Errorf("last line: got %q, want %q", got, tt.wantLast)
			}
			if code != tt.wantCode {
				t.Errorf("exit status: got %d, want %d", code, tt.wantCode)
			}
			if !strings.Contains(out, tt.wantText) {
				t.Errorf("output lacks %q:\n%s", tt.wantText, out)
			}
		})
	}
}

// Many skips of one reason are one line, and failures stand behind them, above the table.
func TestOrder(t *testing.T) {
	const json = `{"Action":"fail","Package":"a","Test":"Broken"}
{"Action":"fail","Package":"a"}
{"Action":"skip","Package":"b","Test":"T/x"}
{"Action":"skip","Package":"b","Test":"T/y"}
{"Action":"skip","Package":"b","Test":"T/z"}
{"Action":"pass","Package":"b"}
`
	out, _ := summary(t, map[string]string{"j": json, "r": ":b$\t^T/\tnot here\n", "c": "fail\tlint\n"}, "-skips", "DIR/r", "-checks", "DIR/c", "unit=DIR/j")
	var firsts []string
	for line := range strings.Lines(out) {
		firsts = append(firsts, strings.Fields(line)[0])
	}
	if got := strings.Join(firsts, " "); got != "SKIP FAIL FAIL checks unit 0" || !strings.Contains(out, "T/x and 2 more:") {
		t.Errorf("got %s:\n%s", got, out)
	}
}

func TestBadInput(t *testing.T) {
	files := map[string]string{"j": run1, "norule": "only one field\n", "badre": "(\tx\ty\n", "nocheck": "maybe\tx\n"}
	for _, args := range [][]string{
		{"DIR/j"},
		{"unit=DIR/absent"},
		{"-skips", "DIR/norule", "unit=DIR/j"},
		{"-skips", "DIR/badre", "unit=DIR/j"},
		{"-checks", "DIR/nocheck", "unit=DIR/j"},
		{"-unknown"},
	} {
		if out, code := summary(t, files, args...); code != 2 {
			t.Errorf("%q: exit status: got %d, want 2\n%s", args, code, out)
		}
	}
}
