package keyring_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
)

// tree is a random keyring, with the leaves that wrap under it in the order of their EDKs.
type tree struct {
	k      keyring.Keyring
	leaves []keyring.Keyring
	broken int // optional members that fail
	shape  string
}

type grower struct {
	t      testing.TB
	rnd    *rand.Rand
	leaves int
}

func (g *grower) leaf() tree {
	g.leaves++
	k := rawAES(g.t, fmt.Sprintf("leaf-%d", g.leaves))
	return tree{k: k, leaves: []keyring.Keyring{k}, shape: fmt.Sprint(g.leaves)}
}

// grow makes a keyring that can generate, or one that can be a child.
func (g *grower) grow(depth int, generates bool) tree {
	if depth == 0 || g.rnd.IntN(3) == 0 {
		return g.leaf()
	}
	out := tree{shape: "("}
	var o keyring.MultiOptions
	add := func(t tree) keyring.Keyring {
		out.leaves = append(out.leaves, t.leaves...)
		out.broken += t.broken
		out.shape += t.shape + " "
		return t.k
	}
	if generates {
		o.Generator = add(g.grow(depth-1, true))
	}
	n := g.rnd.IntN(4)
	if !generates && n == 0 {
		n = 1
	}
	for range n {
		o.Children = append(o.Children, add(g.grow(depth-1, false)))
	}
	for range g.rnd.IntN(3) {
		switch g.rnd.IntN(3) {
		case 0:
			out.broken++
			out.shape += "broken "
			o.Optional = append(o.Optional, failing(rawAES(g.t, "broken")))
		case 1: // serves older messages only
			p := &recorder{id: "reader"}
			out.shape += "reader "
			o.Optional = append(o.Optional, keyring.New("reader", nil, p, nil))
		default:
			o.Optional = append(o.Optional, add(g.grow(depth-1, false)))
		}
	}
	out.k = newMulti(g.t, o)
	out.shape += ")"
	return out
}

// Whatever keyrings wrap together, each of them opens alone, and so does the whole; nobody else does.
func TestAnyMemberOpens(t *testing.T) {
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 0))
	stranger := rawAES(t, "leaf-1")
	for round := range 150 {
		g := &grower{t: t, rnd: rnd}
		tr := g.grow(3, true)
		if len(tr.leaves) > 255 {
			continue
		}
		s := oneOfEach[rnd.IntN(len(oneOfEach))]
		r := request(t, s, testPairs)
		fail := func(format string, args ...any) {
			t.Helper()
			t.Errorf("seed %d, round %d, %s under %s: %s", seed, round, tr.shape, s, fmt.Sprintf(format, args...))
		}
		w, err := tr.k.OnEncrypt(t.Context(), r, nil)
		if err != nil {
			fail("%v", err)
			continue
		}
		if len(w.EDKs) != len(tr.leaves) || len(w.Degraded) != tr.broken {
			fail("%d EDKs of %d leaves, %d of %d failures", len(w.EDKs), len(tr.leaves), len(w.Degraded), tr.broken)
			continue
		}
		// With other EDKs around, in any order, each leaf opens its own.
		order := rnd.Perm(len(w.EDKs))
		shuffled := make([]keyring.EncryptedDataKey, len(order))
		for to, from := range order {
			shuffled[to] = w.EDKs[from]
		}
		check := func(who string, k keyring.Keyring, edks []keyring.EncryptedDataKey, want int, signing *keyring.Secret) {
			u, err := k.OnDecrypt(t.Context(), r, edks)
			if err != nil || !u.DataKey.Equal(w.DataKey) {
				fail("%s: did not open: %v", who, err)
				return
			}
			if want >= 0 && u.Used != want {
				fail("%s: used %d, want %d", who, u.Used, want)
			}
			if s.IsItem() && signing != nil && !u.SigningKey.Equal(signing) {
				fail("%s: wrong signing key", who)
			}
		}
		signing := func(i int) *keyring.Secret {
			if s.IsItem() {
				return w.SigningKeys[i]
			}
			return nil
		}
		for i, leaf := range tr.leaves {
			check(fmt.Sprintf("leaf %d", i), leaf, shuffled, slices.Index(order, i), signing(i))
			check(fmt.Sprintf("the whole, EDK %d", i), tr.k, w.EDKs[i:i+1], 0, signing(i))
		}
		check("the whole", tr.k, shuffled, -1, nil)
		if u, err := stranger.OnDecrypt(t.Context(), r, w.EDKs); u != nil || !errors.Is(err, signet.ErrNoKey) {
			fail("a stranger: %v", err)
		}
	}
}

// TestKeyRotation: a new key encrypts, and older messages still open through a keyring with both.
func TestKeyRotation(t *testing.T) {
	r := request(t, oneOfEach[2], testPairs)
	older, newer := rawAES(t, "2025"), rawAES(t, "2026")
	p, ok := older.(keyring.EncryptChecker)
	if !ok || !p.CanEncrypt() {
		t.Fatal("a raw keyring cannot encrypt")
	}
	before, err := older.OnEncrypt(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The older key only reads.
	reading := &readOnly{older}
	both := newMulti(t, keyring.MultiOptions{Generator: newer, Optional: []keyring.Keyring{reading}, MinWrapped: 1})
	after, err := both.OnEncrypt(t.Context(), r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(after.EDKs) != 1 || len(after.Degraded) != 0 {
		t.Errorf("new messages have %d EDKs and %d failures, want 1 and 0", len(after.EDKs), len(after.Degraded))
	}
	for _, w := range []*keyring.Wrapped{before, after} {
		if u, err := both.OnDecrypt(t.Context(), r, w.EDKs); err != nil || !u.DataKey.Equal(w.DataKey) {
			t.Errorf("both keys: %v", err)
		}
	}
	if _, err := older.OnDecrypt(t.Context(), r, after.EDKs); !errors.Is(err, signet.ErrNoKey) {
		t.Errorf("the older key opens new messages: %v", err)
	}
}

type readOnly struct{ keyring.Keyring }

func (readOnly) CanEncrypt() bool { return false }
