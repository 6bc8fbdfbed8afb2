package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/signetkeys/signet/keyring/suite"
)

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		text   string
	}{
		{nil, 2, "usage: vectors [-v] DIR-or-ZIP..."},
		{[]string{"-h"}, 0, "usage: vectors"},
		{[]string{"-x"}, 2, "flag provided but not defined: -x"},
		{[]string{filepath.Join(t.TempDir(), "missing")}, 2, "no such file"},
		{[]string{t.TempDir()}, 2, "no test vectors found"},
		{[]string{files{"a.json": []byte("{}"), "b": []byte("text")}.dir(t)}, 2, "no test vectors found"},
	} {
		if status, out, errs := tool(c.args...); status != c.status || !strings.Contains(errs, c.text) || strings.Contains(out, "passed") {
			t.Errorf("%q: exit status %d, %q, %q; want %d, %q", c.args, status, out, errs, c.status, c.text)
		}
	}
}

// Files of another kind are passed over, and named with -v.
func TestNotVectors(t *testing.T) {
	f := manifest(t, 4, entry4("aes", output(small)), files{
		"ciphertexts/c": encrypt(t, suite.AES256GCMCommit(), nil),
		"other.json":    []byte(`{"manifest": {"type": "awses-encrypt", "version": 1}}`),
		"list.json":     []byte(`[1, 2]`),
		"tests.json":    []byte(`{"tests": [{"a": 1}]}`),
		"odd.json":      []byte(`{"manifest": "words"}`),
		"text.json":     []byte(`just text`),
		"brace":         []byte(`{ just text`),
		"empty.json":    nil,
	})
	dir := f.dir(t)
	expect(t, 0, onePassed, []string{dir})
	expect(t, 0, onePassed, []string{"-v", dir}, `other.json: a manifest of type "awses-encrypt"`, "list.json: no manifest", "tests.json: no manifest",
		"odd.json: no manifest", "brace: no JSON", `keys.json: a manifest of type "keys"`, "  pass case\n")
}

// What should be a set and cannot be read fails, instead of being passed over.
func TestBrokenManifests(t *testing.T) {
	good := manifest(t, 4, entry4("aes", output(small)), files{"ciphertexts/c": encrypt(t, suite.AES256GCMCommit(), nil)})
	for name, c := range map[string]struct {
		file     string
		old, new string
		text     string
	}{
		"truncated":           {"manifest.json", "}}", "", "not JSON: "},
		"version 0":           {"manifest.json", `"version":4`, `"version":0`, "unknown version 0"},
		"version 6":           {"manifest.json", `"version":4`, `"version":6`, "unknown version 6"},
		"version as text":     {"manifest.json", `"version":4`, `"version":"4"`, "cannot unmarshal"},
		"no tests":            {"manifest.json", `"tests"`, `"Tests!"`, "without tests"},
		"tests as list":       {"manifest.json", `"tests":{"case":`, `"tests":[{}],"x":{"case":`, "cannot unmarshal array"},
		"keys elsewhere":      {"manifest.json", "file://keys.json", "file://other.json", "keys: openat other.json"},
		"keys by https":       {"manifest.json", "file://keys.json", "https://keys.json", "does not start with file://"},
		"keys above":          {"manifest.json", "file://keys.json", "file://../keys.json", `bad file name "../keys.json"`},
		"keys absolute":       {"manifest.json", "file://keys.json", "file:///etc/passwd", `bad file name "/etc/passwd"`},
		"keys no keys":        {"keys.json", `"type":"keys"`, `"type":"locks"`, `manifest of type "locks"`},
		"keys version":        {"keys.json", `"version":3`, `"version":4`, "version 4 instead of keys 1 to 3"},
		"keys as list":        {"keys.json", `"keys":{`, `"keys":[],"x":{`, "keys: json: cannot unmarshal array"},
		"message elsewhere":   {"manifest.json", "file://ciphertexts/c", "file://ciphertexts/d", "openat ciphertexts/d"},
		"message above":       {"manifest.json", "file://ciphertexts/c", "file://../c", `bad file name "../c"`},
		"message by name":     {"manifest.json", "file://ciphertexts/c", "ciphertexts/c", "does not start with file://"},
		"plaintext elsewhere": {"manifest.json", small, "file://none", "openat none"},
		"no plaintext":        {"manifest.json", small, "file://", "bad file name"},
		"no result":           {"manifest.json", `"output"`, `"result"`, "neither an output nor an error"},
		"unknown manager":     {"manifest.json", `"Default"`, `"Sub"`, `unknown materials manager "Sub"`},
		"no keys":             {"manifest.json", `"master-keys"`, `"keys"`, "no key is described"},
		"wrong JSON type":     {"manifest.json", `"ciphertext":"`, `"ciphertext":1,"x":"`, "cannot unmarshal"},
	} {
		t.Run(name, func(t *testing.T) {
			f := maps.Clone(good)
			f[c.file] = bytes.Replace(good[c.file], []byte(c.old), []byte(c.new), 1)
			if bytes.Equal(f[c.file], good[c.file]) {
				t.Fatal("nothing replaced")
			}
			expect(t, 1, oneFailed, []string{f.dir(t)}, c.text)
		})
	}
	scenario := scenario5("positive-esdk", "0478", described("aes"), obj{})
	for old, c := range map[string]struct{ new, text string }{
		`"decryption-scenario"`:   {`"scenario"`, "no decryption-scenario"},
		`"decryptKeyDescription"`: {`"key"`, "no decryption-scenario, or none with a decryptKeyDescription"},
		`"positive-esdk"`:         {`"neutral-esdk"`, `unknown type "neutral-esdk"`},
		`"0478"`:                  {`"0479"`, "unknown algorithm suite"},
		`"frame-size"`:            {`"decryption-method":"telepathy","x"`, `unknown decryption-method "telepathy"`},
		`"` + small + `"`:         {`{"error":{}}`, "a positive scenario that expects an error"},
	} {
		f := manifest(t, 5, scenario, files{"ciphertexts/c": good["ciphertexts/c"]})
		f["manifest.json"] = bytes.Replace(f["manifest.json"], []byte(old), []byte(c.new), 1)
		expect(t, 1, oneFailed, []string{f.dir(t)}, c.text)
	}
	for _, id := range []string{"6700", "0x0478", "AES_256_GCM_HKDF_SHA512_COMMIT_KEY"} {
		if s, err := suiteOf(id); err == nil {
			t.Errorf("%s is taken for %s", id, s)
		}
	}
}

