// Package keyringtest checks that a keyring keeps the contract of package keyring. A new backend calls [Run] from a test:
//
//	func TestConformance(t *testing.T) {
//		keyringtest.Run(t, keyringtest.Options{New: func(t testing.TB) keyring.Keyring { return newKeyring(t) }})
//	}
//
// Run it with -race as well: much of the contract is about concurrency and ownership. Without [Options.Thorough] one algorithm suite costs
// a backend several hundred operations.
package keyringtest

import (
	"testing"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
)

// Options describe the keyring under test. Only New is required. Functions are called from the test's goroutine, several times; clean up
// with t.Cleanup.
type Options struct {
	// New makes a keyring; every one that it makes is over the same wrapping key. It wraps and, unless NewReader is set, unwraps.
	New func(t testing.TB) keyring.Keyring
	// NewReader makes a keyring that opens what New's keyrings wrapped, for backends in which one cannot do both.
	NewReader func(t testing.TB) keyring.Keyring
	// OtherKey makes a keyring over other key material under the same provider id and key name. Its encrypted data keys look like New's
	// and must not open.
	OtherKey func(t testing.TB) keyring.Keyring
	// Foreign makes keyrings whose encrypted data keys New's must skip without asking a backend: another provider id; the same provider
	// id with another key name, a name that starts with this one's and one that this one's starts with.
	Foreign func(t testing.TB) []keyring.Keyring
	// Suites to test. Nil means a message suite of each key length (16, 24, 32) and the item suites.
	Suites []*suite.Suite
	// NoGenerate says that New's keyrings refuse to make data keys, as a multi-keyring without a generator does.
	NoGenerate bool
	// NoWrap says that New's keyrings refuse data keys that exist already, as a multi-keyring with a generator does.
	NoWrap bool
	// ContextUnbound says that the backend cannot bind an encryption context to a wrapped key (RSA): under message suites another
	// context opens it, and only the format's header refuses.
	ContextUnbound bool
	// Refusals are error classes that a refused encrypted data key of the keyring's own may have besides the one that is expected:
	// signet.ErrMalformed for an impossible shape, signet.ErrAuthentication for one that did not open. It is for backends that cannot
	// tell.
	Refusals []error
	// Thorough flips every bit of an encrypted data key instead of one bit per byte.
	Thorough bool
}

func (o *Options) suites() []*suite.Suite {
	if o.Suites != nil {
		return o.Suites
	}
	return []*suite.Suite{
		suite.AES128GCM(), suite.AES192GCM(), suite.AES256GCMCommit(), suite.ItemAES256GCM(), suite.ItemAES256GCMECDSAP384(),
	}
}

// Run runs the conformance suite as subtests of t, one group per algorithm suite.
func Run(t *testing.T, o Options) {
	t.Helper()
	if o.New == nil {
		t.Fatal("keyringtest: Options.New is nil")
	}
	if o.NoGenerate && o.NoWrap {
		t.Fatal("keyringtest: a keyring that neither makes nor wraps data keys cannot be tested")
	}
	if o.NewReader == nil {
		o.NewReader = o.New
	}
	for _, s := range o.suites() {
		t.Run(s.Name(), func(t *testing.T) {
			h := &harness{o: o, suite: s, k: o.New(t), reader: o.NewReader(t)}
			for _, c := range []struct {
				name string
				run  func(*harness, *testing.T)
			}{
				{"Generate", (*harness).generate},
				{"Wrap", (*harness).wrap},
				{"EmptyContext", (*harness).emptyContext},
				{"InputsUnchanged", (*harness).inputsUnchanged},
				{"ResultsIndependent", (*harness).resultsIndependent},
				{"WrongContext", (*harness).wrongContext},
				{"Misshapen", (*harness).misshapen},
				{"Flipped", (*harness).flipped},
				{"Foreign", (*harness).foreign},
				{"OtherKey", (*harness).otherKey},
				{"OtherSuite", (*harness).otherSuite},
				{"Order", (*harness).order},
				{"Cancelled", (*harness).cancelled},
				{"Concurrent", (*harness).concurrent},
				{"Member", (*harness).member},
			} {
				t.Run(c.name, func(t *testing.T) { c.run(h, t) })
			}
		})
	}
}
