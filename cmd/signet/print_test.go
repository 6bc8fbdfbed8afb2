package main

import (
	"os"
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
