package main

import (
	"archive/zip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signetkeys/signet/internal/sharedtest"
)

// TestSharedVectors runs every vector that the AWS Encryption SDKs publish (formats/esdk.md 13).
func TestSharedVectors(t *testing.T) {
	args, err := filepath.Glob(filepath.Join(sharedtest.Vectors(t, "esdk"), "*"))
	if err != nil || len(args) != 7 {
		t.Fatalf("%d files of vectors, want 7: %v", len(args), err)
	}
	status, out, errs := tool(args...)
	if status != 0 || errs != "" || !strings.HasSuffix(out, "\n680 passed, 0 failed, 641 skipped\n") {
		t.Errorf("exit status %d, %s\n%s", status, errs, out)
	}
	for set, counts := range map[string]string{
		"commitment-known-answers.json": "46 passed, 0 failed, 0 skipped",
		"python-decrypt-oracle.json":    "18 passed, 0 failed, 9 skipped",
		"v4-Net-4.0.1.zip":              "99 passed, 0 failed, 33 skipped",
		"valid-Net-4.0.0.zip":           "5 passed, 0 failed, 0 skipped",
		"from-dafny.zip":                "152 passed, 0 failed, 95 skipped",
		"legacy-1.3.0.zip":              "360 passed, 0 failed, 144 skipped",
		"python-1.3.5.zip":              "0 passed, 0 failed, 360 skipped",
	} {
		_, after, ok := strings.Cut(out, set)
		if lines := strings.SplitN(after, "\n", 3); !ok || strings.TrimSpace(lines[1]) != counts {
			t.Errorf("%s: got %q, want %q", set, lines, counts)
		}
	}
	if want := "\n0 of 137 messages of ESDK-NET 4.0.0 needed its faults to be allowed\n"; !strings.Contains(out, want) {
		t.Errorf("the output does not contain %q", want)
	}
	if strings.Contains(out, "FAIL") {
		t.Error("the output has a failure")
	}
}

// A set is found wherever it is: a zip in a folder, a zip in a zip in a folder, unpacked into a folder, and by the name of its manifest.
func TestSharedVectorsAnywhere(t *testing.T) {
	path := sharedtest.Vectors(t, "esdk", "valid-Net-4.0.0.zip")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	unpacked := files{}
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		unpacked["deep/down/"+f.Name] = content
	}
	const five = "5 passed, 0 failed, 0 skipped"
	expect(t, 0, five, []string{files{"a/b/set.bin": b, "plaintexts/small": []byte("not this one")}.dir(t)}, "set.bin!manifest.json")
	expect(t, 0, five, []string{files{"a/outer.zip": files{"x/inner": b}.zip(t)}.dir(t)}, "outer.zip!x/inner!manifest.json")
	dir := unpacked.dir(t)
	expect(t, 0, five, []string{dir})
	expect(t, 0, five, []string{filepath.Join(dir, "deep", "down", "manifest.json")})
	expect(t, 0, "10 passed, 0 failed, 0 skipped", []string{dir, path})
	t.Chdir(filepath.Join(dir, "deep", "down"))
	expect(t, 0, five, []string{"manifest.json"})
	expect(t, 2, "", []string{"keys.json"}, "keys.json: no test vectors found")
}
