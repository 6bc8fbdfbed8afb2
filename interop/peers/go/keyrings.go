package main

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"

	mpl "github.com/aws/aws-cryptographic-material-providers-library/releases/go/mpl/awscryptographymaterialproviderssmithygenerated"
	mpltypes "github.com/aws/aws-cryptographic-material-providers-library/releases/go/mpl/awscryptographymaterialproviderssmithygeneratedtypes"
	primitives "github.com/aws/aws-cryptographic-material-providers-library/releases/go/primitives/awscryptographyprimitivessmithygeneratedtypes"
)

// newKeyring makes the keyring that a description asks for.
func newKeyring(p *mpl.Client, raw json.RawMessage) (mpltypes.IKeyring, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
		return nil, bad("keyring is not an object")
	}
	var kind string
	if err := read(fields, "type", &kind); err != nil {
		return nil, err
	}
	delete(fields, "type")
	make, ok := map[string]func(*mpl.Client, map[string]json.RawMessage) (mpltypes.IKeyring, error){
		"raw-aes": newRawAES, "raw-rsa": newRawRSA, "raw-ecdh": newRawECDH, "aws-kms": newKMS, "multi": newMulti,
	}[kind]
	if !ok {
		return nil, &failure{"unsupported", fmt.Sprintf("no keyring of type %q", kind)}
	}
	k, err := make(p, fields)
	if err != nil {
		return nil, err
	}
	return k, nil
}

func newRawAES(p *mpl.Client, fields map[string]json.RawMessage) (mpltypes.IKeyring, error) {
	var in mpltypes.CreateRawAesKeyringInput
	if err := first(only(fields, "namespace", "name", "key_b64"), read(fields, "namespace", &in.KeyNamespace),
		read(fields, "name", &in.KeyName), read(fields, "key_b64", &in.WrappingKey)); err != nil {
		return nil, err
	}
	switch len(in.WrappingKey) {
	case 16:
		in.WrappingAlg = mpltypes.AesWrappingAlgAlgAes128GcmIv12Tag16
	case 24:
		in.WrappingAlg = mpltypes.AesWrappingAlgAlgAes192GcmIv12Tag16
	case 32:
		in.WrappingAlg = mpltypes.AesWrappingAlgAlgAes256GcmIv12Tag16
	default:
		return nil, bad("a raw AES key has 16, 24 or 32 bytes")
	}
	k, err := p.CreateRawAesKeyring(context.Background(), in)
	if err != nil {
		return nil, from("keyring", err)
	}
	return k, nil
}

func newRawRSA(p *mpl.Client, fields map[string]json.RawMessage) (mpltypes.IKeyring, error) {
	var padding, public, private string
	var in mpltypes.CreateRawRsaKeyringInput
	if err := first(only(fields, "namespace", "name", "padding", "public_pem", "private_pem"), read(fields, "namespace", &in.KeyNamespace),
		read(fields, "name", &in.KeyName), read(fields, "padding", &padding)); err != nil {
		return nil, err
	}
	var ok bool
	in.PaddingScheme, ok = map[string]mpltypes.PaddingScheme{
		"pkcs1":       mpltypes.PaddingSchemePkcs1,
		"oaep-sha1":   mpltypes.PaddingSchemeOaepSha1Mgf1,
		"oaep-sha256": mpltypes.PaddingSchemeOaepSha256Mgf1,
		"oaep-sha384": mpltypes.PaddingSchemeOaepSha384Mgf1,
		"oaep-sha512": mpltypes.PaddingSchemeOaepSha512Mgf1,
	}[padding]
	if !ok {
		return nil, bad("unknown padding")
	}
	if _, ok := fields["public_pem"]; ok {
		if err := read(fields, "public_pem", &public); err != nil {
			return nil, err
		}
		in.PublicKey = []byte(public)
	}
	if _, ok := fields["private_pem"]; ok {
		if err := read(fields, "private_pem", &private); err != nil {
			return nil, err
		}
		in.PrivateKey = []byte(private)
	}
	k, err := p.CreateRawRsaKeyring(context.Background(), in)
	if err != nil {
		return nil, from("keyring", err)
	}
	return k, nil
}

