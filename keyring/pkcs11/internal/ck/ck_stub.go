//go:build !cgo || !unix

package ck

// Load reports that this build has no PKCS#11.
func Load(path string) (Module, error) {
	return nil, &LoadError{Path: path, Unsupported: true,
		Reason: "this binary was built without cgo: build it with CGO_ENABLED=1 and a C compiler (gcc or clang) on Linux, macOS or BSD"}
}
