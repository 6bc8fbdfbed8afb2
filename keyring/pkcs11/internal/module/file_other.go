//go:build !unix

package module

import "os"

// fileKey identifies a file by its resolved path.
func fileKey(path string, _ os.FileInfo) string { return path }
