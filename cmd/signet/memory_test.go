package main

import (
	"crypto/fips140"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// measuredExit is mainExit, and adds the peak of the resident memory to a file. It reads VmHWM, since the maximum that rusage tells of a child
// begins with the memory of the process that started it.
func measuredExit() int {
	code := mainExit()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	f, err := os.OpenFile(os.Getenv("SIGNET_TEST_PEAKS"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		panic(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			fmt.Fprintf(f, "%s %s\n", os.Args[1], strings.TrimSpace(rest))
		}
	}
	return code
}

// Streams of 256 MiB stay under 64 MiB of resident memory, through pipes and files, signed and not.
func TestStreamMemory(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the peak of resident memory is read from /proc")
	}
	size, limit := 256<<20, 64<<10 // bytes, KiB
	if raceEnabled {
		size, limit = size/8, limit*3 // the race detector's time and memory
	}
	if fips140.Enabled() {
		limit += 32 << 10 // Go's source of entropy in FIPS 140-3 mode has a buffer of 32 MiB
	}
	dir := t.TempDir()
	key := filepath.Join(dir, "kek.bin")
	if err := os.WriteFile(key, make([]byte, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, pipeline := range map[string]string{
		"unsigned pipe":   "head -c %d /dev/zero | signet-measured encrypt --suite 0x0478 | signet-measured decrypt | wc -c",
		"signed pipe":     "head -c %d /dev/zero | signet-measured encrypt | signet-measured decrypt | wc -c",
		"unverified pipe": "head -c %d /dev/zero | signet-measured encrypt | signet-measured decrypt --allow-unverified-stream 2>/dev/null | wc -c",
		"armored pipe":    "head -c %d /dev/zero | signet-measured encrypt --armor | signet-measured decrypt --armor | wc -c",
		"files":           "head -c %d /dev/zero >f; signet-measured encrypt --concurrency 8 -o f.enc f; signet-measured decrypt --concurrency 8 -o f.out f.enc; wc -c <f.out; rm f*",
		"rotate":          "head -c %d /dev/zero | signet encrypt | signet-measured rotate | signet-measured decrypt | wc -c",
		"rotate in place": "head -c %d /dev/zero | signet encrypt >f.enc; signet-measured rotate -i f.enc; signet-measured decrypt f.enc | wc -c; rm f*",
		"inspect":         "head -c %d /dev/zero | signet-measured encrypt --frame-length 16MiB --suite 0x0478 | signet-measured inspect --json | sed -n 's/.*plaintext_bytes.: \\([0-9]*\\).*/\\1/p'",
		"explain":         "head -c %d /dev/zero | signet-measured encrypt | signet-measured explain --json | sed -n 's/.*plaintext_bytes.: \\([0-9]*\\).*/\\1/p'",
	} {
		t.Run(name, func(t *testing.T) {
			peaks := filepath.Join(t.TempDir(), "peaks")
			cmd := exec.Command("sh", "-c", fmt.Sprintf(pipeline, size))
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "SIGNET_KEYRING=raw-aes:a/b?key-file="+key, "SIGNET_TEST_PEAKS="+peaks)
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			if err != nil || strings.TrimSpace(string(out)) != fmt.Sprint(size) {
				t.Fatalf("got %q bytes, %v, want %d", out, err, size)
			}
			b, err := os.ReadFile(peaks)
			if err != nil {
				t.Fatal(err)
			}
			processes := 0
			for line := range strings.Lines(string(b)) {
				var command string
				var kib int
				if _, err := fmt.Sscanf(line, "%s %d kB", &command, &kib); err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				t.Logf("%s: %.1f MiB", command, float64(kib)/1024)
				if name == "inspect" && command == "encrypt" {
					continue // a frame of 16 MiB is held as a whole
				}
				processes++
				if kib > limit || kib < 4<<10 {
					t.Errorf("%s: peak of %d KiB, want 4 MiB to %d KiB", command, kib, limit)
				}
			}
			if want := 2; processes != want && name != "inspect" {
				t.Errorf("%d processes were measured, want %d", processes, want)
			}
		})
	}
}
