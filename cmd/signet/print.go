package main

import (
	"bytes"
	"encoding/json"
)

// printJSON prints a value on standard output: on one line with --output ndjson, else indented.
func (a *app) printJSON(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // a URI must stay one
	if a.output != ndjson {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(v); err != nil {
		return err
	}
	return a.print(b.String())
}

// print writes to standard output.
func (a *app) print(s string) error {
	if _, err := a.stdout.WriteString(s); err != nil {
		return outputError("standard output", err)
	}
	return nil
}
