package kmstest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
)

// Rows about regions and accounts.
func regionRows() []row {
	noReplicas := map[string]string{localKMS: "has one region and no multi-Region keys", moto: "has no ReplicateKey"}
	return []row{
		{name: "multi-Region: opens in the other region", run: bothWays, deviates: noReplicas},
		{name: "multi-Region: discovery in the other region", run: replicaDiscovery, deviates: noReplicas},
		{name: "multi-Region: one region for each replica", run: overRegions, deviates: noReplicas},
		{name: "unrelated keys in two regions", run: unrelated, deviates: map[string]string{localKMS: "has one region"}},
		{name: "the other region does not know the key", run: wrongRegion},
		{name: "another account cannot open it", run: otherAccount, deviates: map[string]string{localKMS: "has one account", moto: "has one account"}},
	}
}

// supplier gives the clients that the server has.
func (s *server) supplier() kms.Supplier {
	return func(_ context.Context, region string) (kms.Client, error) {
		if region == "" {
			region = homeRegion
		}
		return s.client(region), nil
	}
}

// replicated makes a multi-Region key and its replica in otherRegion.
func (s *server) replicated(ctx context.Context) (primary, replica string, err error) {
	primary, err = s.newKey(ctx, &sdk.CreateKeyInput{MultiRegion: aws.Bool(true)})
	if err != nil {
		return "", "", err
	}
	_, err = s.client(homeRegion).ReplicateKey(ctx, &sdk.ReplicateKeyInput{
		KeyId: aws.String(primary[strings.LastIndexByte(primary, '/')+1:]), ReplicaRegion: aws.String(otherRegion),
	})
	if err := there(err, "AlreadyExistsException"); err != nil {
		return "", "", err
	}
	return primary, strings.Replace(primary, homeRegion, otherRegion, 1), nil
}

func (s *server) mrk(ctx context.Context, arn, region string) (keyring.Keyring, error) {
	return kms.NewMRK(ctx, kms.Config{KeyID: arn, Client: s.client(region)})
}

func bothWays(ctx context.Context, s *server) error {
	primary, replica, err := s.replicated(ctx)
	if err != nil {
		return err
	}
	home, err := s.mrk(ctx, primary, homeRegion)
	if err != nil {
		return err
	}
	away, err := s.mrk(ctx, replica, otherRegion)
	if err != nil {
		return err
	}
	strictAway, err := kms.New(ctx, kms.Config{KeyID: replica, Client: s.client(otherRegion)})
	if err != nil {
		return err
	}
	for _, c := range []struct {
		writer, reader keyring.Keyring
		arn            string
	}{{home, away, primary}, {away, home, replica}} {
		d, err := seal(ctx, c.writer, pairs())
		if err != nil {
			return err
		}
		if got := string(d.edks[0].ProviderInfo); got != c.arn {
			return fmt.Errorf("the data key names %q, want %q", got, c.arn)
		}
		if err := d.open(ctx, c.reader); err != nil {
			return err
		}
		if err := refused(d.in(nil).open(ctx, c.reader), signet.ErrAuthentication); err != nil {
			return fmt.Errorf("without its context: %w", err)
		}
		if c.arn == primary {
			if err := refused(d.open(ctx, strictAway), signet.ErrNoKey); err != nil {
				return err
			}
		}
	}
	return nil
}

func replicaDiscovery(ctx context.Context, s *server) error {
	primary, _, err := s.replicated(ctx)
	if err != nil {
		return err
	}
	home, err := s.mrk(ctx, primary, homeRegion)
	if err != nil {
		return err
	}
	single, _, err := s.strict(ctx)
	if err != nil {
		return err
	}
	away, err := kms.NewMRKDiscovery(kms.DiscoveryConfig{
		Client: s.client(otherRegion), Region: otherRegion, Filter: &kms.Filter{Partition: "aws", Accounts: []string{s.account}},
	})
	if err != nil {
		return err
	}
	d, err := seal(ctx, home, pairs())
	if err != nil {
		return err
	}
	bound, err := seal(ctx, single, pairs())
	if err != nil {
		return err
	}
	return first(
		func() error { return d.open(ctx, away) },
		func() error { return refused(bound.open(ctx, away), signet.ErrNoKey) },
	)
}

