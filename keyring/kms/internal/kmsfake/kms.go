package kmsfake

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// Account is the account of the caller.
const Account = "111122223333"

// A KMS holds symmetric keys in any number of regions. Key material comes from a key's ARN, without the region when its id begins with "mrk-", so
// that replicas share it; data keys come from a fixed seed. Requests that KMS would refuse are refused, and so are a Decrypt without a KeyId and a
// KeySpec in place of a NumberOfBytes. It is safe for concurrent use once Edit is set.
type KMS struct {
	// Edit, when it is set, may change an answer, a pointer to an Output of the SDK, or replace it by an error; it may wait for ctx.
	Edit func(ctx context.Context, c Call, out any) error

	mu     sync.Mutex
	keys   map[string]*key   // by ARN
	names  map[string]string // ARNs of aliases, and their keys'
	calls  []Call
	random *rand.ChaCha8
	nonces uint64
}

// Call is one call that arrived.
type Call struct {
	Op, Region  string
	KeyID       string // as it was sent
	Bytes       int    // that are asked for, or the length of what was sent
	Context     map[string]string
	GrantTokens []string
}

type key struct {
	arn              string
	ref              [16]byte // in ciphertexts
	aead             cipher.AEAD
	disabled, denied bool
	spec             types.KeySpec
	usage            types.KeyUsageType
}

// New makes a KMS with keys of these ARNs.
func New(arns ...string) *KMS {
	f := &KMS{keys: map[string]*key{}, names: map[string]string{}, random: rand.NewChaCha8([32]byte{1})}
	for _, a := range arns {
		f.AddMaterial(a, a)
	}
	return f
}

// AddMaterial adds a key with the material that New would give the key of another ARN.
func (f *KMS) AddMaterial(arn, like string) {
	if parts := strings.SplitN(like, ":", 6); len(parts) == 6 && strings.HasPrefix(parts[5], "key/mrk-") {
		parts[3] = ""
		like = strings.Join(parts, ":")
	}
	sum := sha256.Sum256([]byte(like))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		panic(err)
	}
	k := &key{arn: arn, spec: types.KeySpecSymmetricDefault, usage: types.KeyUsageTypeEncryptDecrypt}
	if k.aead, err = cipher.NewGCM(block); err != nil {
		panic(err)
	}
	ref := sha256.Sum256(sum[:])
	copy(k.ref[:], ref[:])
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys[arn] = k
}

// AddAlias lets the ARN of an alias name a key.
func (f *KMS) AddAlias(alias, arn string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.names[alias] = arn
}

func (f *KMS) set(arn string, change func(*key)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f.keys[arn])
}

// Disable disables or enables a key.
func (f *KMS) Disable(arn string, disabled bool) { f.set(arn, func(k *key) { k.disabled = disabled }) }

// Deny lets the caller use a key no more, or again.
func (f *KMS) Deny(arn string, denied bool) { f.set(arn, func(k *key) { k.denied = denied }) }

// SetUsage makes a key one of another kind, which symmetric operations refuse.
func (f *KMS) SetUsage(arn string, spec types.KeySpec, usage types.KeyUsageType) {
	f.set(arn, func(k *key) { k.spec, k.usage = spec, usage })
}

// Calls returns what arrived, and forgets it.
func (f *KMS) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

// Region is KMS in a region.
func (f *KMS) Region(region string) *Region { return &Region{kms: f, region: region} }

// A Region answers the calls of a client of one region. It has no asymmetric keys.
type Region struct {
	Asymmetric // answers that there is no such key

	kms    *KMS
	region string
}

// find returns the key that an id names in the region. The lock is held.
func (r *Region) find(id string) (*key, error) {
	name := id
	if !strings.HasPrefix(id, "arn:") {
		if !strings.HasPrefix(id, "alias/") {
			name = "key/" + id
		}
		name = "arn:aws:kms:" + r.region + ":" + Account + ":" + name
	}
	if target, ok := r.kms.names[name]; ok {
		name = target
	}
	k := r.kms.keys[name]
	if k == nil || strings.Split(name, ":")[3] != r.region {
		return nil, &types.NotFoundException{Message: aws.String("Key '" + id + "' does not exist")}
	}
	return k, nil
}

