package kms_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/suite"
)

// instant is a transport that answers every request at once with the same text.
type instant struct{ header http.Header }

var instantBody = `{"KeyId":"` + oneARN + `","CiphertextBlob":"` + base64.StdEncoding.EncodeToString(make([]byte, 184)) + `","Plaintext":"` +
	base64.StdEncoding.EncodeToString(make([]byte, 32)) + `"}`

func (i instant) Do(q *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: i.header, Body: io.NopCloser(strings.NewReader(instantBody)), Request: q}, nil
}

func instantClient(b *testing.B) kms.Client {
	b.Helper()
	c, err := kms.NewSupplier(awsConfig(instant{http.Header{"X-Amzn-Requestid": {"request-1"}}}))(b.Context(), "")
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func instantEDK() keyring.EncryptedDataKey {
	return keyring.EncryptedDataKey{ProviderID: kms.ProviderID, ProviderInfo: []byte(oneARN), Ciphertext: make([]byte, 184)}
}

// BenchmarkKeyring and BenchmarkBareSDK are pairs: what a keyring costs beyond the SDK's own call.
func BenchmarkKeyring(b *testing.B) {
	k := strict(b, kms.New, kms.Config{KeyID: oneARN, Client: instantClient(b)})
	r := asymmetricRequest(b, suite.AES256GCMCommit(), testPairs)
	key, edks := keyring.RandomSecret(32), []keyring.EncryptedDataKey{instantEDK()}
	b.Run("GenerateDataKey", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			w, err := k.OnEncrypt(b.Context(), r, nil)
			if err != nil {
				b.Fatal(err)
			}
			w.DataKey.Destroy()
		}
	})
	b.Run("Encrypt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := k.OnEncrypt(b.Context(), r, key); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Decrypt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			u, err := k.OnDecrypt(b.Context(), r, edks)
			if err != nil {
				b.Fatal(err)
			}
			u.DataKey.Destroy()
		}
	})
}

func BenchmarkBareSDK(b *testing.B) {
	c, id, n := instantClient(b), oneARN, int32(32)
	plaintext, edk := make([]byte, 32), instantEDK()
	b.Run("GenerateDataKey", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.GenerateDataKey(b.Context(), &sdk.GenerateDataKeyInput{KeyId: &id, NumberOfBytes: &n, EncryptionContext: testPairs}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Encrypt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Encrypt(b.Context(), &sdk.EncryptInput{KeyId: &id, Plaintext: plaintext, EncryptionContext: testPairs}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Decrypt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Decrypt(b.Context(), &sdk.DecryptInput{KeyId: &id, CiphertextBlob: edk.Ciphertext, EncryptionContext: testPairs}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
