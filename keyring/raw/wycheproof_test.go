package raw

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"testing"

	"github.com/c2sp/wycheproof"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/internal/ecdhwrap"
)

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	*h = b
	return err
}

func wycheproofFile(t *testing.T, name string, v any) {
	t.Helper()
	b, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", name, err))
	}
}

type rsaCase struct {
	TcID           int
	Msg, CT, Label hexBytes
	Result         string
	Flags          []string
}

type rsaFile struct {
	TestGroups []struct {
		KeySize     int
		SHA, MGFSHA string
		PKCS8       hexBytes `json:"privateKeyPkcs8"`
		PEM         string   `json:"privateKeyPem"`
		Tests       []rsaCase
	}
}

// wycheproofKey loads a group's key both ways.
func wycheproofKey(t *testing.T, der []byte, text string, padding RSAPadding) *rsaProvider {
	t.Helper()
	key, err := ParseRSAPrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ParseRSAPrivateKey([]byte(text))
	if err != nil || !other.Equal(key) {
		t.Fatalf("PEM and DER differ: %v", err)
	}
	p := &rsaProvider{namespace: "space", name: "name", padding: padding}
	if err := p.setKeys(&RSAConfig{Padding: padding, Private: key}); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWycheproofOAEP(t *testing.T) {
	hashes := map[string]RSAPadding{"SHA-1": OAEPSHA1, "SHA-256": OAEPSHA256, "SHA-384": OAEPSHA384, "SHA-512": OAEPSHA512}
	ran := map[RSAPadding]int{}
	for _, name := range []string{
		"rsa_oaep_2048_sha1_mgf1sha1_test.json", "rsa_oaep_2048_sha256_mgf1sha256_test.json", "rsa_oaep_3072_sha256_mgf1sha256_test.json",
		"rsa_oaep_4096_sha256_mgf1sha256_test.json", "rsa_oaep_2048_sha384_mgf1sha384_test.json", "rsa_oaep_2048_sha512_mgf1sha512_test.json",
		"rsa_oaep_3072_sha512_mgf1sha512_test.json", "rsa_oaep_4096_sha512_mgf1sha512_test.json", "rsa_oaep_misc_test.json",
	} {
		var file rsaFile
		wycheproofFile(t, name, &file)
		for _, g := range file.TestGroups {
			padding, ours := hashes[g.SHA]
			// Other hashes, another hash in MGF1, and keys too small for a data key are not this keyring's.
			if !ours || g.MGFSHA != g.SHA || g.KeySize/8-padding.overhead() < maxWrapped {
				continue
			}
			p := wycheproofKey(t, g.PKCS8, g.PEM, padding)
			for _, c := range g.Tests {
				ran[padding]++
				got, err := p.open(c.CT, len(c.Msg))
				valid := c.Result == "valid" && len(c.Label) == 0 // a label is never ours
				switch {
				case valid && (err != nil || !bytes.Equal(got, c.Msg)):
					t.Errorf("%s, %d: got %x, %v, want %x", name, c.TcID, got, err, c.Msg)
				case !valid && (err != errRSA || got != nil):
					t.Errorf("%s, %d: got %x, %v, want the one error", name, c.TcID, got, err)
				}
			}
		}
	}
	for p := OAEPSHA256; p <= OAEPSHA1; p++ {
		if ran[p] < 30 {
			t.Errorf("%s: ran %d vectors, want at least 30", p, ran[p])
		}
	}
}

func TestWycheproofPKCS1(t *testing.T) {
	valid, invalid := 0, 0
	for _, name := range []string{"rsa_pkcs1_2048_test.json", "rsa_pkcs1_3072_test.json", "rsa_pkcs1_4096_test.json"} {
		var file rsaFile
		wycheproofFile(t, name, &file)
		for _, g := range file.TestGroups {
			p := wycheproofKey(t, g.PKCS8, g.PEM, PKCS1v15)
			for _, c := range g.Tests {
				p.explicit = true
				got, err := p.open(c.CT, len(c.Msg))
				p.explicit = false
				n := max(len(c.Msg), 16) // of an invalid one, nobody knows the length
				if c.Result == "valid" {
					n = len(c.Msg)
				}
				implicit, implicitErr := p.open(c.CT, n)
				if c.Result != "valid" {
					invalid++
					if err != errRSA || got != nil {
						t.Errorf("%s, %d, with padding errors: got %x, %v, want the one error", name, c.TcID, got, err)
					}
					if implicitErr == nil && (len(implicit) != n || len(c.Msg) > 0 && bytes.Equal(implicit, c.Msg)) {
						t.Errorf("%s, %d: got %x, want random bytes", name, c.TcID, implicit)
					}
					continue
				}
				valid++
				if err != nil || !bytes.Equal(got, c.Msg) {
					t.Errorf("%s, %d, with padding errors: got %x, %v, want %x", name, c.TcID, got, err, c.Msg)
				}
				if implicitErr != nil || !bytes.Equal(implicit, c.Msg) {
					t.Errorf("%s, %d: got %x, %v, want %x", name, c.TcID, implicit, implicitErr, c.Msg)
				}
			}
		}
	}
	if valid < 100 || invalid < 50 {
		t.Errorf("ran %d valid and %d invalid vectors", valid, invalid)
	}
}

// ecdhCurves are the names of Wycheproof's curves.
func ecdhCurves() map[string]ecdhwrap.Curve {
	c := ecdhwrap.Curves()
	return map[string]ecdhwrap.Curve{"secp256r1": c[0], "secp384r1": c[1], "secp521r1": c[2]}
}

type ecdhCase struct {
	TcID            int
	Public, Private string
	Shared          hexBytes
	Result          string
	Flags           []string
}

type ecdhFile struct {
	TestGroups []struct{ Tests []ecdhCase }
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Public keys as SubjectPublicKeyInfo, in DER and in PEM, and private keys in PEM: what must be refused is refused, the rest agrees.
func TestWycheproofECDHKeys(t *testing.T) {
	for name, curve := range ecdhCurves() {
		if raceEnabled && curve.Name != "p256" {
			continue // ten times slower, and nothing runs at the same time here
		}
		for _, form := range []string{"", "_pem"} {
			var file ecdhFile
			wycheproofFile(t, "ecdh_"+name+form+"_test.json", &file)
			counts := map[string]int{}
			for _, g := range file.TestGroups {
				for _, c := range g.Tests {
					counts[c.Result]++
					public, private := []byte(c.Public), []byte(c.Private)
					if form == "" {
						public, private = unhex(t, c.Public), sec1DER(curve, unhex(t, c.Private))
					}
					pub, pubErr := ParseECPublicKey(public)
					priv, err := ParseECPrivateKey(private)
					if err != nil && c.Result == "valid" {
						t.Errorf("%s%s, %d: private key: %v", name, form, c.TcID, err)
					}
					if pubErr == nil && pub.Curve() != curve.ECDH {
						continue // a key on another curve, which NewECDH refuses
					}
					switch {
					case c.Result == "invalid" && pubErr == nil:
						t.Errorf("%s%s, %d: took a public key that is invalid: %v", name, form, c.TcID, c.Flags)
					case c.Result == "valid" && pubErr != nil:
						t.Errorf("%s%s, %d: %v", name, form, c.TcID, pubErr)
					}
					if pubErr != nil || err != nil {
						continue
					}
					shared, err := agree(priv, pub)
					if err != nil || !shared.Equal(keyring.NewSecret(c.Shared)) {
						t.Errorf("%s%s, %d: wrong shared secret: %v", name, form, c.TcID, err)
					}
				}
			}
			if counts["valid"] < 300 || counts["invalid"] < 30 {
				t.Errorf("%s%s: ran %v", name, form, counts)
			}
		}
	}
}

// sec1DER writes a private key with its curve.
func sec1DER(curve ecdhwrap.Curve, scalar []byte) []byte {
	oid := map[string]string{"p256": "06082a8648ce3d030107", "p384": "06052b81040022", "p521": "06052b81040023"}[curve.Name]
	params, _ := hex.DecodeString(oid)
	b := append([]byte{2, 1, 1, 4, byte(len(scalar))}, scalar...)
	b = append(append(b, 0xa0, byte(len(params))), params...)
	return append([]byte{0x30, byte(len(b))}, b...)
}

// Compressed points, as messages have them.
func TestWycheproofECDHPoints(t *testing.T) {
	for name, curve := range ecdhCurves() {
		if raceEnabled && curve.Name != "p256" {
			continue // ten times slower, and nothing runs at the same time here
		}
		var file ecdhFile
		wycheproofFile(t, "ecdh_"+name+"_ecpoint_test.json", &file)
		agreed, refused := 0, 0
		for _, g := range file.TestGroups {
			for _, c := range g.Tests {
				point := unhex(t, c.Public)
				if c.Result != "invalid" && len(point) == 2*curve.PointLen-1 {
					point = append([]byte{2 | point[len(point)-1]&1}, point[1:curve.PointLen]...)
				}
				pub, err := curve.Parse(point)
				if c.Result == "invalid" {
					refused++
					if err == nil {
						t.Errorf("%s, %d: took an invalid point: %v", name, c.TcID, c.Flags)
					}
					continue
				}
				agreed++
				if err != nil {
					t.Errorf("%s, %d: %v", name, c.TcID, err)
					continue
				}
				priv, err := curve.ECDH.NewPrivateKey(fixedScalar(unhex(t, c.Private), curve))
				if err != nil {
					t.Errorf("%s, %d: %v", name, c.TcID, err)
					continue
				}
				shared, err := agree(priv, pub)
				if err != nil || !shared.Equal(keyring.NewSecret(c.Shared)) {
					t.Errorf("%s, %d: wrong shared secret: %v", name, c.TcID, err)
				}
				if got := curve.Compress(pub); !bytes.Equal(got, point) {
					t.Errorf("%s, %d: compressed to %x, want %x", name, c.TcID, got, point)
				}
			}
		}
		if agreed < 200 || refused < 10 {
			t.Errorf("%s: %d agreed, %d refused", name, agreed, refused)
		}
	}
}

// The hashes of OAEP are what the padding's name says.
func TestPaddingHash(t *testing.T) {
	for p, want := range map[RSAPadding]crypto.Hash{OAEPSHA1: crypto.SHA1, OAEPSHA256: crypto.SHA256, OAEPSHA384: crypto.SHA384, OAEPSHA512: crypto.SHA512, PKCS1v15: 0} {
		if got := p.hash(); got != want || want != 0 && !want.Available() {
			t.Errorf("%s: got %v, want %v", p, got, want)
		}
	}
}
