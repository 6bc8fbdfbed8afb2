// Package marked replaces generated parts of Markdown files.
package marked

import (
	"fmt"
	"os"
	"strings"
)

// Replace puts text between the lines "<!-- marker -->" and "<!-- /marker -->".
func Replace(doc, marker, text string) (string, error) {
	begin, end := "<!-- "+marker+" -->", "<!-- /"+marker+" -->"
	before, rest, ok := strings.Cut(doc, begin)
	if !ok {
		return "", fmt.Errorf("no marker %s", begin)
	}
	_, after, ok := strings.Cut(rest, end)
	if !ok {
		return "", fmt.Errorf("no marker %s", end)
	}
	return before + begin + "\n" + text + end + after, nil
}

// Update replaces parts of a file, which is left alone when one of them has no place or nothing changes.
func Update(path string, parts map[string]string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	out := string(text)
	for marker, part := range parts {
		if out, err = Replace(out, marker, part); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if out == string(text) {
		return nil
	}
	return os.WriteFile(path, []byte(out), 0o644)
}
