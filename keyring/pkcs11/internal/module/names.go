package module

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strings"
)

// candidates are the absolute paths at which distributions install a module, by the name that module-name may give it. There is no search:
// a name that is not listed here is refused.
func candidates() map[string][]string {
	multiarch := map[string]string{
		"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu", "386": "i386-linux-gnu", "arm": "arm-linux-gnueabihf",
		"ppc64le": "powerpc64le-linux-gnu", "s390x": "s390x-linux-gnu", "riscv64": "riscv64-linux-gnu",
	}[runtime.GOARCH]
	lib := func(names ...string) []string {
		var out []string
		for _, n := range names {
			if multiarch != "" {
				out = append(out, "/usr/lib/"+multiarch+"/"+n)
			}
			out = append(out, "/usr/lib64/"+n, "/usr/lib/"+n, "/usr/local/lib/"+n, "/opt/homebrew/lib/"+n)
		}
		return out
	}
	return map[string][]string{
		"softhsm2": append([]string{"/usr/lib/softhsm/libsofthsm2.so"},
			lib("softhsm/libsofthsm2.so", "pkcs11/libsofthsm2.so", "libsofthsm2.so")...),
		"p11-kit-client": lib("pkcs11/p11-kit-client.so"),
		"opencryptoki":   lib("opencryptoki/libopencryptoki.so.0", "opencryptoki/libopencryptoki.so"),
		"kryoptic":       lib("pkcs11/libkryoptic_pkcs11.so", "libkryoptic_pkcs11.so"),
		"cloudhsm":       {"/opt/cloudhsm/lib/libcloudhsm_pkcs11.so"},
		"yubihsm":        lib("pkcs11/yubihsm_pkcs11.so", "yubihsm_pkcs11.so"),
	}
}

// Names returns the names that [Resolve] knows, sorted.
func Names() []string {
	var out []string
	for n := range candidates() {
		out = append(out, n)
	}
	sort.Strings(out)
	return out
}

// Resolve returns the first existing file of the module called name.
func Resolve(name string) (string, error) {
	paths, ok := candidates()[name]
	if !ok {
		return "", &PathError{Path: name, Reason: fmt.Sprintf("unknown module name; known are %s; or give the module's path", strings.Join(Names(), ", "))}
	}
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() {
			return p, nil
		}
	}
	return "", &PathError{Path: name, Missing: true,
		Reason: fmt.Sprintf("module not installed: none of %s exists", strings.Join(paths, ", "))}
}
