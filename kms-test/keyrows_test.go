package kmstest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

// Rows about which key is used, and that it works.
func keyRows() []row {
	return []row{
		{name: "round trip", run: roundTrip},
		{name: "generator and child", run: generatorAndChild},
		{name: "item suite", run: itemSuite},
		{name: "message", run: wholeMessage},
		{name: "sixteen at once", run: sixteenAtOnce},
		{name: "bare id", run: func(ctx context.Context, s *server) error {
			return named(ctx, s, func(_, arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] })
		}},
		{name: "alias name", run: func(ctx context.Context, s *server) error {
			return named(ctx, s, func(alias, _ string) string { return alias })
		}},
		{name: "alias ARN", run: func(ctx context.Context, s *server) error {
			return named(ctx, s, func(alias, arn string) string { return arn[:strings.LastIndex(arn, "key/")] + alias })
		}},
		{name: "alias moved to another key", run: aliasMoved},
		{name: "no such key", run: noSuchKey},
		{name: "no such alias", run: func(ctx context.Context, s *server) error {
			_, err := kms.New(ctx, kms.Config{KeyID: "alias/" + rand.Text(), Client: s.client(homeRegion)})
			return refused(err, kms.ErrKeyNotFound, signet.ErrNotFound)
		}},
		{name: "no such key named by the data", run: noSuchKeyInData, deviates: map[string]string{
			miniStack: "decrypts with the key that the ciphertext names and does not look at KeyId",
		}},
		{name: "another key's data key does not open", run: func(ctx context.Context, s *server) error {
			return anotherKey(ctx, s, nil)
		}, deviates: map[string]string{miniStack: "does not authenticate ciphertexts and makes some plaintext out of it"}},
		{name: "another key's data key is called so", run: func(ctx context.Context, s *server) error {
			return anotherKey(ctx, s, signet.ErrAuthentication)
		}, deviates: map[string]string{
			miniStack: "does not authenticate ciphertexts and makes some plaintext out of it",
			moto:      "answers AccessDeniedException",
		}},
		{name: "discovery", run: discovered},
	}
}

func roundTrip(ctx context.Context, s *server) error {
	k, arn, err := s.strict(ctx)
	if err != nil {
		return err
	}
	for _, su := range []*suite.Suite{suite.AES128GCM(), suite.AES192GCM(), suite.AES256GCMCommit()} {
		for _, ec := range []keyring.EncryptionContext{nil, pairs()} {
			d, err := sealFor(ctx, k, su, ec)
			if err != nil {
				return err
			}
			if e := d.edks[0]; len(d.edks) != 1 || e.ProviderID != kms.ProviderID || string(e.ProviderInfo) != arn {
				return fmt.Errorf("the data key names %q %q, want %q", e.ProviderID, e.ProviderInfo, arn)
			}
			if d.key.Len() != su.DataKeyLen() {
				return fmt.Errorf("the data key has %d bytes, want %d", d.key.Len(), su.DataKeyLen())
			}
			if err := d.open(ctx, k); err != nil {
				return err
			}
		}
	}
	return nil
}

// generatorAndChild has Encrypt wrap what GenerateDataKey made; each key opens it alone.
func generatorAndChild(ctx context.Context, s *server) error {
	generator, _, err := s.strict(ctx)
	if err != nil {
		return err
	}
	child, _, err := s.strict(ctx)
	if err != nil {
		return err
	}
	both, err := keyring.NewMulti(keyring.MultiOptions{Generator: generator, Children: []keyring.Keyring{child}})
	if err != nil {
		return err
	}
	d, err := seal(ctx, both, pairs())
	if err != nil {
		return err
	}
	if len(d.edks) != 2 {
		return fmt.Errorf("got %d encrypted data keys, want 2", len(d.edks))
	}
	return first(
		func() error { return d.open(ctx, generator) },
		func() error { return d.open(ctx, child) },
		func() error { return d.open(ctx, both) },
	)
}

func itemSuite(ctx context.Context, s *server) error {
	k, _, err := s.strict(ctx)
	if err != nil {
		return err
	}
	d, err := sealFor(ctx, k, suite.ItemAES256GCM(), pairs())
	if err != nil {
		return err
	}
	return d.open(ctx, k)
}

// wholeMessage is more than what KMS would encrypt itself: 4,096 bytes, one more, and a megabyte.
func wholeMessage(ctx context.Context, s *server) error {
	k, _, err := s.strict(ctx)
	if err != nil {
		return err
	}
	for _, n := range []int{0, 4096, 4097, 1 << 20} {
		sealed, err := message.Encrypt(ctx, k, make([]byte, n), pairs())
		if err != nil {
			return err
		}
		got, header, err := message.Decrypt(ctx, k, sealed)
		if err != nil {
			return err
		}
		if len(got) != n || header.Context["purpose"] != "contract" {
			return fmt.Errorf("got %d bytes, want %d", len(got), n)
		}
	}
	return nil
}

