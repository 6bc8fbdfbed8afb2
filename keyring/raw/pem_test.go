package raw_test

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring/raw"
)

// anyKey reads b with each function and returns what each said.
func anyKey(b []byte) (keys [4]any, errs [4]error) {
	keys[0], errs[0] = raw.ParseRSAPrivateKey(b)
	keys[1], errs[1] = raw.ParseRSAPublicKey(b)
	keys[2], errs[2] = raw.ParseECPrivateKey(b)
	keys[3], errs[3] = raw.ParseECPublicKey(b)
	return
}

var kinds = [4]string{"RSA private", "RSA public", "EC private", "EC public"}

// only is the key that just one of the functions gives, and which one that is.
func only(t testing.TB, what string, b []byte) (any, string) {
	t.Helper()
	keys, errs := anyKey(b)
	found := -1
	for i, err := range errs {
		if err != nil {
			continue
		}
		if found >= 0 {
			t.Fatalf("%s: is %s and %s", what, kinds[found], kinds[i])
		}
		found = i
	}
	if found < 0 {
		t.Errorf("%s: refused: %v", what, errors.Join(errs[:]...))
		return nil, ""
	}
	return keys[found], kinds[found]
}

func same(a, b any) bool {
	switch a := a.(type) {
	case *rsa.PrivateKey:
		return a.Equal(b)
	case *rsa.PublicKey:
		return a.Equal(b)
	case *ecdh.PrivateKey:
		return a.Equal(b)
	case *ecdh.PublicKey:
		return a.Equal(b)
	}
	return false
}

func block(t testing.TB, b []byte) *pem.Block {
	t.Helper()
	for rest := b; ; {
		var p *pem.Block
		if p, rest = pem.Decode(rest); p == nil {
			t.Fatal("no PEM block")
		} else if p.Type != "EC PARAMETERS" {
			return p
		}
	}
}

// Every file that holds a key, in every dress.
func TestParse(t *testing.T) {
	rsaKey, _ := only(t, "rsa", keyFile(t, "rsa-pkcs8.pem"))
	want := map[string]any{"rsa": rsaKey}
	for _, curve := range []string{"ec-p256", "ec-p384", "ec-p521"} {
		want[curve], _ = only(t, curve, keyFile(t, curve+"-pkcs8.pem"))
	}
	if t.Failed() {
		t.FailNow()
	}
	for name, kind := range map[string]string{
		"rsa-pkcs8": kinds[0], "rsa-pkcs1": kinds[0], "rsa-spki": kinds[1], "rsa-pkcs1-public": kinds[1], "rsa-certificate": kinds[1], "rsa-certificate-v1": kinds[1],
		"ec-p256-pkcs8": kinds[2], "ec-p256-sec1": kinds[2], "ec-p256-sec1-parameters": kinds[2], "ec-p256-sec1-no-public": kinds[2], "ec-p256-spki": kinds[3], "ec-p256-spki-compressed": kinds[3], "ec-p256-certificate": kinds[3],
		"ec-p384-pkcs8": kinds[2], "ec-p384-sec1": kinds[2], "ec-p384-sec1-parameters": kinds[2], "ec-p384-spki": kinds[3], "ec-p384-spki-compressed": kinds[3], "ec-p384-certificate": kinds[3],
		"ec-p521-pkcs8": kinds[2], "ec-p521-sec1": kinds[2], "ec-p521-sec1-parameters": kinds[2], "ec-p521-spki": kinds[3], "ec-p521-spki-compressed": kinds[3], "ec-p521-certificate": kinds[3],
	} {
		t.Run(name, func(t *testing.T) {
			file := keyFile(t, name+".pem")
			bare := file[bytes.Index(file, []byte("-----BEGIN")):]
			der := block(t, file).Bytes
			expected := want["rsa"]
			if strings.HasPrefix(name, "ec-") {
				expected = want[name[:7]]
			}
			switch k := expected.(type) {
			case *rsa.PrivateKey:
				if kind == kinds[1] {
					expected = &k.PublicKey
				}
			case *ecdh.PrivateKey:
				if kind == kinds[3] {
					expected = k.PublicKey()
				}
			}
			crlf := bytes.ReplaceAll(file, []byte("\n"), []byte("\r\n"))
			for dress, b := range map[string][]byte{
				"text in front":       file,
				"bare":                bare,
				"DER":                 der,
				"CRLF":                crlf,
				"BOM":                 append([]byte("\uFEFF"), bare...),
				"BOM and CRLF":        append([]byte("\uFEFF"), crlf...),
				"text behind":         append(bytes.Clone(file), "some words\n-- \n"...),
				"no last line ending": bytes.TrimRight(bare, "\n"),
				"spaces at line ends": bytes.ReplaceAll(bare, []byte("\n"), []byte(" \t\n")),
				"begins with a zero":  append([]byte("0 is a digit\n"), file...),
				"long lines":          unfold(bare),
			} {
				before := bytes.Clone(b)
				got, gotKind := only(t, dress, b)
				if gotKind != kind || !same(got, expected) {
					t.Errorf("%s: got %q, want the %s key", dress, gotKind, kind)
				}
				if !bytes.Equal(b, before) {
					t.Errorf("%s: the input was changed", dress)
				}
			}
		})
	}
}

