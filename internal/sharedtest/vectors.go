// Package sharedtest is what tests of several packages share: where the peers' published test vectors are, which the repository does not hold,
// and bubbles of synctest in which keys can be made.
package sharedtest

import (
	"os"
	"path/filepath"
	"testing"
)

// Vectors returns the path of a file or folder below the vectors folder: $SIGNET_VECTORS, or ../shared/vectors beside the module's root.
// Without it the test is skipped, or fails when $SIGNET_REQUIRE_VECTORS is 1, as .ci/run sets it. It is no tool of SIGNET_REQUIRE_TOOLS, because
// nothing in the repository fetches vectors.
func Vectors(t testing.TB, elem ...string) string {
	t.Helper()
	root := os.Getenv("SIGNET_VECTORS")
	if root == "" {
		root = besideModule()
	}
	path := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(path); err != nil || root == "" {
		const msg = "peers' test vectors not found (set SIGNET_VECTORS to their folder): %s"
		if os.Getenv("SIGNET_REQUIRE_VECTORS") == "1" {
			t.Fatalf(msg, path)
		}
		t.Skipf(msg, path)
	}
	return path
}

// besideModule walks up from the working directory, which in a test is the package's, to the folder of go.mod.
func besideModule() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "..", "shared", "vectors")
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}
