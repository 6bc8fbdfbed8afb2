package uritext

// IsVariable reports whether a URI's value can be the name of an environment variable: letters, digits and underscores, and no digit in front.
// What is none may be the secret itself, where its variable was to be named.
func IsVariable(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_', i > 0 && '0' <= c && c <= '9':
		default:
			return false
		}
	}
	return name != ""
}
