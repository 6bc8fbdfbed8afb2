package hierarchy_test

import (
	"bytes"
	"cmp"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/attr"
	"github.com/signetkeys/signet/internal/sharedtest"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// itemHeader is an item's aws_dbe_head (DB-ESDK spec, structured-encryption/header).
type itemHeader struct {
	suite      *suite.Suite
	messageID  []byte
	legend     string
	context    keyring.EncryptionContext
	edks       []keyring.EncryptedDataKey
	partial    []byte // what the commitment is over
	commitment []byte
}

func parseItemHeader(b []byte) (h itemHeader, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("header is cut")
		}
	}()
	rest := b
	next := func(n int) []byte { v := rest[:n]; rest = rest[n:]; return v }
	u16 := func() int { return int(binary.BigEndian.Uint16(next(2))) }
	if v := next(1)[0]; v != 1 {
		return h, fmt.Errorf("version %d", v)
	}
	var ok bool
	if h.suite, ok = suite.ByID(0x6700 | uint16(next(1)[0])); !ok {
		return h, errors.New("unknown flavor")
	}
	h.messageID = next(32)
	h.legend = string(next(u16()))
	h.context = keyring.EncryptionContext{}
	for range u16() {
		k := string(next(u16()))
		h.context[k] = string(next(u16()))
	}
	for range next(1)[0] {
		h.edks = append(h.edks, keyring.EncryptedDataKey{ProviderID: string(next(u16())), ProviderInfo: next(u16()), Ciphertext: next(u16())})
	}
	h.partial = b[:len(b)-len(rest)]
	h.commitment = next(32)
	if len(rest) != 0 {
		return h, errors.New("bytes behind the header")
	}
	return h, nil
}