// overRegions: with the primary and its replica as two members of one keyring under the rules of single-Region keys, either of them opens.
func overRegions(ctx context.Context, s *server) error {
	primary, replica, err := s.replicated(ctx)
	if err != nil {
		return err
	}
	_, err = kms.NewMulti(ctx, kms.MultiConfig{Generator: primary, Children: []string{replica}, MRK: true, Supplier: s.supplier()})
	if err := refused(err, signet.ErrPolicy); err != nil {
		return err
	}
	both, err := kms.NewMulti(ctx, kms.MultiConfig{Generator: primary, Children: []string{replica}, Supplier: s.supplier()})
	if err != nil {
		return err
	}
	anywhere, err := kms.NewDiscoveryMulti(ctx, kms.DiscoveryMultiConfig{
		Regions: []string{otherRegion, homeRegion}, Filter: &kms.Filter{Partition: "aws", Accounts: []string{s.account}}, Supplier: s.supplier(),
	})
	if err != nil {
		return err
	}
	d, err := seal(ctx, both, pairs())
	if err != nil {
		return err
	}
	if len(d.edks) != 2 || string(d.edks[1].ProviderInfo) != replica {
		return fmt.Errorf("got %d data keys, want the second under %s", len(d.edks), replica)
	}
	return first(func() error { return d.open(ctx, both) }, func() error { return d.open(ctx, anywhere) })
}

func unrelated(ctx context.Context, s *server) error {
	home, err := s.newKey(ctx, nil)
	if err != nil {
		return err
	}
	out, err := s.client(otherRegion).CreateKey(ctx, &sdk.CreateKeyInput{})
	if err != nil {
		return err
	}
	away := *out.KeyMetadata.Arn
	if !strings.Contains(away, otherRegion) {
		return fmt.Errorf("%s is not in %s", away, otherRegion)
	}
	both, err := kms.NewMulti(ctx, kms.MultiConfig{Generator: home, Children: []string{away}, Supplier: s.supplier()})
	if err != nil {
		return err
	}
	d, err := seal(ctx, both, pairs())
	if err != nil {
		return err
	}
	for _, arn := range []string{home, away} {
		alone, err := kms.NewMulti(ctx, kms.MultiConfig{Children: []string{arn}, Supplier: s.supplier()})
		if err != nil {
			return err
		}
		if err := d.open(ctx, alone); err != nil {
			return err
		}
	}
	return nil
}

// wrongRegion: signet says so before a call; a server that is asked in another region does not know the key.
func wrongRegion(ctx context.Context, s *server) error {
	k, arn, err := s.strict(ctx)
	if err != nil {
		return err
	}
	_, err = kms.New(ctx, kms.Config{KeyID: arn, Client: s.client(otherRegion)})
	if err := refused(err, kms.ErrWrongRegion); err != nil {
		return err
	}
	d, err := seal(ctx, k, nil)
	if err != nil {
		return err
	}
	moved := strings.Replace(arn, homeRegion, otherRegion, 1)
	away, err := s.discovery(otherRegion)
	if err != nil {
		return err
	}
	d = d.changed(func(e *keyring.EncryptedDataKey) { e.ProviderInfo = []byte(moved) })
	return refused(d.open(ctx, away), signet.ErrNoKey)
}

func otherAccount(ctx context.Context, s *server) error {
	k, arn, err := s.strict(ctx)
	if err != nil {
		return err
	}
	d, err := seal(ctx, k, nil)
	if err != nil {
		return err
	}
	stranger := *s
	stranger.account = fmt.Sprintf("%012d", rand.Int64N(1e12))
	other, err := kms.New(ctx, kms.Config{KeyID: arn, Client: stranger.client(homeRegion)})
	if err != nil {
		return err
	}
	if err := refused(d.open(ctx, other), signet.ErrNoKey); err != nil {
		return err
	}
	_, err = seal(ctx, other, nil)
	if err == nil {
		return errors.New("another account makes data keys")
	}
	return nil
}