func TestLegacyManifest(t *testing.T) {
	f := files{
		"m/ciphertext.manifest": toJSON(t, obj{
			"manifest": obj{"type": "ciphertext"},
			"client":   obj{"name": "signet tests", "version": "1"},
			"test_keys": obj{"AES": obj{"256": obj{"encoding": "base64", "line_separator": "",
				"key": []string{"BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUF", "BQUFBQU="}}}},
			"test_cases": []obj{{"plaintext": obj{"filename": "p/small"}, "ciphertext": obj{"filename": "c/1"}, "algorithm": "0478",
				"master_keys": []obj{{"provider_id": namespace, "decryptable": true, "encryption_algorithm": "AES", "key_bits": 256}}}},
		}),
		"p/small": plaintext,
		"c/1":     nil,
	}
	// This client's key name: algorithm, size, padding and hash.
	f["c/1"] = legacyMessage(t, "AES.256..")
	expect(t, 0, onePassed, []string{f.dir(t)}, "ciphertext manifest of signet tests 1")
	expect(t, 0, onePassed, []string{files{"inside/set.zip": f.zip(t)}.dir(t)})
	for name, c := range map[string]struct{ old, new, text string }{
		"other plaintext":   {`"p/small"`, `"c/1"`, "the plaintext differs"},
		"no such message":   {`"c/1"`, `"c/2"`, `file "c/2" of the first case: file does not exist`},
		"message above":     {`"c/1"`, `"../c/1"`, `file "../c/1" of the first case`},
		"other suite":       {`"0478"`, `"0578"`, "not of the declared"},
		"no suite":          {`"0478"`, `"9999"`, "unknown algorithm suite"},
		"no such size":      {`"key_bits":256`, `"key_bits":192`, "no AES key of 192 bits"},
		"all sizes":         {`"key_bits":256,`, ``, "no AES key of 128 bits"},
		"no such algorithm": {`"encryption_algorithm":"AES"`, `"encryption_algorithm":"DES"`, "no DES key"},
		"size of the key":   {`"256":{`, `"128":{`, "no AES key of 256 bits"},
		"odd size":          {`"256":{`, `"big":{`, `AES key of "big" bits`},
		"no cases":          {`"test_cases"`, `"cases"`, "without test_cases"},
		"no master keys":    {`"master_keys"`, `"keys"`, "no key is described"},
		"encoding":          {`"base64"`, `"hex"`, `AES key in encoding "hex"`},
		"not base64":        {`"BQUFBQU="`, `"BQUFBQ"`, "AES key is not base64"},
	} {
		t.Run(name, func(t *testing.T) {
			broken := maps.Clone(f)
			broken["m/ciphertext.manifest"] = bytes.Replace(f["m/ciphertext.manifest"], []byte(c.old), []byte(c.new), 1)
			expect(t, 1, oneFailed, []string{broken.dir(t)}, c.text)
		})
	}
	for _, c := range []struct{ old, new, text string }{
		{`"decryptable":true`, `"decryptable":false`, "the key is encrypt-only"},
		{`"provider_id":"` + namespace, `"provider_id":"aws-kms`, "needs AWS KMS: aws-kms"},
	} {
		skipped := maps.Clone(f)
		skipped["m/ciphertext.manifest"] = bytes.Replace(f["m/ciphertext.manifest"], []byte(c.old), []byte(c.new), 1)
		expect(t, 0, oneSkipped, []string{skipped.dir(t)}, "skipped, parsed only: 1, "+c.text)
	}
}

