package interop

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	mpl "github.com/aws/aws-cryptographic-material-providers-library/releases/go/mpl/awscryptographymaterialproviderssmithygenerated"
	mpltypes "github.com/aws/aws-cryptographic-material-providers-library/releases/go/mpl/awscryptographymaterialproviderssmithygeneratedtypes"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/raw"
)

// No emulator has DeriveSharedSecret. This server has it, GetPublicKey and Decrypt of RSA keys, for the official client and for signet alike, in the
// protocol of KMS.

const asymmetricARN = "arn:aws:kms:" + homeRegion + ":111122223333:key/"

// asymmetricKMS maps ARNs to private keys.
type asymmetricKMS map[string]any

type asymmetricCall struct {
	op, KeyId, EncryptionAlgorithm, KeyAgreementAlgorithm string
	CiphertextBlob, PublicKey                             []byte
	EncryptionContext                                     map[string]string
}

func (s asymmetricKMS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	in := asymmetricCall{op: strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "TrentService.")}
	err := json.NewDecoder(r.Body).Decode(&in)
	var out map[string]any
	if err == nil {
		out, err = s.answer(&in)
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		out = map[string]any{"__type": "ValidationException", "message": err.Error()}
	}
	_ = json.NewEncoder(w).Encode(out) // a broken connection is the client's error; []byte is base64 in the protocol, too
}