func newRawECDH(p *mpl.Client, fields map[string]json.RawMessage) (mpltypes.IKeyring, error) {
	var curve, schema, private string
	if err := first(read(fields, "curve", &curve), read(fields, "schema", &schema)); err != nil {
		return nil, err
	}
	var in mpltypes.CreateRawEcdhKeyringInput
	var ok bool
	in.CurveSpec, ok = map[string]primitives.ECDHCurveSpec{
		"p256": primitives.ECDHCurveSpecEccNistP256,
		"p384": primitives.ECDHCurveSpecEccNistP384,
		"p521": primitives.ECDHCurveSpecEccNistP521,
	}[curve]
	if !ok {
		return nil, bad("unknown curve")
	}
	switch schema {
	case "static":
		public, err := publicDER(fields)
		if err := first(only(fields, "curve", "schema", "private_pem", "public_pem"), err, read(fields, "private_pem", &private)); err != nil {
			return nil, err
		}
		in.KeyAgreementScheme = &mpltypes.RawEcdhStaticConfigurationsMemberRawPrivateKeyToStaticPublicKey{
			Value: mpltypes.RawPrivateKeyToStaticPublicKeyInput{SenderStaticPrivateKey: []byte(private), RecipientPublicKey: public},
		}
	case "ephemeral":
		public, err := publicDER(fields)
		if err := first(only(fields, "curve", "schema", "public_pem"), err); err != nil {
			return nil, err
		}
		in.KeyAgreementScheme = &mpltypes.RawEcdhStaticConfigurationsMemberEphemeralPrivateKeyToStaticPublicKey{
			Value: mpltypes.EphemeralPrivateKeyToStaticPublicKeyInput{RecipientPublicKey: public},
		}
	case "discovery":
		if err := first(only(fields, "curve", "schema", "private_pem"), read(fields, "private_pem", &private)); err != nil {
			return nil, err
		}
		in.KeyAgreementScheme = &mpltypes.RawEcdhStaticConfigurationsMemberPublicKeyDiscovery{
			Value: mpltypes.PublicKeyDiscoveryInput{RecipientStaticPrivateKey: []byte(private)},
		}
	default:
		return nil, bad("unknown schema")
	}
	k, err := p.CreateRawEcdhKeyring(context.Background(), in)
	if err != nil {
		return nil, from("keyring", err)
	}
	return k, nil
}

// publicDER reads public_pem: the library wants public ECDH keys in DER and private ones in PEM.
func publicDER(fields map[string]json.RawMessage) ([]byte, error) {
	var text string
	if err := read(fields, "public_pem", &text); err != nil {
		return nil, err
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, bad("public_pem is not PEM")
	}
	return block.Bytes, nil
}

func newMulti(p *mpl.Client, fields map[string]json.RawMessage) (mpltypes.IKeyring, error) {
	if err := only(fields, "generator", "children"); err != nil {
		return nil, err
	}
	in := mpltypes.CreateMultiKeyringInput{ChildKeyrings: []mpltypes.IKeyring{}}
	if raw, ok := fields["generator"]; ok && string(raw) != "null" {
		k, err := newKeyring(p, raw)
		if err != nil {
			return nil, err
		}
		in.Generator = k
	}
	var children []json.RawMessage
	if _, ok := fields["children"]; ok {
		if err := read(fields, "children", &children); err != nil {
			return nil, err
		}
	}
	for _, raw := range children {
		k, err := newKeyring(p, raw)
		if err != nil {
			return nil, err
		}
		in.ChildKeyrings = append(in.ChildKeyrings, k)
	}
	k, err := p.CreateMultiKeyring(context.Background(), in)
	if err != nil {
		return nil, from("keyring", err)
	}
	return k, nil
}

// first returns the first error.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