// unfold writes the base64 of each block in one line.
func unfold(b []byte) []byte {
	var out bytes.Buffer
	for p, rest := pem.Decode(b); p != nil; p, rest = pem.Decode(rest) {
		fmt.Fprintf(&out, "-----BEGIN %s-----\n%s\n-----END %[1]s-----\n", p.Type, base64.StdEncoding.EncodeToString(p.Bytes))
	}
	return out.Bytes()
}

// What is refused by all four functions, with the class and a part of the reason.
func TestParseRefuses(t *testing.T) {
	pkcs8, cert := keyFile(t, "rsa-pkcs8.pem"), keyFile(t, "rsa-certificate.pem")
	der := block(t, pkcs8).Bytes
	reblock := func(label string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: label, Bytes: der}) }
	changed := func(b []byte, f func(b []byte) []byte) []byte { return f(bytes.Clone(b)) }
	sec1 := block(t, keyFile(t, "ec-p256-sec1.pem")).Bytes
	unnamed := changed(block(t, keyFile(t, "ec-p256-sec1-no-public.pem")).Bytes, func(b []byte) []byte {
		b = b[:2+3+2+32] // without the curve
		b[1] = byte(len(b) - 2)
		return b
	})
	p384 := keyFile(t, "ec-p384-sec1-parameters.pem")
	p384Parameters := p384[bytes.Index(p384, []byte("-----BEGIN")):bytes.Index(p384, []byte("-----BEGIN EC PRIVATE"))]
	for _, c := range []struct {
		what string
		in   []byte
		is   error
		says string
	}{
		{"empty", nil, signet.ErrMalformed, "empty"},
		{"text", []byte("key\n"), signet.ErrMalformed, "neither PEM nor DER"},
		{"binary", []byte{0, 1, 2, 3}, signet.ErrMalformed, "neither PEM nor DER"},
		{"too large", make([]byte, raw.MaxKeyFile+1), signet.ErrLimit, "at most 65536"},
		{"UTF-16", []byte("\xff\xfe-\x00-\x00"), signet.ErrUnsupported, "UTF-16"},
		{"a line feed behind DER", append(bytes.Clone(der), '\n'), signet.ErrMalformed, "1 bytes follow"},
		{"DER twice", append(bytes.Clone(der), der...), signet.ErrMalformed, "bytes follow"},
		{"half of DER", der[:len(der)/2], signet.ErrMalformed, "truncated"},
		{"DER of nothing", []byte{0x30, 0}, signet.ErrMalformed, "something else"},
		{"DER of a set", reblock("PRIVATE KEY", []byte{0x31, 0}), signet.ErrMalformed, "not valid DER"},
		{"trailing byte in PEM", reblock("PRIVATE KEY", append(bytes.Clone(der), 0)), signet.ErrMalformed, "1 bytes follow"},
		{"two keys", append(bytes.Clone(pkcs8), pkcs8...), signet.ErrMalformed, `more than one PEM block ("PRIVATE KEY", "PRIVATE KEY")`},
		{"key and certificate", append(bytes.Clone(pkcs8), cert...), signet.ErrMalformed, `("PRIVATE KEY", "CERTIFICATE")`},
		{"chain", append(bytes.Clone(cert), cert...), signet.ErrMalformed, "more than one PEM block"},
		{"a damaged block in front", append([]byte("-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n"), cert...), signet.ErrMalformed, "damaged"},
		{"a damaged block behind", append(bytes.Clone(cert), "-----BEGIN PRIVATE KEY-----\n"...), signet.ErrMalformed, "damaged"},
		{"no end line", pkcs8[:len(pkcs8)-10], signet.ErrMalformed, "damaged"},
		{"other end line", bytes.Replace(pkcs8, []byte("END PRIVATE"), []byte("END PUBLIC"), 1), signet.ErrMalformed, "damaged"},
		{"wrong label, RSA", reblock("RSA PRIVATE KEY", der), signet.ErrMalformed, `says "RSA PRIVATE KEY" and holds a PKCS #8 private key`},
		{"wrong label, EC", reblock("PRIVATE KEY", sec1), signet.ErrMalformed, `says "PRIVATE KEY" and holds a SEC 1`},
		{"wrong label, certificate", reblock("PUBLIC KEY", block(t, cert).Bytes), signet.ErrMalformed, "holds an X.509 certificate"},
		{"encrypted", keyFile(t, "rsa-encrypted.pem"), signet.ErrUnsupported, "encrypted (PKCS #8)"},
		{"encrypted, DER", block(t, keyFile(t, "rsa-encrypted.pem")).Bytes, signet.ErrUnsupported, "encrypted (PKCS #8)"},
		{"encrypted, traditional", keyFile(t, "rsa-encrypted-traditional.pem"), signet.ErrUnsupported, "encrypted (Proc-Type)"},
		{"encrypted, EC", keyFile(t, "ec-p256-sec1-encrypted.pem"), signet.ErrUnsupported, "openssl pkey"},
		{"request", keyFile(t, "rsa-request.pem"), signet.ErrUnsupported, `"CERTIFICATE REQUEST"`},
		{"request, DER", block(t, keyFile(t, "rsa-request.pem")).Bytes, signet.ErrUnsupported, "request for a certificate"},
		{"PKCS #12", keyFile(t, "rsa.p12"), signet.ErrUnsupported, "PKCS #12"},
		{"OpenSSH", keyFile(t, "openssh.pem"), signet.ErrUnsupported, "ssh-keygen"},
		{"OpenSSH public", keyFile(t, "openssh.pub"), signet.ErrUnsupported, "ssh-keygen"},
		{"unknown label", reblock("SOMETHING "+strings.Repeat("long", 20), der), signet.ErrUnsupported, "no RSA or EC key"},
		{"RSA-PSS", keyFile(t, "rsa-pss.pem"), signet.ErrUnsupported, "RSASSA-PSS"},
		{"RSA of 512 bits", keyFile(t, "rsa-512.pem"), signet.ErrUnsupported, "512 bits"},
		{"RSA of three primes", keyFile(t, "rsa-three-primes.pem"), signet.ErrUnsupported, "two primes"},
		{"Ed25519", keyFile(t, "ed25519.pem"), signet.ErrUnsupported, "Ed25519"},
		{"X25519", keyFile(t, "x25519-public.pem"), signet.ErrUnsupported, "X25519"},
		{"P-224", keyFile(t, "ec-p224-pkcs8.pem"), signet.ErrUnsupported, "curve 1.3.132.0.33"},
		{"secp256k1", keyFile(t, "ec-secp256k1.pem"), signet.ErrUnsupported, "curve 1.3.132.0.10"},
		{"secp256k1 public", keyFile(t, "ec-secp256k1-spki.pem"), signet.ErrUnsupported, "curve 1.3.132.0.10"},
		{"explicit parameters", keyFile(t, "ec-p256-explicit.pem"), signet.ErrUnsupported, "explicit curve parameters"},
		{"explicit parameters, PKCS #8", keyFile(t, "ec-p256-explicit-pkcs8.pem"), signet.ErrUnsupported, "explicit curve parameters"},
		{"explicit parameters, public", keyFile(t, "ec-p256-explicit-spki.pem"), signet.ErrUnsupported, "explicit curve parameters"},
		{"hybrid point", keyFile(t, "ec-p256-spki-hybrid.pem"), signet.ErrMalformed, "not a point of P-256"},
		{"parameters only", keyFile(t, "ec-p256-parameters.pem"), signet.ErrUnsupported, "no key"},
		{"parameters of another curve", append(bytes.Clone(p384Parameters), keyFile(t, "ec-p256-sec1.pem")...), signet.ErrMalformed, "on P-256 and on P-384"},
		{"parameters before PKCS #8", append(bytes.Clone(p384Parameters), pkcs8...), signet.ErrMalformed, "belongs to EC PRIVATE KEY only"},
		{"parameters twice", bytes.Repeat(p384Parameters, 2), signet.ErrUnsupported, `"EC PARAMETERS"`},
		{"SEC 1 without a curve", reblock("EC PRIVATE KEY", unnamed), signet.ErrMalformed, "does not say on which curve"},
		{"another key's public key", reblock("EC PRIVATE KEY", changed(sec1, func(b []byte) []byte { b[20] ^= 1; return b })), signet.ErrMalformed, "belongs to another"},
		{"public point off the curve", reblock("EC PRIVATE KEY", changed(sec1, func(b []byte) []byte { b[len(b)-1] ^= 1; return b })), signet.ErrMalformed, "not a point"},
		{"scalar zero", reblock("EC PRIVATE KEY", changed(sec1, func(b []byte) []byte { clear(b[7:39]); return b })), signet.ErrMalformed, "not a scalar"},
		{"scalar too large", reblock("EC PRIVATE KEY", changed(sec1, func(b []byte) []byte { copy(b[7:39], bytes.Repeat([]byte{255}, 32)); return b })), signet.ErrMalformed, "not a scalar"},
		{"SEC 1 of version 2", reblock("EC PRIVATE KEY", changed(sec1, func(b []byte) []byte { b[4] = 2; return b })), signet.ErrMalformed, "version 2"},
		{"inconsistent RSA", reblock("PRIVATE KEY", changed(der, func(b []byte) []byte { b[len(b)-1] ^= 2; b[600] ^= 1; return b })), signet.ErrMalformed, "do not belong together"},
		{"broken certificate", reblock("CERTIFICATE", changed(block(t, cert).Bytes, func(b []byte) []byte { b[8] = 9; return b })), signet.ErrMalformed, "certificate is not valid"},
	} {
		_, errs := anyKey(c.in)
		right := 0
		for i, err := range errs {
			if err == nil {
				t.Errorf("%s: taken as %s", c.what, kinds[i])
				continue
			}
			if errors.Is(err, c.is) && strings.Contains(err.Error(), c.says) {
				right++
			}
			if _, ok := errors.AsType[*raw.KeyError](err); !ok {
				t.Errorf("%s: got %T, want a KeyError", c.what, err)
			}
			noBytes(t, c.what, err, c.in)
		}
		// The wrong half is refused before the key is read, so that two of the four may say something else.
		if right < 2 {
			t.Errorf("%s: got %v, want %v with %q", c.what, errors.Join(errs[:]...), c.is, c.says)
		}
	}
}

