package suite

import (
	"crypto"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
)

// The table of formats/esdk.md section 2, written a second time and differently.
func TestTable(t *testing.T) {
	rows := strings.Fields(`
0014:1:16:none:-:-:- 0046:1:24:none:-:-:- 0078:1:32:none:-:-:-
0114:1:16:hkdf:SHA-256:-:- 0146:1:24:hkdf:SHA-256:-:- 0178:1:32:hkdf:SHA-256:-:-
0214:1:16:hkdf:SHA-256:-:P-256 0346:1:24:hkdf:SHA-384:-:P-384 0378:1:32:hkdf:SHA-384:-:P-384
0478:2:32:hkdf:SHA-512:commit:- 0578:2:32:hkdf:SHA-512:commit:P-384
6700:0:32:hkdf:SHA-512:commit:- 6701:0:32:hkdf:SHA-512:commit:P-384`)
	if len(rows) != len(All()) {
		t.Fatalf("got %d suites, want %d", len(All()), len(rows))
	}
	for i, s := range All() {
		kdf, hash, commit, curve := "none", "-", "-", "-"
		if s.KDF() == KDFHKDF {
			kdf, hash = "hkdf", s.Hash().String()
		}
		if s.Commits() {
			commit = "commit"
		}
		if s.Signed() {
			curve = s.Curve().Params().Name
		}
		got := fmt.Sprintf("%04x:%d:%d:%s:%s:%s:%s", s.ID(), s.MessageVersion(), s.DataKeyLen(), kdf, hash, commit, curve)
		if got != rows[i] {
			t.Errorf("suite %d: got %s, want %s", i, got, rows[i])
		}
		if s.IsItem() != (s.ID()>>8 == 0x67) {
			t.Errorf("%s: IsItem %v", s, s.IsItem())
		}
		if want := map[uint8]int{0: 32, 1: 16, 2: 32}[s.MessageVersion()]; s.MessageIDLen() != want {
			t.Errorf("%s: message id %d bytes, want %d", s, s.MessageIDLen(), want)
		}
		wantHash := map[string]crypto.Hash{"-": 0, "P-256": crypto.SHA256, "P-384": crypto.SHA384}[curve]
		if s.SignatureHash() != wantHash {
			t.Errorf("%s: signature hash %v, want %v", s, s.SignatureHash(), wantHash)
		}
		wrapped := s.DataKeyLen()
		if s.IsItem() {
			wrapped = 32
		}
		if s.WrappedKeyLen() != wrapped {
			t.Errorf("%s: wrapped key length %d, want %d", s, s.WrappedKeyLen(), wrapped)
		}
	}
}

func TestLookup(t *testing.T) {
	for _, s := range All() {
		if got, ok := ByID(s.ID()); !ok || got != s {
			t.Errorf("ByID(%04x) = %v, %v", s.ID(), got, ok)
		}
		hex := fmt.Sprintf("%04x", s.ID())
		for _, n := range []string{s.Name(), "ALG_" + s.Name(), strings.ToLower(s.Name()), hex, "0x" + hex, "0X" + strings.ToUpper(hex)} {
			if got, err := ByName(n); err != nil || got != s {
				t.Errorf("ByName(%q) = %v, %v", n, got, err)
			}
		}
	}
	for _, id := range []uint16{0, 0x0070, 0x0074, 0x0579, 0x6702, 0xFFFF} {
		if s, ok := ByID(id); ok {
			t.Errorf("ByID(%04x) = %s, want none", id, s)
		}
	}
	for _, n := range []string{"", "0", "578", "AES", "ALG_ALG_" + aes256Commit.name, "00000578"} {
		_, err := ByName(n)
		var u *UnknownError
		if !errors.As(err, &u) || !errors.Is(err, signet.ErrPolicy) || u.Name != n {
			t.Errorf("ByName(%q): got %v, want an UnknownError", n, err)
		}
	}
}

func TestPolicies(t *testing.T) {
	for _, s := range All() {
		for p := RequireEncryptRequireDecrypt; p <= ForbidEncryptAllowDecrypt; p++ {
			mayEncrypt := s.IsItem() || s.Commits() == (p != ForbidEncryptAllowDecrypt)
			mayDecrypt := s.IsItem() || s.Commits() || p != RequireEncryptRequireDecrypt
			for _, c := range []struct {
				op   string
				err  error
				want bool
			}{{"encrypt", p.CheckEncrypt(s), mayEncrypt}, {"decrypt", p.CheckDecrypt(s), mayDecrypt}} {
				if (c.err == nil) != c.want || (c.err != nil && !errors.Is(c.err, signet.ErrPolicy)) {
					t.Errorf("%s %s under %s: got %v, want allowed=%v", c.op, s, p, c.err, c.want)
				}
			}
		}
	}
	var zero CommitmentPolicy
	if zero.Default() != AES256GCMCommitECDSAP384() || ForbidEncryptAllowDecrypt.Default() != AES256GCMECDSAP384() {
		t.Error("wrong default suites")
	}
	for p := RequireEncryptRequireDecrypt; p <= ForbidEncryptAllowDecrypt; p++ {
		if p.CheckEncrypt(p.Default()) != nil || p.CheckDecrypt(p.Default()) != nil {
			t.Errorf("%s refuses its own default", p)
		}
		for _, n := range []string{p.String(), strings.ToLower(strings.ReplaceAll(p.String(), "_", "-"))} {
			if got, err := ParseCommitmentPolicy(n); err != nil || got != p {
				t.Errorf("ParseCommitmentPolicy(%q) = %v, %v", n, got, err)
			}
		}
	}
	if _, err := ParseCommitmentPolicy("nothing"); !errors.Is(err, signet.ErrPolicy) {
		t.Errorf("got %v, want a policy error", err)
	}
	bad := CommitmentPolicy(9)
	if bad.CheckEncrypt(aes256Commit) == nil || bad.CheckDecrypt(aes256Commit) == nil {
		t.Error("an unknown policy allows something")
	}
}
