package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	clients "github.com/signetkeys/signet/interop/peers"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/raw"
)

// The official clients for Go and for Python, and signet, under keys of one emulator of KMS.

const homeRegion, otherRegion = "eu-west-1", "us-east-1"

// emulator is where the keys are; the account is this test's alone.
type emulator struct{ endpoint, account string }

func newEmulator(t *testing.T) *emulator {
	t.Helper()
	endpoint := os.Getenv("SIGNET_TEST_KMS")
	if endpoint == "" {
		if os.Getenv("SIGNET_REQUIRE_TOOLS") == "1" {
			t.Fatal("SIGNET_TEST_KMS does not name an emulator of KMS: scripts/with-services.sh starts one")
		}
		t.Skip("SIGNET_TEST_KMS does not name an emulator of KMS: scripts/with-services.sh starts one")
	}
	return &emulator{endpoint: endpoint, account: fmt.Sprintf("%012d", rand.Int64N(1e12))}
}

func (e *emulator) client(region string) *sdk.Client {
	return sdk.New(sdk.Options{
		Region: region, BaseEndpoint: &e.endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: e.account, SecretAccessKey: "signet"}, nil
		}),
	})
}

// key makes a key in homeRegion and returns its ARN; a multi-Region one gets a replica in otherRegion.
func (e *emulator) key(t *testing.T, multiRegion bool) (arn, replica string) {
	t.Helper()
	out, err := e.client(homeRegion).CreateKey(t.Context(), &sdk.CreateKeyInput{MultiRegion: &multiRegion})
	if err != nil {
		t.Fatal(err)
	}
	if !multiRegion {
		return *out.KeyMetadata.Arn, ""
	}
	_, err = e.client(homeRegion).ReplicateKey(t.Context(), &sdk.ReplicateKeyInput{KeyId: out.KeyMetadata.KeyId, ReplicaRegion: aws.String(otherRegion)})
	// The SDK repeats a request whose answer got lost, and the emulator now and then loses one.
	if exists := (*types.AlreadyExistsException)(nil); err != nil && !errors.As(err, &exists) {
		t.Fatal(err)
	}
	return *out.KeyMetadata.Arn, strings.Replace(*out.KeyMetadata.Arn, homeRegion, otherRegion, 1)
}

func (e *emulator) keyring(mode, region, arn string) *clients.Keyring {
	return &clients.Keyring{Type: "aws-kms", Mode: mode, Endpoint: e.endpoint, Region: region, Account: e.account, KeyID: arn}
}

// signetKeyring makes signet's keyring of a description for the clients.
func (e *emulator) signetKeyring(ctx context.Context, d *clients.Keyring) (keyring.Keyring, error) {
	filter := &kms.Filter{Partition: "aws", Accounts: []string{e.account}}
	switch {
	case d.Type == "multi":
		var o keyring.MultiOptions
		var err error
		if o.Generator, err = e.signetKeyring(ctx, d.Generator); err != nil {
			return nil, err
		}
		for _, c := range d.Children {
			child, err := e.signetKeyring(ctx, c)
			if err != nil {
				return nil, err
			}
			o.Children = append(o.Children, child)
		}
		return keyring.NewMulti(o)
	case d.Type == "raw-aes":
		return raw.NewAES(raw.AESConfig{Namespace: d.Namespace, Name: d.Name, Key: d.Key})
	case d.Mode == "strict":
		return kms.New(ctx, kms.Config{KeyID: d.KeyID, Client: e.client(d.Region)})
	case d.Mode == "mrk":
		return kms.NewMRK(ctx, kms.Config{KeyID: d.KeyID, Client: e.client(d.Region)})
	case d.Mode == "discovery":
		return kms.NewDiscovery(kms.DiscoveryConfig{Client: e.client(d.Region), Region: d.Region, Filter: filter})
	case d.Mode == "mrk-discovery":
		return kms.NewMRKDiscovery(kms.DiscoveryConfig{Client: e.client(d.Region), Region: d.Region, Filter: filter})
	}
	return nil, fmt.Errorf("no keyring for %+v", d)
}

// do encrypts or decrypts as name: signet, or a peer's program.
func (e *emulator) do(ctx context.Context, name string, programs map[string]*clients.Peer, k *clients.Keyring, suite uint16, encrypt bool, in []byte,
	ec map[string]string) ([]byte, map[string]string, error) {
	if p := programs[name]; p != nil {
		r := &clients.Request{Op: "decrypt", Keyring: k, Ciphertext: &in}
		if encrypt {
			r = &clients.Request{Op: "encrypt", Keyring: k, Plaintext: &in, Context: ec, Suite: fmt.Sprintf("%04x", suite)}
		}
		a, err := p.Do(r)
		if err != nil {
			return nil, nil, err
		}
		if encrypt {
			return a.Ciphertext, a.Context, nil
		}
		return a.Plaintext, a.Context, nil
	}
	ring, err := e.signetKeyring(ctx, k)
	if err != nil {
		return nil, nil, err
	}
	s := NewSignetKeyring(ring)
	if encrypt {
		message, err := s.Encrypt(suite, 0, in, ec)
		return message, nil, err
	}
	return s.Decrypt(in)
}

