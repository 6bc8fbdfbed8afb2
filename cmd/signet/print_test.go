package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Every field that is printed as JSON is in docs/reference/json.md, in the section of its command.
func TestJSONReference(t *testing.T) {
	b, err := os.ReadFile("../../docs/reference/json.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, part := range strings.Split(string(b), "\n## ")[1:] {
		title, body, _ := strings.Cut(part, "\n")
		sections[title] = body
	}
	for _, c := range []struct {
		title string
		v     any
	}{
		{"encrypt, decrypt, rotate with -o FILE", written{}}, {"encrypt, decrypt, rotate with -o FILE", rotatedJSON{}},
		{"encrypt, decrypt, rotate with --recursive", folderJSON{}}, {"explain", explanation{}}, {"inspect", description{}},
		{"item put", putJSON{}}, {"item inspect", itemInspectJSON{}}, {"hsm init-softhsm", softToken{}}, {"hsm generate, hsm list", listJSON{}},
		{"demo", demoJSON{}}, {"version", versionJSON{}},
	} {
		body, ok := sections[c.title]
		if !ok {
			t.Errorf("there is no section %q", c.title)
			continue
		}
		for _, name := range jsonNames(reflect.TypeOf(c.v)) {
			if !strings.Contains(body, "`"+name+"`") && !strings.Contains(body, "."+name+"`") {
				t.Errorf("section %q does not have %q", c.title, name)
			}
		}
	}
	errorsDoc := reference()
	for _, name := range jsonNames(reflect.TypeFor[errorJSON]()) {
		if !strings.Contains(errorsDoc, "`"+name+"`") && !strings.Contains(errorsDoc, "."+name+"`") {
			t.Errorf("errors.md does not have %q", name)
		}
	}
}

// jsonNames lists the names of a type's fields and of those within them, except those of a whole description within something else.
func jsonNames(typ reflect.Type) []string {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct {
		return nil
	}
	var out []string
	for i := range typ.NumField() {
		f := typ.Field(i)
		if !f.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out = append(out, name)
		if f.Type != reflect.TypeFor[*description]() {
			out = append(out, jsonNames(f.Type)...)
		}
	}
	return out
}

// What cannot be printed is an error of output.
func TestFullOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("SKIP: no /dev/full: %v", err)
	}
	defer full.Close()
	k, msg := keyURIFor(t), filepath.Join(t.TempDir(), "msg")
	if exit, _, text := runApp(t, t.Context(), "x", "", "encrypt", "-k", k, "-o", msg); exit != exitOK {
		t.Fatal(text)
	}
	for _, args := range [][]string{{"inspect", msg}, {"inspect", "--json", msg}, {"explain", "-k", k, msg}, {"explain", "--json", "-k", k, msg}} {
		var stderr strings.Builder
		a := &app{
			stdin: os.Stdin, stdout: full, stderr: &stderr,
			lookupEnv: func(string) (string, bool) { return "", false }, isTerminal: func(*os.File) bool { return false },
		}
		if exit := a.run(t.Context(), args); exit != exitGeneric || !strings.Contains(stderr.String(), "SIGNET1003") {
			t.Errorf("%q: exit code %d, %s", args, exit, stderr.String())
		}
	}
}