// value reads an attribute in DynamoDB's JSON, as far as the vectors need it.
func value(t testing.TB, raw json.RawMessage) attr.Value {
	t.Helper()
	var v struct {
		S  *string
		N  *string
		B  []byte
		SS []string
		NS []string
		L  []json.RawMessage
		M  map[string]json.RawMessage
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	switch {
	case v.S != nil:
		return attr.String(*v.S)
	case v.N != nil:
		return attr.Number(*v.N)
	case v.B != nil:
		return attr.Binary(v.B)
	case v.SS != nil:
		return attr.StringSet(v.SS)
	case v.NS != nil:
		return attr.NumberSet(v.NS)
	case v.L != nil:
		var l attr.List
		for _, e := range v.L {
			l = append(l, value(t, e))
		}
		return l
	case v.M != nil:
		m := attr.Map{}
		for k, e := range v.M {
			m[k] = value(t, e)
		}
		return m
	}
	t.Fatalf("unknown type of value: %s", raw)
	return nil
}

// typed is a value's type and canonical bytes.
func typed(t testing.TB, v attr.Value) []byte {
	t.Helper()
	b, err := attr.AppendValue(binary.BigEndian.AppendUint16(nil, uint16(v.Type())), v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// canonicalHash is what the footer's tags are over (DB-ESDK spec, structured-encryption/footer).
func canonicalHash(t testing.TB, table string, head []byte, h itemHeader, aad []byte, item map[string]json.RawMessage) []byte {
	t.Helper()
	var names []string
	for name := range item {
		if name != "aws_dbe_head" && name != "aws_dbe_foot" {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(len(a)-len(b), cmp.Compare(a, b)) }) // all names are ASCII
	if len(names) != len(h.legend) {
		t.Fatalf("%d attributes and a legend of %d", len(names), len(h.legend))
	}
	u64 := binary.BigEndian.AppendUint64
	b := u64(bytes.Clone(head), uint64(len(aad)))
	b = append(b, aad...)
	for i, name := range names {
		v := value(t, item[name])
		b = append(b, table...)
		b = append(u64(b, 1), '$')
		b = append(u64(b, uint64(len(name))), name...)
		content, what := typed(t, v), "PLAINTEXT"
		if h.legend[i] == 'e' {
			content, what = []byte(v.(attr.Binary)), "ENCRYPTED"
		}
		b = append(u64(b, uint64(len(content)-2)), what...)
		b = append(b, content...)
	}
	sum := sha512.Sum384(b)
	return sum[:]
}

// TestItems opens the data keys of the items that the AWS Database Encryption SDK for Java and .NET wrote, and proves both keys: the
// data key by the header's commitment, the signing key by the footer's tag.
func TestItems(t *testing.T) {
	const table = "GazelleVectorTable"
	var keys struct {
		Keys map[string]struct {
			ID      string `json:"key-id"`
			Version string `json:"branchKeyVersion"`
			Key     []byte `json:"branchKey"`
		}
	}
	load(t, "keys.json", &keys)
	static := keys.Keys["static-branch-key-1"]
	k := newStatic(t, static.ID, static.Version, static.Key)
	wrong := newStatic(t, static.ID, static.Version, branchKey(9))
	opened := 0
	for _, file := range []string{"decrypt_java_32.json", "decrypt_dotnet_32.json"} {
		var set struct {
			Tests map[string]struct{ Encrypted map[string]json.RawMessage }
		}
		load(t, file, &set)
		for id, test := range set.Tests {
			item := test.Encrypted
			head := []byte(value(t, item["aws_dbe_head"]).(attr.Binary))
			foot := []byte(value(t, item["aws_dbe_foot"]).(attr.Binary))
			h, err := parseItemHeader(head)
			if err != nil {
				t.Fatalf("%s %s: %v", file, id, err)
			}
			required := keyring.EncryptionContext{
				"aws-crypto-table-name":     table,
				"aws-crypto-partition-name": "RecNum",
				"aws-crypto-attr.RecNum":    base64.StdEncoding.EncodeToString(typed(t, value(t, item["RecNum"]))),
			}
			r := &keyring.DecryptionRequest{Suite: h.suite, Context: h.context, Reproduced: required, EDKs: h.edks}
			mat, err := keyring.NewManager(k).DecryptionMaterials(t.Context(), r)
			if err != nil {
				t.Errorf("%s %s: %v", file, id, err)
				continue
			}
			opened++
			commitKey, err := hkdf.Key(sha512.New, mat.DataKey.Reveal(), nil, "AWS_DBE_COMMIT_KEY"+string(h.messageID), 32)
			if err != nil {
				t.Fatal(err)
			}
			m := hmac.New(sha512.New, commitKey)
			m.Write(h.partial)
			if !bytes.Equal(m.Sum(nil)[:32], h.commitment) {
				t.Errorf("%s %s: the header commits to another data key", file, id)
			}
			tag := hmac.New(sha512.New384, mat.SigningKey.Reveal())
			tag.Write(canonicalHash(t, table, head, h, mat.AAD, item))
			if !bytes.Equal(tag.Sum(nil), foot[:48]) {
				t.Errorf("%s %s: the footer's tag is of another signing key", file, id)
			}
			mat.Release()

			if _, err := keyring.NewManager(wrong).DecryptionMaterials(t.Context(), r); !errors.Is(err, signet.ErrAuthentication) || !errors.Is(err, signet.ErrNoKey) {
				t.Errorf("%s %s, another branch key: got %v", file, id, err)
			}
			r.Reproduced = maps.Clone(required)
			r.Reproduced["aws-crypto-table-name"] = "Other"
			if _, err := keyring.NewManager(k).DecryptionMaterials(t.Context(), r); !errors.Is(err, signet.ErrAuthentication) {
				t.Errorf("%s %s, another table: got %v", file, id, err)
			}
		}
	}
	if opened != 18 {
		t.Errorf("%d items opened, want 18", opened)
	}
}

func load(t testing.TB, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(sharedtest.Vectors(t, "dbesdk", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}
