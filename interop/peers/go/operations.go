package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	mpl "github.com/aws/aws-cryptographic-material-providers-library/releases/go/mpl/awscryptographymaterialproviderssmithygenerated"
	mpltypes "github.com/aws/aws-cryptographic-material-providers-library/releases/go/mpl/awscryptographymaterialproviderssmithygeneratedtypes"
	esdk "github.com/aws/aws-encryption-sdk/releases/go/encryption-sdk/awscryptographyencryptionsdksmithygenerated"
	esdktypes "github.com/aws/aws-encryption-sdk/releases/go/encryption-sdk/awscryptographyencryptionsdksmithygeneratedtypes"
)

// session is a client and the keys that a request names: a keyring, or a required-context manager over one.
type session struct {
	client  *esdk.Client
	keyring mpltypes.IKeyring
	manager mpltypes.ICryptographicMaterialsManager
}

func newSession(fields map[string]json.RawMessage) (*session, error) {
	policy, err := policyOf(fields)
	if err != nil {
		return nil, err
	}
	config := esdktypes.AwsEncryptionSdkConfig{CommitmentPolicy: &policy}
	if _, ok := fields["max_edks"]; ok {
		var n int64
		if err := read(fields, "max_edks", &n); err != nil {
			return nil, err
		}
		config.MaxEncryptedDataKeys = &n
	}
	if _, ok := fields["path"]; ok {
		var path string
		if err := read(fields, "path", &path); err != nil {
			return nil, err
		}
		switch path {
		case "keyring":
		case "master-key":
			return nil, &failure{"unsupported", "there is no path master-key"}
		default:
			return nil, bad("unknown path")
		}
	}
	providers, err := mpl.NewClient(mpltypes.MaterialProvidersConfig{})
	if err != nil {
		return nil, from("keyring", err)
	}
	raw, ok := fields["keyring"]
	if !ok {
		return nil, bad("keyring is missing")
	}
	keyring, err := newKeyring(providers, raw)
	if err != nil {
		return nil, err
	}
	client, err := esdk.NewClient(config)
	if err != nil {
		return nil, from("keyring", err)
	}
	if _, ok := fields["required_context_keys"]; !ok {
		return &session{client: client, keyring: keyring}, nil
	}
	var required []string
	if err := read(fields, "required_context_keys", &required); err != nil {
		return nil, err
	}
	// The required-context manager refuses a bare keyring.
	manager, err := providers.CreateDefaultCryptographicMaterialsManager(context.Background(),
		mpltypes.CreateDefaultCryptographicMaterialsManagerInput{Keyring: keyring})
	if err != nil {
		return nil, from("keyring", err)
	}
	manager, err = providers.CreateRequiredEncryptionContextCMM(context.Background(),
		mpltypes.CreateRequiredEncryptionContextCMMInput{UnderlyingCMM: manager, RequiredEncryptionContextKeys: required})
	if err != nil {
		return nil, from("keyring", err)
	}
	return &session{client: client, manager: manager}, nil
}

func policyOf(fields map[string]json.RawMessage) (mpltypes.ESDKCommitmentPolicy, error) {
	name := "require-encrypt-require-decrypt"
	if _, ok := fields["commitment_policy"]; ok {
		if err := read(fields, "commitment_policy", &name); err != nil {
			return "", err
		}
	}
	policy, ok := map[string]mpltypes.ESDKCommitmentPolicy{
		"require-encrypt-require-decrypt": mpltypes.ESDKCommitmentPolicyRequireEncryptRequireDecrypt,
		"require-encrypt-allow-decrypt":   mpltypes.ESDKCommitmentPolicyRequireEncryptAllowDecrypt,
		"forbid-encrypt-allow-decrypt":    mpltypes.ESDKCommitmentPolicyForbidEncryptAllowDecrypt,
	}[name]
	if !ok {
		return "", bad("unknown commitment_policy")
	}
	return policy, nil
}

type encryption struct {
	client *esdk.Client
	in     esdktypes.EncryptInput
}