// arrived logs a call and returns its key, if it may be used.
func (r *Region) arrived(ctx context.Context, c Call, keyID *string) (*key, Call, error) {
	c.Region, c.KeyID = r.region, aws.ToString(keyID)
	c.Context, c.GrantTokens = maps.Clone(c.Context), slices.Clone(c.GrantTokens)
	if err := ctx.Err(); err != nil {
		return nil, c, err
	}
	r.kms.mu.Lock()
	defer r.kms.mu.Unlock()
	r.kms.calls = append(r.kms.calls, c)
	if keyID == nil {
		return nil, c, invalid("KeyId is missing")
	}
	if len(c.GrantTokens) > 10 || slices.ContainsFunc(c.GrantTokens, func(g string) bool { return len(g) == 0 || len(g) > 8192 }) {
		return nil, c, invalid("GrantTokens")
	}
	k, err := r.find(c.KeyID)
	switch {
	case err != nil:
		return nil, c, err
	case k.denied:
		return nil, c, refusal("AccessDeniedException", "User: arn:aws:iam::%s:user/a is not authorized to perform: kms:%s on resource: %s", Account, c.Op, k.arn)
	case c.Op == "DescribeKey":
	case k.disabled:
		return nil, c, &types.DisabledException{Message: aws.String(k.arn + " is disabled.")}
	case k.usage != types.KeyUsageTypeEncryptDecrypt || k.spec != types.KeySpecSymmetricDefault:
		return nil, c, &types.InvalidKeyUsageException{Message: aws.String(k.arn + " key usage is " + string(k.usage))}
	}
	return k, c, nil
}

func (r *Region) edit(ctx context.Context, c Call, out any) error {
	if r.kms.Edit == nil {
		return nil
	}
	return r.kms.Edit(ctx, c, out)
}

// aad is an unambiguous form of a context and the key.
func aad(k *key, ec map[string]string) []byte {
	b := append([]byte(nil), k.ref[:]...)
	for _, name := range slices.Sorted(maps.Keys(ec)) {
		for _, s := range []string{name, ec[name]} {
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
		}
	}
	return b
}

// seal is the ciphertext: which key, a nonce, AES-GCM.
func (r *Region) seal(k *key, plaintext []byte, ec map[string]string) []byte {
	r.kms.mu.Lock()
	r.kms.nonces++
	nonce := binary.BigEndian.AppendUint64(make([]byte, 4, 12), r.kms.nonces)
	r.kms.mu.Unlock()
	return k.aead.Seal(append(append([]byte(nil), k.ref[:]...), nonce...), nonce, plaintext, aad(k, ec))
}

// GenerateDataKey is the operation of KMS.
func (r *Region) GenerateDataKey(ctx context.Context, in *sdk.GenerateDataKeyInput, _ ...func(*sdk.Options)) (*sdk.GenerateDataKeyOutput, error) {
	n := int(aws.ToInt32(in.NumberOfBytes))
	k, c, err := r.arrived(ctx, Call{Op: "GenerateDataKey", Bytes: n, Context: in.EncryptionContext, GrantTokens: in.GrantTokens}, in.KeyId)
	switch {
	case err != nil:
		return nil, err
	case n < 1 || n > 1024 || in.KeySpec != "":
		return nil, invalid("NumberOfBytes %d, KeySpec %q", n, in.KeySpec)
	}
	plaintext := make([]byte, n)
	r.kms.mu.Lock()
	r.kms.random.Read(plaintext)
	r.kms.mu.Unlock()
	out := &sdk.GenerateDataKeyOutput{KeyId: aws.String(k.arn), Plaintext: plaintext, CiphertextBlob: r.seal(k, plaintext, c.Context)}
	if err := r.edit(ctx, c, out); err != nil {
		return nil, err
	}
	return out, nil
}