// noBytes fails when an error repeats part of its input's base64.
func noBytes(t testing.TB, what string, err error, in []byte) {
	t.Helper()
	for line := range bytes.Lines(in) {
		line = bytes.TrimSpace(line)
		if len(line) >= 20 && !bytes.HasPrefix(line, []byte("-----")) && strings.Contains(err.Error(), string(line[:20])) {
			t.Errorf("%s: the error repeats the input", what)
		}
	}
}

// The wrong half and the wrong algorithm, named.
func TestParseWrongKind(t *testing.T) {
	for file, says := range map[string][4]string{
		"rsa-pkcs8.pem":        {"", "a PKCS #8 private key; the public key alone is needed", "an RSA key; an EC private key is needed", "a PKCS #8 private key; the public key"},
		"rsa-pkcs1.pem":        {"", "a PKCS #1 RSA private key; the public key", "an RSA key; an EC private key", "a PKCS #1 RSA private key; the public"},
		"rsa-spki.pem":         {"a public key, the public half; the private key is needed", "", "the private key is needed", "an RSA key; an EC public key is needed"},
		"rsa-pkcs1-public.pem": {"a PKCS #1 RSA public key, the public half", "", "the private key is needed", "an RSA key; an EC"},
		"rsa-certificate.pem":  {"an X.509 certificate, the public half", "", "the private key is needed", "an RSA key; an EC"},
		"ec-p256-sec1.pem":     {"an EC key; an RSA private key is needed", "a SEC 1 EC private key; the public key alone", "", "openssl pkey -pubout"},
		"ec-p384-spki.pem":     {"the private key is needed", "an EC key; an RSA public key is needed", "the public half", ""},
	} {
		_, errs := anyKey(keyFile(t, file))
		for i, err := range errs {
			switch {
			case says[i] == "" && err != nil:
				t.Errorf("%s as %s: %v", file, kinds[i], err)
			case says[i] != "" && (!errors.Is(err, signet.ErrUnsupported) || !strings.Contains(err.Error(), says[i])):
				t.Errorf("%s as %s: got %v, want ErrUnsupported with %q", file, kinds[i], err, says[i])
			}
		}
	}
}