func sixteenAtOnce(ctx context.Context, s *server) error {
	k, _, err := s.strict(ctx)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		wg.Go(func() {
			for range 5 {
				d, err := seal(ctx, k, keyring.EncryptionContext{"n": fmt.Sprint(i)})
				if err == nil {
					err = d.open(ctx, k)
				}
				errs[i] = errors.Join(errs[i], err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// alias makes a key with an alias.
func alias(ctx context.Context, s *server) (name, arn string, err error) {
	if arn, err = s.newKey(ctx, nil); err != nil {
		return "", "", err
	}
	name = "alias/" + rand.Text()
	_, err = s.client(homeRegion).CreateAlias(ctx, &sdk.CreateAliasInput{AliasName: &name, TargetKeyId: aws.String(arn[strings.LastIndexByte(arn, '/')+1:])})
	return name, arn, there(err, "AlreadyExistsException")
}

// named is a key that is given by something else than its ARN, which all the same is what messages say.
func named(ctx context.Context, s *server, id func(alias, arn string) string) error {
	name, arn, err := alias(ctx, s)
	if err != nil {
		return err
	}
	k, err := kms.New(ctx, kms.Config{KeyID: id(name, arn), Client: s.client(homeRegion)})
	if err != nil {
		return err
	}
	d, err := seal(ctx, k, pairs())
	if err != nil {
		return err
	}
	if got := string(d.edks[0].ProviderInfo); got != arn {
		return fmt.Errorf("the data key names %q, want %q", got, arn)
	}
	byARN, err := kms.New(ctx, kms.Config{KeyID: arn, Client: s.client(homeRegion)})
	if err != nil {
		return err
	}
	return first(func() error { return d.open(ctx, k) }, func() error { return d.open(ctx, byARN) })
}

// aliasMoved: a keyring stays with the key that its alias named when it was made.
func aliasMoved(ctx context.Context, s *server) error {
	name, before, err := alias(ctx, s)
	if err != nil {
		return err
	}
	old, err := kms.New(ctx, kms.Config{KeyID: name, Client: s.client(homeRegion)})
	if err != nil {
		return err
	}
	d, err := seal(ctx, old, nil)
	if err != nil {
		return err
	}
	after, err := s.newKey(ctx, nil)
	if err != nil {
		return err
	}
	_, err = s.client(homeRegion).UpdateAlias(ctx, &sdk.UpdateAliasInput{AliasName: &name, TargetKeyId: aws.String(after[strings.LastIndexByte(after, '/')+1:])})
	if err != nil {
		return err
	}
	again, err := seal(ctx, old, nil)
	if err != nil {
		return err
	}
	if got := string(again.edks[0].ProviderInfo); got != before {
		return fmt.Errorf("the keyring moved with its alias to %q", got)
	}
	moved, err := kms.New(ctx, kms.Config{KeyID: name, Client: s.client(homeRegion)})
	if err != nil {
		return err
	}
	return first(
		func() error { return d.open(ctx, old) },
		func() error { return refused(d.open(ctx, moved), signet.ErrNoKey) },
		func() error {
			d, err := seal(ctx, moved, nil)
			if err == nil && string(d.edks[0].ProviderInfo) != after {
				err = fmt.Errorf("a keyring made later names %q, want %q", d.edks[0].ProviderInfo, after)
			}
			return err
		},
	)
}

const nobodysKey = "0f0e0d0c-0b0a-4908-8706-050403020100"

func noSuchKey(ctx context.Context, s *server) error {
	k, err := kms.New(ctx, kms.Config{KeyID: s.arn(nobodysKey), Client: s.client(homeRegion)})
	if err != nil {
		return err
	}
	_, err = seal(ctx, k, nil)
	if err := refused(err, kms.ErrKeyNotFound, signet.ErrNotFound); err != nil {
		return err
	}
	if !strings.Contains(err.Error(), nobodysKey) {
		return fmt.Errorf("the error does not name the key: %w", err)
	}
	return nil
}

func noSuchKeyInData(ctx context.Context, s *server) error {
	k, _, err := s.strict(ctx)
	if err != nil {
		return err
	}
	d, err := seal(ctx, k, nil)
	if err != nil {
		return err
	}
	anyKey, err := s.discovery(homeRegion)
	if err != nil {
		return err
	}
	d = d.changed(func(e *keyring.EncryptedDataKey) { e.ProviderInfo = []byte(s.arn(nobodysKey)) })
	return refused(d.open(ctx, anyKey), kms.ErrKeyNotFound, signet.ErrNoKey)
}

// anotherKey: a data key that claims to be under another key than it is.
func anotherKey(ctx context.Context, s *server, class error) error {
	k, _, err := s.strict(ctx)
	if err != nil {
		return err
	}
	other, arn, err := s.strict(ctx)
	if err != nil {
		return err
	}
	d, err := seal(ctx, k, nil)
	if err != nil {
		return err
	}
	err = d.changed(func(e *keyring.EncryptedDataKey) { e.ProviderInfo = []byte(arn) }).open(ctx, other)
	if err := refused(err, signet.ErrNoKey); err != nil {
		return err
	}
	var failure *kms.Error
	if !errors.As(err, &failure) || failure.Op != "Decrypt" || failure.Key != arn {
		return fmt.Errorf("the error is not one of Decrypt with the key that was asked for: %w", err)
	}
	if class != nil {
		return refused(err, class)
	}
	return nil
}

func discovered(ctx context.Context, s *server) error {
	k, _, err := s.strict(ctx)
	if err != nil {
		return err
	}
	d, err := seal(ctx, k, pairs())
	if err != nil {
		return err
	}
	anyKey, err := s.discovery(homeRegion)
	if err != nil {
		return err
	}
	stranger, err := kms.NewDiscovery(kms.DiscoveryConfig{
		Client: s.client(homeRegion), Filter: &kms.Filter{Partition: "aws", Accounts: []string{"999999999999"}},
	})
	if err != nil {
		return err
	}
	return first(
		func() error { return d.open(ctx, anyKey) },
		func() error { return refused(d.open(ctx, stranger), signet.ErrNoKey) },
		func() error {
			if _, err := seal(ctx, anyKey, nil); err == nil {
				return errors.New("a discovery keyring makes a data key")
			}
			return nil
		},
	)
}
