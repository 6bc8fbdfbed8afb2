package main

import (
	"bytes"
	"encoding/base64"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// armored writes data in pieces of these lengths, in turn.
func armored(t *testing.T, data []byte, pieces ...int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := &armorWriter{w: &b}
	for i := 0; len(data) > 0; i++ {
		k := min(len(data), pieces[i%len(pieces)])
		if n, err := w.Write(data[:k]); n != k || err != nil {
			t.Fatalf("wrote %d of %d bytes, %v", n, k, err)
		}
		data = data[k:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestArmor(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	for _, size := range []int{0, 1, 2, 3, 47, 48, 49, 95, 96, 97, 512*48 - 1, 512 * 48, 512*48 + 1, 100_003} {
		data := make([]byte, size)
		random.Read(data)
		text := armored(t, data, max(size, 1))
		for line := range bytes.Lines(text) {
			if len(line) > armorLine+1 || line[len(line)-1] != '\n' {
				t.Fatalf("%d bytes: line of %d bytes", size, len(line))
			}
		}
		if got := bytes.ReplaceAll(text, []byte("\n"), nil); string(got) != base64.StdEncoding.EncodeToString(data) {
			t.Fatalf("%d bytes: not their base64 text", size)
		}
		if got := armored(t, data, 1, 50, 7, 1000); !bytes.Equal(got, text) {
			t.Fatalf("%d bytes in pieces: other text", size)
		}
		for name, r := range map[string]io.Reader{
			"plain": bytes.NewReader(text), "one byte": iotest.OneByteReader(bytes.NewReader(text)), "data with error": iotest.DataErrReader(bytes.NewReader(text)),
			"CRLF":      bytes.NewReader(bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))),
			"one line":  bytes.NewReader(bytes.ReplaceAll(text, []byte("\n"), nil)),
			"blank end": strings.NewReader(string(text) + " \t\r\n \n"),
		} {
			got, err := io.ReadAll(&armorReader{r: r})
			if err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%d bytes, %s: got %d bytes, %v", size, name, len(got), err)
			}
		}
	}
}

func TestArmorRefused(t *testing.T) {
	for _, bad := range []string{"AgV", "AgV4=", "Ag V4", "-gV4", "AgV5====", "AB==", "AgV4 AgV4", "AA==AgV4", "AA==\nAgV4", "A\x00==", "=", "====", "AA= =AA", "AA= =", "AA ==", "AAA==", "AA==="} {
		for name, r := range map[string]io.Reader{"plain": strings.NewReader(bad), "one byte": iotest.OneByteReader(strings.NewReader(bad))} {
			if got, err := io.ReadAll(&armorReader{r: r}); codeOf(err) != codeArmor {
				t.Errorf("%q, %s: got %q, %v, want the code for armor", bad, name, got, err)
			}
		}
	}
	long := strings.Repeat("AgV4", 2000) // the mistake is in a later piece
	for _, bad := range []string{long + "=", long + "AA==" + long, long + "AA"} {
		if _, err := io.ReadAll(&armorReader{r: strings.NewReader(bad)}); codeOf(err) != codeArmor {
			t.Errorf("mistake behind %d digits: got %v", len(long), err)
		}
	}
}

// A file of text goes back to any byte of the message.
func TestArmorFile(t *testing.T) {
	data := make([]byte, 100_003)
	rand.NewChaCha8([32]byte{2}).Read(data)
	text := strings.NewReader("before" + string(armored(t, data, 1000)))
	if _, err := text.Seek(6, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	a, err := newArmorFile(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{0, 1, 50_000, 49_999, 0, 100_003, 3, 100_002} {
		if got, err := a.Seek(at, io.SeekStart); got != at || err != nil {
			t.Fatalf("to %d: at %d, %v", at, got, err)
		}
		if rest, err := io.ReadAll(a); err != nil || !bytes.Equal(rest, data[at:]) {
			t.Fatalf("from %d: %d bytes that are not the rest, %v", at, len(rest), err)
		}
	}
	if _, err := a.Seek(100_004, io.SeekStart); err != io.ErrUnexpectedEOF {
		t.Errorf("behind the end: %v", err)
	}
	for _, whence := range []int{io.SeekStart, io.SeekEnd} {
		if _, err := a.Seek(-1, whence); err == nil {
			t.Errorf("to -1 of %d: no error", whence)
		}
	}
}