func TestOracle(t *testing.T) {
	for _, c := range []struct{ test, last, text string }{
		{`{"key-type":"aws-kms","algorithm-suite":"0014","ciphertext":"","plaintext":""}`, oneFailed, "parsing: message: truncated"},
		{`{"key-type":"null","algorithm-suite":"0014","ciphertext":"AYA=","plaintext":""}`, oneFailed, "1, 0014 null: parsing"},
		{`{"key-type":"other","algorithm-suite":"0014","ciphertext":"","plaintext":""}`, oneFailed, `unknown key-type "other"`},
		{`{"key-type":"null","algorithm-suite":"none","ciphertext":"","plaintext":""}`, oneFailed, "unknown algorithm suite"},
		{`{"key-type":"null","algorithm-suite":"0014","ciphertext":1,"plaintext":""}`, oneFailed, "cannot unmarshal"},
	} {
		expect(t, 1, c.last, []string{files{"o.json": []byte("\ufeff [" + c.test + "]")}.dir(t)}, c.text)
	}
}

// Declared sizes are not believed, and nothing outside the argument is read.
func TestBounds(t *testing.T) {
	big := append([]byte(`{"manifest": {"type": "awses-decrypt"}`), bytes.Repeat([]byte{' '}, maxFile)...)
	bomb := files{"big.json": big}.zip(t)
	if len(bomb) > 1<<20 {
		t.Fatalf("the zip file has %d bytes", len(bomb))
	}
	expect(t, 1, oneFailed, []string{files{"a.zip": bomb}.dir(t)}, fmt.Sprintf("big.json: more than %d bytes", maxFile))

	nested := files{"x": []byte("{}")}.zip(t)
	for range maxZipDepth {
		nested = files{"z": nested}.zip(t)
	}
	expect(t, 1, oneFailed, []string{files{"a.zip": nested}.dir(t)}, "zip files within each other")

	expect(t, 1, oneFailed, []string{files{"a.zip": []byte("PK\x03\x04, and nothing of a zip file behind it")}.dir(t)}, "not a valid zip file")

	// A damaged message in a zip file does not end the run.
	damaged := manifest(t, 4, entry4("aes", output(small)), files{"ciphertexts/c": encrypt(t, suite.AES256GCMCommit(), nil)}).zip(t)
	at := bytes.Index(damaged, []byte("ciphertexts/c")) + len("ciphertexts/c") + 400
	damaged[at] ^= 0xff
	expect(t, 1, oneFailed, []string{files{"a.zip": damaged}.dir(t)}, "FAIL case: ciphertexts/c: zip: checksum error")

	left := budget{bytes: 10, files: maxFiles}
	tr := &tree{FS: os.DirFS(files{"f": make([]byte, 11)}.dir(t)), left: &left}
	if b, err := tr.read("f", maxFile); err == nil || !strings.Contains(err.Error(), "are read of one argument") {
		t.Errorf("beyond the budget: %d bytes, %v", len(b), err)
	}
	left = budget{bytes: maxRead, files: 2}
	tr = &tree{FS: os.DirFS(files{"a": nil, "b": nil, "c": nil}.dir(t)), left: &left}
	if err := tr.walk(func(string) error { return nil }); err == nil || !strings.Contains(err.Error(), "files that are read") {
		t.Errorf("more files than allowed: %v", err)
	}

	outside := files{"message": encrypt(t, suite.AES256GCMCommit(), nil)}.dir(t)
	dir := manifest(t, 4, entry4("aes", output(small)), nil).dir(t)
	if err := os.Symlink(outside, filepath.Join(dir, "ciphertexts")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "message"), filepath.Join(outside, "c")); err != nil {
		t.Fatal(err)
	}
	expect(t, 1, oneFailed, []string{dir}, "path escapes from parent")
}

// The order of cases is that of their names.
func TestOrder(t *testing.T) {
	tests := obj{}
	for _, id := range []string{"b", "c", "a"} {
		tests[id] = entry4("kms", output(small))
	}
	f := manifest(t, 4, nil, files{"ciphertexts/c": encrypt(t, suite.AES256GCMCommit(), nil)})
	f["manifest.json"] = toJSON(t, obj{"manifest": obj{"type": "awses-decrypt", "version": 4}, "keys": "file://keys.json", "tests": tests})
	f["manifest.json"] = bytes.ReplaceAll(f["manifest.json"], []byte(`"raw"`), []byte(`"aws-kms"`))
	_, out, _ := tool("-v", f.dir(t))
	var ids []string
	for line := range strings.Lines(out) {
		if id, ok := strings.CutPrefix(line, "  skip "); ok {
			ids = append(ids, id[:1])
		}
	}
	if !slices.Equal(ids, []string{"a", "b", "c"}) {
		t.Errorf("cases in order %v:\n%s", ids, out)
	}
}