// Encrypt is the operation of KMS.
func (r *Region) Encrypt(ctx context.Context, in *sdk.EncryptInput, _ ...func(*sdk.Options)) (*sdk.EncryptOutput, error) {
	k, c, err := r.arrived(ctx, Call{Op: "Encrypt", Bytes: len(in.Plaintext), Context: in.EncryptionContext, GrantTokens: in.GrantTokens}, in.KeyId)
	switch {
	case err != nil:
		return nil, err
	case len(in.Plaintext) < 1 || len(in.Plaintext) > 4096 || in.EncryptionAlgorithm != "":
		return nil, invalid("%d bytes, algorithm %q", len(in.Plaintext), in.EncryptionAlgorithm)
	}
	out := &sdk.EncryptOutput{KeyId: aws.String(k.arn), CiphertextBlob: r.seal(k, in.Plaintext, c.Context)}
	if err := r.edit(ctx, c, out); err != nil {
		return nil, err
	}
	return out, nil
}

// Decrypt is the operation of KMS.
func (r *Region) Decrypt(ctx context.Context, in *sdk.DecryptInput, _ ...func(*sdk.Options)) (*sdk.DecryptOutput, error) {
	k, c, err := r.arrived(ctx, Call{Op: "Decrypt", Bytes: len(in.CiphertextBlob), Context: in.EncryptionContext, GrantTokens: in.GrantTokens}, in.KeyId)
	switch {
	case err != nil:
		return nil, err
	case len(in.CiphertextBlob) < 1 || len(in.CiphertextBlob) > 6144 || in.EncryptionAlgorithm != "":
		return nil, invalid("%d bytes, algorithm %q", len(in.CiphertextBlob), in.EncryptionAlgorithm)
	}
	plaintext, err := r.open(k, in.CiphertextBlob, c.Context)
	if err != nil {
		return nil, err
	}
	out := &sdk.DecryptOutput{KeyId: aws.String(k.arn), Plaintext: plaintext, EncryptionAlgorithm: types.EncryptionAlgorithmSpecSymmetricDefault}
	if err := r.edit(ctx, c, out); err != nil {
		return nil, err
	}
	return out, nil
}

func (r *Region) open(k *key, blob []byte, ec map[string]string) ([]byte, error) {
	const header = len(k.ref) + 12
	if len(blob) < header {
		return nil, &types.InvalidCiphertextException{}
	}
	ref, nonce := [len(k.ref)]byte(blob), blob[len(k.ref):header]
	if ref != k.ref {
		r.kms.mu.Lock()
		defer r.kms.mu.Unlock()
		for _, other := range r.kms.keys {
			if other.ref == ref {
				return nil, &types.IncorrectKeyException{Message: aws.String("The key ID in the request does not identify a CMK that can perform this operation.")}
			}
		}
		return nil, &types.InvalidCiphertextException{}
	}
	plaintext, err := k.aead.Open(nil, nonce, blob[header:], aad(k, ec))
	if err != nil {
		return nil, &types.InvalidCiphertextException{}
	}
	return plaintext, nil
}

// DescribeKey is the operation of KMS.
func (r *Region) DescribeKey(ctx context.Context, in *sdk.DescribeKeyInput, _ ...func(*sdk.Options)) (*sdk.DescribeKeyOutput, error) {
	k, c, err := r.arrived(ctx, Call{Op: "DescribeKey", GrantTokens: in.GrantTokens}, in.KeyId)
	if err != nil {
		return nil, err
	}
	r.kms.mu.Lock()
	m := &types.KeyMetadata{Arn: aws.String(k.arn), KeyId: aws.String(k.arn[strings.LastIndexByte(k.arn, '/')+1:]), KeySpec: k.spec, KeyUsage: k.usage, Enabled: !k.disabled}
	r.kms.mu.Unlock()
	out := &sdk.DescribeKeyOutput{KeyMetadata: m}
	if err := r.edit(ctx, c, out); err != nil {
		return nil, err
	}
	return out, nil
}