func newEncryption(fields map[string]json.RawMessage) (*encryption, error) {
	if err := only(fields, "keyring", "suite", "frame_length", "plaintext_b64", "context", "required_context_keys", "commitment_policy",
		"max_edks", "path"); err != nil {
		return nil, err
	}
	var in esdktypes.EncryptInput
	if err := read(fields, "plaintext_b64", &in.Plaintext); err != nil {
		return nil, err
	}
	if _, ok := fields["context"]; ok {
		if err := read(fields, "context", &in.EncryptionContext); err != nil {
			return nil, err
		}
	}
	if _, ok := fields["frame_length"]; ok {
		in.FrameLength = new(int64)
		if err := read(fields, "frame_length", in.FrameLength); err != nil {
			return nil, err
		}
	}
	if _, ok := fields["suite"]; ok {
		var suite string
		if err := read(fields, "suite", &suite); err != nil {
			return nil, err
		}
		if !regexp.MustCompile(`^[0-9a-fA-F]{4}$`).MatchString(suite) {
			return nil, bad("suite is not four hex digits")
		}
		id := mpltypes.ESDKAlgorithmSuiteId("0x" + strings.ToLower(suite))
		if !slices.Contains(id.Values(), id) {
			return nil, &failure{"unsupported", "no suite " + suite}
		}
		in.AlgorithmSuiteId = &id
	}
	s, err := newSession(fields)
	if err != nil {
		return nil, err
	}
	in.Keyring, in.MaterialsManager = s.keyring, s.manager
	return &encryption{s.client, in}, nil
}

func (e *encryption) run() (*answer, error) {
	out, err := e.client.Encrypt(context.Background(), e.in)
	if err != nil {
		return nil, from("refused", err)
	}
	return &answer{Ciphertext: some(out.Ciphertext), Suite: suiteName(out.AlgorithmSuiteId), Context: out.EncryptionContext}, nil
}

type decryption struct {
	client *esdk.Client
	in     esdktypes.DecryptInput
}

func newDecryption(fields map[string]json.RawMessage) (*decryption, error) {
	if err := only(fields, "keyring", "ciphertext_b64", "required_context_keys", "reproduced_context", "commitment_policy", "max_edks",
		"path"); err != nil {
		return nil, err
	}
	var in esdktypes.DecryptInput
	if err := read(fields, "ciphertext_b64", &in.Ciphertext); err != nil {
		return nil, err
	}
	if _, ok := fields["reproduced_context"]; ok {
		if err := read(fields, "reproduced_context", &in.EncryptionContext); err != nil {
			return nil, err
		}
	}
	s, err := newSession(fields)
	if err != nil {
		return nil, err
	}
	in.Keyring, in.MaterialsManager = s.keyring, s.manager
	return &decryption{s.client, in}, nil
}

func (d *decryption) run() (*answer, error) {
	out, err := d.client.Decrypt(context.Background(), d.in)
	if err != nil {
		return nil, from("refused", err)
	}
	return &answer{Plaintext: some(out.Plaintext), Suite: suiteName(out.AlgorithmSuiteId), Context: out.EncryptionContext}, nil
}

func bench(fields map[string]json.RawMessage) (*answer, error) {
	var of string
	var warmup, n int
	if err := first(read(fields, "of", &of), read(fields, "warmup", &warmup), read(fields, "n", &n)); err != nil {
		return nil, err
	}
	if warmup < 0 || warmup > 10_000_000 || n < 1 || n > 10_000_000 {
		return nil, bad("warmup or n is out of range")
	}
	for _, f := range []string{"of", "warmup", "n"} {
		delete(fields, f)
	}
	var run func() (*answer, error)
	switch of {
	case "encrypt":
		e, err := newEncryption(fields)
		if err != nil {
			return nil, err
		}
		run = e.run
	case "decrypt":
		d, err := newDecryption(fields)
		if err != nil {
			return nil, err
		}
		run = d.run
	default:
		return nil, bad("unknown of")
	}
	times := make([]int64, 0, n)
	for i := range warmup + n {
		start := time.Now()
		if _, err := run(); err != nil {
			return nil, fmt.Errorf("repetition %d: %w", i, err)
		}
		if i >= warmup {
			times = append(times, time.Since(start).Nanoseconds())
		}
	}
	slices.Sort(times)
	var sum int64
	for _, t := range times {
		sum += t
	}
	return &answer{N: n, Mean: sum / int64(n), Median: (times[(n-1)/2] + times[n/2]) / 2, Min: times[0]}, nil
}

// some is a pointer to a slice that is not nil, so that JSON shows "" instead of null.
func some(b []byte) *[]byte {
	if b == nil {
		b = []byte{}
	}
	return &b
}

func suiteName(id mpltypes.ESDKAlgorithmSuiteId) string {
	return strings.TrimPrefix(strings.ToLower(string(id)), "0x")
}
