package kms_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
)

// openssl runs its pkeyutl with OAEP as docs/kms/offline.md shows it: one hash is given, for OAEP and MGF1 alike.
func openssl(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("openssl", append([]string{"pkeyutl", "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256"}, args...)...)
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("openssl: %v\n%s", err, stderr.String())
	}
	return out
}

func writePEM(t *testing.T, kind string, der []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is encrypted offline is plain RSA-OAEP with SHA-256 twice, which is what KMS opens as RSAES_OAEP_SHA_256: openssl makes and opens the same, and
// a data key has the digest of its context in front.
func TestOfflineWithOpenSSL(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("SKIP: no openssl here")
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	publicFile := writePEM(t, "PUBLIC KEY", der)
	secret := bytes.Repeat([]byte{'s'}, 190) // the longest under RSA-2048
	sealed := openssl(t, secret, "-encrypt", "-pubin", "-inkey", publicFile)
	if got, err := rsa.DecryptOAEP(sha256.New(), nil, private, sealed, nil); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("what openssl encrypted opens as %q, %v", got, err)
	}

	text, err := os.ReadFile(publicFile)
	if err != nil {
		t.Fatal(err)
	}
	public, err := raw.ParseRSAPublicKey(text)
	if err != nil {
		t.Fatal(err)
	}
	k, err := kms.NewRSA(t.Context(), kms.RSAConfig{KeyID: "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab", PublicKey: public, Padding: kms.OAEPSHA256})
	if err != nil {
		t.Fatal(err)
	}
	r, err := keyring.NewRequest(suite.AES256GCMCommit(), keyring.EncryptionContext{"purpose": "backup"})
	if err != nil {
		t.Fatal(err)
	}
	w, err := k.OnEncrypt(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err = x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	opened := openssl(t, w.EDKs[0].Ciphertext, "-decrypt", "-inkey", writePEM(t, "PRIVATE KEY", der))
	digest := sha512.Sum384(r.AAD)
	if want := append(digest[:], w.DataKey.Reveal()...); !bytes.Equal(opened, want) {
		t.Errorf("openssl opens a data key of %d bytes, which is not the digest of the context and the data key", len(opened))
	}
}
