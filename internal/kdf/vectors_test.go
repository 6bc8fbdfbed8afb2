package kdf

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/c2sp/wycheproof"
	"github.com/signetkeys/signet"
)

// ESDK message derivation, version 2: message id 00..1f, data key 20..3f. Computed with two independent libraries.
func TestMessageV2KnownAnswers(t *testing.T) {
	id, dataKey := sequence(0, 32), sequence(0x20, 32)
	var prk [64]byte
	if err := ExtractSHA512(&prk, id, dataKey); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		info [][]byte
		want string
	}{
		{"0478 key", [][]byte{{0x04, 0x78}, []byte("DERIVEKEY")}, "3576fd3c510d4c6e6495b2e780c12f221381a9807ba3b320d3c33031302f63b5"},
		{"0578 key", [][]byte{{0x05, 0x78}, []byte("DERIVEKEY")}, "0c1daaeccceaf68f66f127d5dadd5bfe3cd04a870e33b05c4b9776d2fa778252"},
		{"0578 key, one part", [][]byte{[]byte("\x05\x78DERIVEKEY")}, "0c1daaeccceaf68f66f127d5dadd5bfe3cd04a870e33b05c4b9776d2fa778252"},
		{"commitment", [][]byte{[]byte("COMMITKEY")}, "51b8e143ed7b187a363b8374af291bcc101be5a0fb06d5b812596613dea0b257"},
	} {
		out := make([]byte, 32)
		if err := ExpandSHA512(out, &prk, c.info...); err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(out); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// ESDK message derivation, version 1: message id 00..0f, data key 20.. in the length of the suite, no salt.
func TestMessageV1KnownAnswers(t *testing.T) {
	for _, c := range []struct {
		suite uint16
		hash  crypto.Hash
		want  string
	}{
		{0x0114, crypto.SHA256, "550f87ec898baae7ea3254b4fc953631"},
		{0x0146, crypto.SHA256, "d0c81ef42de4557568ec5d82834a3442b5811043ea1fd1c2"},
		{0x0178, crypto.SHA256, "f23fd8ef3d26ac14190b5bb6bf37b17e7d1810b8ff42a936e8d4142021161a6f"},
		{0x0214, crypto.SHA256, "e22ed310b4797daa567701ac7d1f95fb"},
		{0x0346, crypto.SHA384, "d6c2584b52b838a42b28e2af69ecb88c61151d927b21b29b"},
		{0x0378, crypto.SHA384, "376a2484930168e57417807f9a511f603115e5424121d2c059c61c0ff1d204cb"},
	} {
		n := len(c.want) / 2
		info := append([]byte{byte(c.suite >> 8), byte(c.suite)}, sequence(0, 16)...)
		out, err := HKDF(c.hash, sequence(0x20, n), nil, info, n)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(out); got != c.want {
			t.Errorf("%04x: got %s, want %s", c.suite, got, c.want)
		}
	}
}

func TestWycheproofHMACSHA512(t *testing.T) {
	var file struct {
		TestGroups []struct {
			TagSize int
			Tests   []struct {
				TcID          int
				Key, Msg, Tag hexBytes
				Result        string
			}
		}
	}
	load(t, "hmac_sha512_test.json", &file)
	n := 0
	for _, g := range file.TestGroups {
		for _, c := range g.Tests {
			n++
			var public, composed, std [64]byte
			if err := HMACSHA512(&public, c.Key, c.Msg); err != nil {
				t.Fatalf("%d: %v", c.TcID, err)
			}
			macFast(&composed, c.Key, [][]byte{c.Msg}, nil)
			if err := macStd(&std, c.Key, [][]byte{c.Msg}); err != nil {
				t.Fatalf("%d: %v", c.TcID, err)
			}
			for name, got := range map[string][64]byte{"public": public, "composed": composed, "std": std} {
				if bytes.Equal(got[:g.TagSize/8], c.Tag) != (c.Result == "valid") {
					t.Errorf("%d, %s: got %x, vector %x is %s", c.TcID, name, got, c.Tag, c.Result)
				}
			}
		}
	}
	if n < 100 {
		t.Errorf("ran %d vectors, want at least 100", n)
	}
}

func TestWycheproofHKDF(t *testing.T) {
	for name, h := range map[string]crypto.Hash{"sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512} {
		t.Run(name, func(t *testing.T) { testWycheproofHKDF(t, name, h) })
	}
}

func testWycheproofHKDF(t *testing.T, name string, h crypto.Hash) {
	var file struct {
		TestGroups []struct {
			Tests []struct {
				TcID                 int
				IKM, Salt, Info, OKM hexBytes
				Size                 int
				Result               string
			}
		}
	}
	load(t, "hkdf_"+name+"_test.json", &file)
	n := 0
	for _, g := range file.TestGroups {
		for _, c := range g.Tests {
			n++
			out, err := HKDF(h, c.IKM, c.Salt, c.Info, c.Size)
			if c.Result != "valid" {
				if !errors.Is(err, signet.ErrLimit) {
					t.Errorf("%d: got %x, %v, want ErrLimit", c.TcID, out, err)
				}
				if h == crypto.SHA512 {
					if err := ExpandSHA512(make([]byte, c.Size), new([64]byte), c.Info); !errors.Is(err, signet.ErrLimit) {
						t.Errorf("%d: ExpandSHA512: got %v, want ErrLimit", c.TcID, err)
					}
				}
				continue
			}
			if err != nil || !bytes.Equal(out, c.OKM) {
				t.Errorf("%d: got %x, %v, want %x", c.TcID, out, err, c.OKM)
			}
			if h != crypto.SHA512 {
				continue
			}
			for name, got := range map[string][]byte{"public": public512(t, c.IKM, c.Salt, c.Info, c.Size), "std": std512(t, c.IKM, c.Salt, c.Info, c.Size)} {
				if !bytes.Equal(got, c.OKM) {
					t.Errorf("%d, %s: got %x, want %x", c.TcID, name, got, c.OKM)
				}
			}
			if c.Size <= 64 {
				var prk [64]byte
				got := make([]byte, c.Size)
				extractFast(&prk, c.Salt, c.IKM)
				expandFast(got, &prk, [][]byte{c.Info})
				if !bytes.Equal(got, c.OKM) {
					t.Errorf("%d, composed: got %x, want %x", c.TcID, got, c.OKM)
				}
			}
		}
	}
	if n < 50 {
		t.Errorf("ran %d vectors, want at least 50", n)
	}
}

func public512(t *testing.T, ikm, salt, info []byte, n int) []byte {
	t.Helper()
	var prk [64]byte
	out := make([]byte, n)
	if err := errors.Join(ExtractSHA512(&prk, salt, ikm), ExpandSHA512(out, &prk, info)); err != nil {
		t.Fatal(err)
	}
	return out
}

func std512(t *testing.T, ikm, salt, info []byte, n int) []byte {
	t.Helper()
	var prk [64]byte
	out := make([]byte, n)
	if err := errors.Join(extractStd(&prk, salt, ikm), expandStd(out, &prk, [][]byte{info})); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestHKDFRefuses(t *testing.T) {
	key := sequence(0, 32)
	for _, c := range []struct {
		hash crypto.Hash
		n    int
		want error
	}{
		{crypto.SHA1, 32, signet.ErrUnsupported},
		{0, 32, signet.ErrUnsupported},
		{crypto.SHA256, -1, signet.ErrLimit},
		{crypto.SHA256, 255*32 + 1, signet.ErrLimit},
		{crypto.SHA384, 255*48 + 1, signet.ErrLimit},
		{crypto.SHA512, 255*64 + 1, signet.ErrLimit},
	} {
		if out, err := HKDF(c.hash, key, nil, nil, c.n); !errors.Is(err, c.want) || out != nil {
			t.Errorf("HKDF(%v, %d): got %x, %v, want %v", c.hash, c.n, out, err, c.want)
		}
	}
}

func sequence(first byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

func load(t *testing.T, name string, v any) {
	t.Helper()
	b, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", name, err))
	}
}

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	*h = b
	return err
}