// A curve that only the block of parameters names, and scalars written shorter or longer than the curve wants.
func TestParseSEC1Forms(t *testing.T) {
	one := make([]byte, 32)
	one[31] = 1
	want, err := ecdh.P256().NewPrivateKey(one)
	if err != nil {
		t.Fatal(err)
	}
	parameters := "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
	for _, scalar := range [][]byte{{1}, one, append([]byte{0, 0}, one...)} {
		der := append([]byte{0x30, byte(5 + len(scalar)), 2, 1, 1, 4, byte(len(scalar))}, scalar...)
		key := string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
		for _, text := range []string{parameters + key, key + parameters} {
			got, err := raw.ParseECPrivateKey([]byte(text))
			if err != nil || !got.Equal(want) {
				t.Errorf("scalar of %d bytes: %v", len(scalar), err)
			}
		}
	}
}

// What the standard library marshals.
func TestParseStandardLibrary(t *testing.T) {
	key := rsaKeys()[0]
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		for range 5 {
			k, err := ecdsa.GenerateKey(curve, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			want, _ := k.ECDH()
			der, err := x509.MarshalECPrivateKey(k)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := raw.ParseECPrivateKey(der); err != nil || !got.Equal(want) {
				t.Errorf("SEC 1: %v", err)
			}
			if der, err = x509.MarshalPKIXPublicKey(&k.PublicKey); err != nil {
				t.Fatal(err)
			}
			if got, err := raw.ParseECPublicKey(der); err != nil || !got.Equal(want.PublicKey()) {
				t.Errorf("SubjectPublicKeyInfo: %v", err)
			}
			if n := map[string]int{"P-256": 91, "P-384": 120, "P-521": 158}[curve.Params().Name]; len(der) != n {
				t.Errorf("SubjectPublicKeyInfo has %d bytes, want %d", len(der), n)
			}
		}
	}
	if got, err := raw.ParseRSAPrivateKey(x509.MarshalPKCS1PrivateKey(key)); err != nil || !got.Equal(key) {
		t.Errorf("PKCS #1: %v", err)
	}
	if got, err := raw.ParseRSAPublicKey(x509.MarshalPKCS1PublicKey(&key.PublicKey)); err != nil || !got.Equal(&key.PublicKey) {
		t.Errorf("PKCS #1 public: %v", err)
	}
}