func (s asymmetricKMS) answer(in *asymmetricCall) (map[string]any, error) {
	switch k := s[in.KeyId].(type) {
	case *rsa.PrivateKey:
		if in.op == "GetPublicKey" {
			der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
			return map[string]any{"KeyId": in.KeyId, "PublicKey": der, "KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "RSA_2048"}, err
		}
		hash := map[string]crypto.Hash{"RSAES_OAEP_SHA_1": crypto.SHA1, "RSAES_OAEP_SHA_256": crypto.SHA256}[in.EncryptionAlgorithm]
		if in.op != "Decrypt" || hash == 0 || len(in.EncryptionContext) > 0 {
			return nil, fmt.Errorf("%s with %q and %d context pairs", in.op, in.EncryptionAlgorithm, len(in.EncryptionContext))
		}
		plaintext, err := rsa.DecryptOAEP(hash.New(), nil, k, in.CiphertextBlob, nil)
		return map[string]any{"KeyId": in.KeyId, "Plaintext": plaintext}, err
	case *ecdh.PrivateKey:
		if in.op == "GetPublicKey" {
			der, err := x509.MarshalPKIXPublicKey(k.PublicKey())
			spec := "ECC_NIST_" + strings.Replace(fmt.Sprint(k.Curve()), "-", "", 1)
			return map[string]any{"KeyId": in.KeyId, "PublicKey": der, "KeyUsage": "KEY_AGREEMENT", "KeySpec": spec}, err
		}
		parsed, err := x509.ParsePKIXPublicKey(in.PublicKey)
		if err != nil {
			return nil, err
		}
		ec, ok := parsed.(*ecdsa.PublicKey)
		if in.op != "DeriveSharedSecret" || in.KeyAgreementAlgorithm != "ECDH" || !ok {
			return nil, fmt.Errorf("%s with %q and a %T", in.op, in.KeyAgreementAlgorithm, parsed)
		}
		peer, err := ec.ECDH()
		if err != nil {
			return nil, err
		}
		secret, err := k.ECDH(peer)
		return map[string]any{"KeyId": in.KeyId, "SharedSecret": secret, "KeyAgreementAlgorithm": "ECDH"}, err
	}
	return nil, fmt.Errorf("no key %q", in.KeyId)
}

// start serves the keys and returns a client for them.
func (s asymmetricKMS) start(t *testing.T) *sdk.Client {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return (&emulator{endpoint: server.URL, account: "111122223333"}).client(homeRegion)
}

// newOfficialKeyring is the official client over a keyring that make makes.
func newOfficialKeyring(t *testing.T, make func(context.Context, *mpl.Client) (mpltypes.IKeyring, error)) *Official {
	t.Helper()
	o, err := NewOfficial(namespace, keyName, testKey(32))
	if err != nil {
		t.Fatal(err)
	}
	providers, err := mpl.NewClient(mpltypes.MaterialProvidersConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if o.keyring, err = make(t.Context(), providers); err != nil {
		t.Fatal(err)
	}
	return o
}

// each lets every writer write with every suite and context, and every reader read it.
func each(t *testing.T, suites []uint16, writers, readers map[string]peer) {
	t.Helper()
	for _, suite := range suites {
		for what, ec := range map[string]map[string]string{"empty": {}, "pairs": {"purpose": "interop", "größe": "\U0001F511"}} {
			for writer, w := range writers {
				plaintext := testPlaintext(5000)
				message, err := w.Encrypt(suite, 0, plaintext, ec)
				if err != nil {
					t.Errorf("%04x, %s: %s does not write: %v", suite, what, writer, err)
					continue
				}
				for reader, r := range readers {
					got, gotContext, err := r.Decrypt(message)
					if err != nil || !bytes.Equal(got, plaintext) || !maps.Equal(stored(gotContext), ec) {
						t.Errorf("%04x, %s: %s wrote, %s does not read it: %v", suite, what, writer, reader, err)
					}
				}
			}
		}
	}
}

func TestKMSECDH(t *testing.T) {
	for _, curve := range []ecdh.Curve{ecdh.P256(), ecdh.P384(), ecdh.P521()} {
		t.Run(fmt.Sprint(curve), func(t *testing.T) {
			const alice, bob = asymmetricARN + "alice", asymmetricARN + "bob"
			keys, der := map[string]*ecdh.PrivateKey{}, map[string][]byte{}
			server := asymmetricKMS{}
			for _, arn := range []string{alice, bob} {
				k, err := curve.GenerateKey(rand.Reader)
				if err != nil {
					t.Fatal(err)
				}
				if der[arn], err = x509.MarshalPKIXPublicKey(k.PublicKey()); err != nil {
					t.Fatal(err)
				}
				keys[arn], server[arn] = k, k
			}
			client := server.start(t)
			official := func(own, other string) peer {
				return newOfficialKeyring(t, func(ctx context.Context, p *mpl.Client) (mpltypes.IKeyring, error) {
					in := mpltypes.CreateAwsKmsEcdhKeyringInput{KmsClient: client}
					switch curve {
					case ecdh.P256():
						in.CurveSpec = "ECC_NIST_P256"
					case ecdh.P384():
						in.CurveSpec = "ECC_NIST_P384"
					default:
						in.CurveSpec = "ECC_NIST_P521"
					}
					in.KeyAgreementScheme = &mpltypes.KmsEcdhStaticConfigurationsMemberKmsPublicKeyDiscovery{
						Value: mpltypes.KmsPublicKeyDiscoveryInput{RecipientKmsIdentifier: own},
					}
					if other != "" {
						in.KeyAgreementScheme = &mpltypes.KmsEcdhStaticConfigurationsMemberKmsPrivateKeyToStaticPublicKey{
							Value: mpltypes.KmsPrivateKeyToStaticPublicKeyInput{SenderKmsIdentifier: own, RecipientPublicKey: der[other]},
						}
					}
					return p.CreateAwsKmsEcdhKeyring(ctx, in)
				})
			}
			signet := func(own, other string) peer {
				c := kms.ECDHConfig{KeyID: own, Client: client, Curve: curve}
				if other != "" {
					c.Recipient = keys[other].PublicKey()
				}
				k, err := kms.NewECDH(t.Context(), c)
				if err != nil {
					t.Fatal(err)
				}
				return NewSignetKeyring(k)
			}
			inProcess := func(c raw.ECDHConfig) peer {
				c.Curve = curve
				k, err := raw.NewECDH(c)
				if err != nil {
					t.Fatal(err)
				}
				return NewSignetKeyring(k)
			}
			each(t, suites, map[string]peer{
				"official": official(alice, bob), "signet": signet(alice, bob),
				"signet, key in the process": inProcess(raw.ECDHConfig{Schema: raw.ECDHStatic, Private: keys[alice], Peer: keys[bob].PublicKey()}),
			}, map[string]peer{
				"official": official(alice, bob), "official, recipient": official(bob, alice), "official, discovery": official(bob, ""),
				"signet": signet(alice, bob), "signet, recipient": signet(bob, alice), "signet, discovery": signet(bob, ""),
				"signet, key in the process": inProcess(raw.ECDHConfig{Schema: raw.ECDHDiscovery, Private: keys[bob]}),
			})
			each(t, suites[:1], map[string]peer{
				"signet, new key": inProcess(raw.ECDHConfig{Schema: raw.ECDHEphemeral, Peer: keys[bob].PublicKey()}),
			}, map[string]peer{"official, discovery": official(bob, ""), "signet, discovery": signet(bob, "")})
		})
	}
}

func TestKMSRSA(t *testing.T) {
	const arn = asymmetricARN + "rsa"
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	client := asymmetricKMS{arn: private}.start(t)
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	for padding, algorithm := range map[kms.RSAPadding]types.EncryptionAlgorithmSpec{
		kms.OAEPSHA256: types.EncryptionAlgorithmSpecRsaesOaepSha256, kms.OAEPSHA1: types.EncryptionAlgorithmSpecRsaesOaepSha1,
	} {
		t.Run(padding.String(), func(t *testing.T) {
			official := newOfficialKeyring(t, func(ctx context.Context, p *mpl.Client) (mpltypes.IKeyring, error) {
				return p.CreateAwsKmsRsaKeyring(ctx, mpltypes.CreateAwsKmsRsaKeyringInput{
					KmsKeyId: arn, KmsClient: client, EncryptionAlgorithm: algorithm, PublicKey: public,
				})
			})
			signet := func(c kms.RSAConfig) peer {
				c.KeyID, c.Padding = arn, padding
				k, err := kms.NewRSA(t.Context(), c)
				if err != nil {
					t.Fatal(err)
				}
				return NewSignetKeyring(k)
			}
			all := map[string]peer{"official": official, "signet": signet(kms.RSAConfig{Client: client})}
			writers := maps.Clone(all)
			writers["signet, public key alone"] = signet(kms.RSAConfig{PublicKey: &private.PublicKey})
			each(t, []uint16{0x0478}, writers, all)
			for name, p := range writers {
				if _, err := p.Encrypt(0x0578, 0, []byte("x"), nil); err == nil {
					t.Errorf("%s writes a signed message", name)
				}
			}
		})
	}
}
