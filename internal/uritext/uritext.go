// Package uritext knows what the text of a URI means to safety: mistakes in keyring URIs by which a secret would become part of a value that is
// shown, and endpoints that are on this machine.
package uritext

import (
	"slices"
	"strings"
)

// Embedded returns the offset in a value, as it is written in a URI, at which another attribute seems to begin because its separator was
// mistyped, and -1 when there is none: behind one of separators, anything with an equals sign; behind any other byte that cannot be part of a
// name, the name of a secret and an equals sign. A byte that is percent-encoded is neither a separator nor an equals sign.
//
// What follows may be a PIN or a key, and the value that would swallow it, a label or a path, is printed.
func Embedded(value, separators string) int {
	name, separated := -1, -1 // where the name before i begins, where what is behind the last separator begins
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '=' && separated >= 0:
			return separated
		case c == '=' && name >= 0 && isSecretName(value[name:i]):
			return name
		case strings.IndexByte(separators, c) >= 0:
			name, separated = i+1, i+1
		case c == '%':
			name = -1
			i += 2
		case !isNameByte(c):
			name = i + 1
		}
	}
	return -1
}

// Escape percent-encodes the equals signs of a value that Embedded would find one in.
func Escape(value, separators string) string {
	if Embedded(value, separators) < 0 {
		return value
	}
	return strings.ReplaceAll(value, "=", "%3D")
}

// isSecretName reports whether a word of the name says that its value is secret.
func isSecretName(name string) bool {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' })
	return slices.ContainsFunc(words, func(w string) bool { return slices.Contains(secretWords(), w) })
}

func secretWords() []string {
	return []string{"key", "pin", "secret", "password", "passwd", "passphrase", "pass", "pwd", "credential", "credentials"}
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_'
}