// No input panics, every refusal is a KeyError of one class, and what is taken is a whole key.
func FuzzParseKey(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "keys", "*.p*"))
	if err != nil || len(files) < 40 {
		f.Fatalf("%d files: %v", len(files), err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		if p, _ := pem.Decode(b); p != nil {
			f.Add(p.Bytes)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		keys, errs := anyKey(b)
		taken := 0
		for i, err := range errs {
			if err == nil {
				taken++
				if !same(keys[i], keys[i]) {
					t.Errorf("%s: no key and no error", kinds[i])
				}
				continue
			}
			classes := 0
			for _, c := range []error{signet.ErrMalformed, signet.ErrUnsupported, signet.ErrLimit} {
				if errors.Is(err, c) {
					classes++
				}
			}
			if _, ok := errors.AsType[*raw.KeyError](err); !ok || classes != 1 {
				t.Errorf("%s: %T of %d classes: %v", kinds[i], err, classes, err)
			}
		}
		if taken > 1 {
			t.Errorf("taken as %d kinds of key", taken)
		}
		if !bytes.Equal(b, before) {
			t.Error("the input was changed")
		}
	})
}

// A number of tens of kilobytes is refused for its size: x509 would test for seconds whether it is a prime.
func TestParseLargeNumbers(t *testing.T) {
	k := rsaKeys()[0]
	p, q, c := k.Primes[0], k.Primes[1], k.Precomputed
	large := new(big.Int).Lsh(big.NewInt(1), 500_000)
	large.Add(large, big.NewInt(1))
	for i := range 6 {
		n := [6]*big.Int{k.D, p, q, c.Dp, c.Dq, c.Qinv}
		n[i] = large
		der, err := asn1.Marshal(struct {
			Version              int
			N, E                 *big.Int
			D, P, Q, DP, DQ, Inv *big.Int
		}{N: k.N, E: big.NewInt(int64(k.E)), D: n[0], P: n[1], Q: n[2], DP: n[3], DQ: n[4], Inv: n[5]})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := raw.ParseRSAPrivateKey(der); !errors.Is(err, signet.ErrMalformed) || !strings.Contains(err.Error(), "longer than its modulus") {
			t.Errorf("number %d: got %v, want ErrMalformed for its length", i, err)
		}
	}
}
