package cache

import (
	"encoding/hex"
	"testing"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

const knownPartition = "c15b9079-6d0e-42b6-8784-5e804b025692"

func knownEDKs() []keyring.EncryptedDataKey {
	return []keyring.EncryptedDataKey{
		{ProviderID: "this is a provider ID", ProviderInfo: []byte("this is some key info"), Ciphertext: []byte("super secret key, now with encryption!")},
		{ProviderID: "another provider ID!", ProviderInfo: []byte("this is some different key info"), Ciphertext: []byte("better super secret key, now with encryption!")},
	}
}

func mustSuite(t testing.TB, id uint16) *suite.Suite {
	t.Helper()
	s, ok := suite.ByID(id)
	if !ok {
		t.Fatalf("no suite %04x", id)
	}
	return s
}

// The known answers of the caching-cmm specification.
func TestKnownIdentifiers(t *testing.T) {
	full := keyring.EncryptionContext{"this": "is", "a": "non-empty", "encryption": "context"}
	enc, dec := idPrefix(forEncrypt, knownPartition), idPrefix(forDecrypt, knownPartition)
	edks := knownEDKs()
	encrypt := func(s *suite.Suite, ec keyring.EncryptionContext) func() (key, error) {
		return func() (key, error) { return encryptionKey(enc, s, suite.CommitmentPolicy(0).Default(), ec) }
	}
	decrypt := func(s *suite.Suite, edks []keyring.EncryptedDataKey, ec keyring.EncryptionContext) func() (key, error) {
		return func() (key, error) { return decryptionKey(dec, s, edks, ec, nil) }
	}
	for _, tt := range []struct {
		name string
		make func() (key, error)
		want string
	}{
		{"encrypt, no suite, empty", encrypt(nil, nil), "a9458b764db543ddf62e2341130afc6693a90d1fcabf31d374de92d15f02b8f3aacf44f0687ef191603544156ea7526c"},
		{"encrypt, no suite, full", encrypt(nil, full), "7db129ec51a990ceabada9d6a873f2b7514338e28496948b8c7454a7af3f660825f4fbfb84101c35b15fb7ce156a2395"},
		{"encrypt, 0378, empty", encrypt(mustSuite(t, 0x0378), keyring.EncryptionContext{}), "3223f4f09f4cd3ae642d81d191f671f58eaea095e34b6bde618ded3f13a608d329bea6ef33f0ae97ca4c106a068c2fe0"},
		{"encrypt, 0378, full", encrypt(mustSuite(t, 0x0378), full), "1b051ffee6bce585963190e0aa5e11cc7e5beca83ef0fb4a01aaf2ca66f18010ef51edfa1213267f2e4f4d6cae138801"},
		{"decrypt, 0114, one EDK, empty", decrypt(mustSuite(t, 0x0114), edks[:1], nil), "5ae13cb07baea84049dcf163789bec61aa643f0a28f87af0ba173a9d7cdf8d971532087364049781f459b07760f0579a"},
		{"decrypt, 0378, two EDKs, full", decrypt(mustSuite(t, 0x0378), edks, full), "c8846e4bfa65d2b61b42aee6f3a74611677c684c114fd6132fe1a329de3cc1ce1874ecb6d29208fb3f8a51b174a3c7e0"},
		{"decrypt, EDKs in the other order", decrypt(mustSuite(t, 0x0378), []keyring.EncryptedDataKey{edks[1], edks[0]}, full), "c8846e4bfa65d2b61b42aee6f3a74611677c684c114fd6132fe1a329de3cc1ce1874ecb6d29208fb3f8a51b174a3c7e0"},
	} {
		k, err := tt.make()
		if got := hex.EncodeToString(k.id[:]); err != nil || got != tt.want {
			t.Errorf("%s: got %s, %v, want %s", tt.name, got, err, tt.want)
		}
	}
}

// Every request that may need other materials has another key.
func TestKeysDiffer(t *testing.T) {
	def, old := suite.CommitmentPolicy(0).Default(), suite.ForbidEncryptAllowDecrypt.Default()
	s, edks := def, knownEDKs()
	type ec = keyring.EncryptionContext
	seen := map[key]string{}
	add := func(name string, k key, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(name, err)
		}
		if other, dup := seen[k]; dup {
			t.Errorf("%s has the key of %s", name, other)
		}
		seen[k] = name
	}
	for _, p := range []string{"p", "q"} {
		e, d := idPrefix(forEncrypt, p), idPrefix(forDecrypt, p)
		for name, c := range map[string]ec{"none": nil, "a=b": {"a": "b"}, "a=b c=d": {"a": "b", "c": "d"}, "ab=": {"ab": ""}, "=ab": {"": "ab"}} {
			k, err := encryptionKey(e, nil, def, c)
			add(p+" encrypt "+name, k, err)
			k, err = encryptionKey(e, nil, old, c)
			add(p+" encrypt, old policy "+name, k, err)
			k, err = encryptionKey(e, def, def, c)
			add(p+" encrypt, suite "+name, k, err)
			k, err = encryptionKey(e, old, old, c)
			add(p+" encrypt, old suite "+name, k, err)
			for n := range len(edks) + 1 {
				k, err = decryptionKey(d, s, edks[:n], c, nil)
				add(p+" decrypt "+name+string(rune('0'+n)), k, err)
			}
		}
		both := ec{"a": "b", "c": "d"}
		for _, req := range [][]string{{"a"}, {"c"}, {"a", "c"}} {
			k, err := decryptionKey(d, s, edks, both, req)
			add(p+" decrypt, required "+req[0], k, err)
		}
	}
}

// In the specified form an EDK can be taken for the joint and a context, so two requests have one digest. Their keys still differ.
func TestAmbiguousDigest(t *testing.T) {
	d, s := idPrefix(forDecrypt, "p"), suite.AES256GCMCommit()
	// After the joint 00 of the second reading: count 0001, key length 0001, "k", value length 00FF, value.
	info := append([]byte{1, 'k', 0, 255}, make([]byte, 252)...)
	k1, err1 := decryptionKey(d, s, []keyring.EncryptedDataKey{{ProviderInfo: info}}, nil, nil)
	k2, err2 := decryptionKey(d, s, nil, keyring.EncryptionContext{"k": string(make([]byte, 255))}, nil)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if k1.id != k2.id {
		t.Error("the digests differ: this test no longer shows the ambiguity")
	}
	if k1 == k2 {
		t.Error("two requests have one key")
	}
}