// kmsCase is a message and the keyrings that open it and that do not.
type kmsCase struct {
	name   string
	write  *clients.Keyring
	opens  []*clients.Keyring
	not    []*clients.Keyring
	except map[string]string // readers that the case is not for, and why
}

func kmsCases(t *testing.T, e *emulator) []kmsCase {
	single, _ := e.key(t, false)
	another, _ := e.key(t, false)
	primary, replica := e.key(t, true)
	rawKey := &clients.Keyring{Type: "raw-aes", Namespace: namespace, Name: keyName, Key: testKey(32)}
	home := func(mode, arn string) *clients.Keyring { return e.keyring(mode, homeRegion, arn) }
	away := func(mode, arn string) *clients.Keyring { return e.keyring(mode, otherRegion, arn) }
	return []kmsCase{
		{
			name: "strict", write: home("strict", single),
			opens: []*clients.Keyring{home("strict", single), home("mrk", single), home("discovery", ""), home("mrk-discovery", "")},
			not:   []*clients.Keyring{home("strict", another), home("mrk", another), home("mrk", primary), away("mrk-discovery", "")},
		},
		{
			name: "multi-Region primary", write: home("mrk", primary),
			opens: []*clients.Keyring{
				home("strict", primary), home("mrk", primary), away("mrk", replica), home("discovery", ""), home("mrk-discovery", ""),
				away("mrk-discovery", ""),
			},
			not: []*clients.Keyring{away("strict", replica), home("strict", single)},
		},
		{
			name: "multi-Region replica", write: away("mrk", replica),
			opens: []*clients.Keyring{home("mrk", primary), away("strict", replica), home("mrk-discovery", ""), away("discovery", "")},
			not:   []*clients.Keyring{home("strict", primary)},
		},
		{
			name: "generator and child", write: &clients.Keyring{Type: "multi", Generator: home("strict", single), Children: []*clients.Keyring{home("strict", another)}},
			opens: []*clients.Keyring{home("strict", single), home("strict", another), home("discovery", "")},
			not:   []*clients.Keyring{home("strict", primary)},
		},
		{
			name: "raw beside", write: &clients.Keyring{Type: "multi", Generator: rawKey, Children: []*clients.Keyring{home("mrk", primary)}},
			opens: []*clients.Keyring{rawKey, home("strict", primary), home("mrk-discovery", ""), away("mrk-discovery", "")},
			not:   []*clients.Keyring{home("strict", another)},
		},
		{
			name: "raw beside, discovery", write: &clients.Keyring{Type: "multi", Generator: rawKey, Children: []*clients.Keyring{home("mrk", primary)}},
			opens:  []*clients.Keyring{home("discovery", "")},
			except: map[string]string{"go": "reads the raw key's name as an ARN and fails", "python": "reads the raw key's name as an ARN and fails"},
		},
	}
}

func TestKMS(t *testing.T) {
	e := newEmulator(t)
	programs := map[string]*clients.Peer{}
	for _, name := range []string{"go", "python"} {
		programs[name] = startPeer(t, name)
	}
	names := append(slices.Sorted(maps.Keys(programs)), "signet")
	for _, c := range kmsCases(t, e) {
		for _, suite := range suites {
			for _, writer := range names {
				t.Run(fmt.Sprintf("%s/%04x/%s writes", c.name, suite, writer), func(t *testing.T) {
					ec := map[string]string{"purpose": "interop", "größe": "\U0001F511"}
					plaintext := testPlaintext(5000)
					message, _, err := e.do(t.Context(), writer, programs, c.write, suite, true, plaintext, ec)
					if err != nil {
						t.Fatal(err)
					}
					for _, reader := range names {
						for _, k := range c.opens {
							got, gotContext, err := e.do(t.Context(), reader, programs, k, suite, false, message, nil)
							switch {
							case c.except[reader] != "":
								if err == nil {
									t.Errorf("%s opens with %s in %s, although it %s", reader, k.Mode, k.Region, c.except[reader])
								}
							case err != nil:
								t.Errorf("%s does not open with %s in %s: %v", reader, k.Mode, k.Region, err)
							case !bytes.Equal(got, plaintext):
								t.Errorf("%s reads other bytes with %s in %s", reader, k.Mode, k.Region)
							case !maps.Equal(stored(gotContext), ec):
								t.Errorf("%s reads another context with %s in %s: got %q, want %q", reader, k.Mode, k.Region, gotContext, ec)
							}
						}
						for _, k := range c.not {
							if _, _, err := e.do(t.Context(), reader, programs, k, suite, false, message, nil); err == nil {
								t.Errorf("%s opens with %s of %s in %s", reader, k.Mode, k.KeyID, k.Region)
							}
						}
					}
				})
			}
		}
	}
}

// startPeer starts a peer's program, or skips the test where it is not built.
func startPeer(t *testing.T, name string) *clients.Peer {
	t.Helper()
	dir, err := clients.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	p, err := clients.Start(dir, name, nil)
	if err != nil {
		if errors.Is(err, clients.ErrNotBuilt) && os.Getenv("SIGNET_REQUIRE_PEERS") != "1" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}
