package kms_test

import (
	"context"
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

func instantClient(b testing.TB) kms.Client {
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

// instantAPI is an API without an SDK, which answers at once.
type instantAPI struct{ kms.API }

func (instantAPI) GenerateDataKey(context.Context, *sdk.GenerateDataKeyInput, ...func(*sdk.Options)) (*sdk.GenerateDataKeyOutput, error) {
	id := oneARN
	return &sdk.GenerateDataKeyOutput{KeyId: &id, Plaintext: make([]byte, 32), CiphertextBlob: make([]byte, 184)}, nil
}

func (instantAPI) Encrypt(context.Context, *sdk.EncryptInput, ...func(*sdk.Options)) (*sdk.EncryptOutput, error) {
	id := oneARN
	return &sdk.EncryptOutput{KeyId: &id, CiphertextBlob: make([]byte, 184)}, nil
}

func (instantAPI) Decrypt(context.Context, *sdk.DecryptInput, ...func(*sdk.Options)) (*sdk.DecryptOutput, error) {
	id := oneARN
	return &sdk.DecryptOutput{KeyId: &id, Plaintext: make([]byte, 32)}, nil
}

// bareCalls are the calls of one data key through api, and keyringCalls the same through a keyring over it.
func bareCalls(t testing.TB, api kms.API) map[string]func() error {
	id, n, plaintext, edk, ctx := oneARN, int32(32), make([]byte, 32), instantEDK(), t.Context()
	return map[string]func() error{
		"GenerateDataKey": func() error {
			_, err := api.GenerateDataKey(ctx, &sdk.GenerateDataKeyInput{KeyId: &id, NumberOfBytes: &n, EncryptionContext: testPairs})
			return err
		},
		"Encrypt": func() error {
			_, err := api.Encrypt(ctx, &sdk.EncryptInput{KeyId: &id, Plaintext: plaintext, EncryptionContext: testPairs})
			return err
		},
		"Decrypt": func() error {
			_, err := api.Decrypt(ctx, &sdk.DecryptInput{KeyId: &id, CiphertextBlob: edk.Ciphertext, EncryptionContext: testPairs})
			return err
		},
	}
}

func keyringCalls(t testing.TB, api kms.API, observer kms.Observer) map[string]func() error {
	k := strict(t, kms.New, kms.Config{KeyID: oneARN, Client: api, Observer: observer})
	r := asymmetricRequest(t, suite.AES256GCMCommit(), testPairs)
	key, edks, ctx := keyring.RandomSecret(32), []keyring.EncryptedDataKey{instantEDK()}, t.Context()
	return map[string]func() error{
		"GenerateDataKey": func() error {
			w, err := k.OnEncrypt(ctx, r, nil)
			if err == nil {
				w.DataKey.Destroy()
			}
			return err
		},
		"Encrypt": func() error { _, err := k.OnEncrypt(ctx, r, key); return err },
		"Decrypt": func() error {
			u, err := k.OnDecrypt(ctx, r, edks)
			if err == nil {
				u.DataKey.Destroy()
			}
			return err
		},
	}
}

func runCalls(b *testing.B, calls map[string]func() error) {
	for _, op := range []string{"GenerateDataKey", "Encrypt", "Decrypt"} {
		b.Run(op, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := calls[op](); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkKeyring and BenchmarkBareSDK are pairs: what a keyring costs beyond the SDK's own call. BenchmarkOwnCost is the difference alone, with
// an observer, over an API that costs nothing.
func BenchmarkKeyring(b *testing.B) { runCalls(b, keyringCalls(b, instantClient(b), nil)) }

func BenchmarkBareSDK(b *testing.B) { runCalls(b, bareCalls(b, instantClient(b))) }

func BenchmarkOwnCost(b *testing.B) {
	runCalls(b, keyringCalls(b, instantAPI{}, func(context.Context, kms.Event) {}))
}

// TestOwnAllocations: a keyring and an observer allocate at most 40 times more than the SDK's call.
func TestOwnAllocations(t *testing.T) {
	c := instantClient(t)
	bare, own := bareCalls(t, c), keyringCalls(t, c, func(context.Context, kms.Event) {})
	for op := range bare {
		count := func(call func() error) float64 {
			return testing.AllocsPerRun(100, func() {
				if err := call(); err != nil {
					t.Fatal(err)
				}
			})
		}
		if more := count(own[op]) - count(bare[op]); more > 40 {
			t.Errorf("%s: %.0f allocations more than the SDK's call", op, more)
		}
	}
}
