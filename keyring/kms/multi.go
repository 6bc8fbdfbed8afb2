package kms

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/signetkeys/signet/internal/arn"
	"github.com/signetkeys/signet/keyring"
)

// MultiConfig configures [NewMulti]. Supplier and at least one key are required.
type MultiConfig struct {
	// Generator makes data keys; Children and Optional wrap them too, as in [keyring.MultiOptions]. Identifiers are those of [Config].
	Generator          string
	Children, Optional []string
	// MRK makes keyrings of [NewMRK]. No two of the keys may then be replicas of each other.
	MRK bool
	// Supplier gives the client for the region of each ARN, and the default one for other identifiers.
	Supplier    Supplier
	GrantTokens []string
	Observer    Observer
	// MinWrapped, OptionalTimeout and Hedge are those of [keyring.MultiOptions].
	MinWrapped             int
	OptionalTimeout, Hedge time.Duration
}

// NewMulti makes a multi-keyring of symmetric keys in one or several regions: whoever reaches one of the keys can decrypt. Errors are those of
// [New] and [keyring.NewMulti], with the key's name, and those of the supplier.
func NewMulti(ctx context.Context, c MultiConfig) (keyring.Keyring, error) {
	if c.Supplier == nil {
		return nil, configError("a client supplier is needed")
	}
	ids, err := c.ids()
	if err != nil {
		return nil, err
	}
	grants, err := checkGrants(c.GrantTokens)
	if err != nil {
		return nil, err
	}
	o := keyring.MultiOptions{MinWrapped: c.MinWrapped, OptionalTimeout: c.OptionalTimeout, Hedge: c.Hedge}
	var resolved []arn.ARN
	for i, id := range ids {
		client, err := c.Supplier(ctx, id.ARN.Region)
		if err != nil {
			return nil, fmt.Errorf("key %.256q: %w", id.Text, err)
		}
		if missing(client) {
			return nil, configError("key %.256q: the supplier gave no client", id.Text)
		}
		region := regionOf(client, id.ARN.Region)
		if !id.NamesKey() {
			if id, err = resolve(ctx, id, client, region, grants, c.Observer); err != nil {
				return nil, fmt.Errorf("key %.256q: %w", ids[i].Text, err)
			}
		}
		resolved = append(resolved, id.ARN)
		k, err := newStrict(ctx, Config{KeyID: id.Text, Client: client, Region: region, GrantTokens: grants, Observer: c.Observer}, c.MRK)
		if err != nil {
			return nil, fmt.Errorf("key %.256q: %w", id.Text, err)
		}
		switch {
		case i == 0 && c.Generator != "":
			o.Generator = k
		case len(o.Children) < len(c.Children):
			o.Children = append(o.Children, k)
		default:
			o.Optional = append(o.Optional, k)
		}
	}
	if err := different(resolved, c.MRK); err != nil {
		return nil, err
	}
	return keyring.NewMulti(o)
}

func (c *MultiConfig) ids() ([]arn.ID, error) {
	var all []string
	if c.Generator != "" {
		all = append(all, c.Generator)
	}
	all = append(append(all, c.Children...), c.Optional...)
	var ids []arn.ID
	for i, text := range all {
		id, err := arn.ParseID(text)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i, err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// different refuses keys that are there twice, and, if they are asked for by multi-Region rules, replicas of one key.
func different(keys []arn.ARN, mrk bool) error {
	var twice []string
	for i, a := range keys {
		for j, b := range keys {
			if i != j && (a == b || mrk && arn.Related(a, b)) {
				twice = append(twice, a.String())
				break
			}
		}
	}
	if len(twice) == 0 {
		return nil
	}
	if mrk {
		return configError("these are one multi-Region key, of which one replica is enough: %s", strings.Join(twice, ", "))
	}
	return configError("keys are given twice: %s", strings.Join(twice, ", "))
}

// DiscoveryMultiConfig configures [NewDiscoveryMulti]. Regions, Supplier and a filter (or AllowAnyAccount) are required.
type DiscoveryMultiConfig struct {
	Regions         []string // in the order in which they are asked
	Filter          *Filter
	AllowAnyAccount bool
	MRK             bool
	Supplier        Supplier
	GrantTokens     []string
	Observer        Observer
	Hedge           time.Duration // of [keyring.MultiOptions]
}

// NewDiscoveryMulti makes a multi-keyring of discovery keyrings, one for each region. It decrypts only.
func NewDiscoveryMulti(ctx context.Context, c DiscoveryMultiConfig) (keyring.Keyring, error) {
	if c.Supplier == nil {
		return nil, configError("a client supplier is needed")
	}
	if len(c.Regions) == 0 {
		return nil, configError("discovery needs at least one region")
	}
	seen := map[string]bool{}
	o := keyring.MultiOptions{Hedge: c.Hedge}
	for _, region := range c.Regions {
		if strings.TrimSpace(region) == "" || seen[region] {
			return nil, configError("a region is blank or given twice: %q", region)
		}
		seen[region] = true
		client, err := c.Supplier(ctx, region)
		if err != nil {
			return nil, fmt.Errorf("region %s: %w", region, err)
		}
		if missing(client) {
			return nil, configError("region %s: the supplier gave no client", region)
		}
		if got := regionOf(client, region); got != region {
			return nil, fmt.Errorf("%w: region %s is asked for and the supplier's client is in %s", ErrWrongRegion, region, got)
		}
		d := DiscoveryConfig{Client: client, Region: region, Filter: c.Filter, AllowAnyAccount: c.AllowAnyAccount, GrantTokens: c.GrantTokens, Observer: c.Observer}
		k, err := newDiscovery(d, c.MRK)
		if err != nil {
			return nil, err
		}
		o.Optional = append(o.Optional, k)
	}
	return keyring.NewMulti(o)
}
