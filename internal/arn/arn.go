// Package arn reads the names of AWS KMS keys: ARNs of keys and aliases, bare key ids, alias names, and what makes two of them replicas of one
// multi-Region key (AWS Encryption SDK specification, framework/aws-kms/aws-kms-key-arn).
package arn

import (
	"fmt"
	"strings"

	"github.com/signetkeys/signet"
)

// MaxLen is the longest identifier of a key that KMS takes, in bytes.
const MaxLen = 2048

// ErrARN is what text is that should be an ARN of KMS and is not; it answers for [signet.ErrMalformed].
var ErrARN = fmt.Errorf("%w: not an ARN of AWS KMS", signet.ErrMalformed)

// An ARN names a KMS key or an alias of one: arn:PARTITION:kms:REGION:ACCOUNT:TYPE/ID.
type ARN struct {
	Partition, Region, Account string
	Type                       string // "key" or "alias"
	ID                         string // what follows the first slash
}

// Parse reads an ARN. It is strict in form and does not know which partitions, regions or accounts exist.
func Parse(s string) (ARN, error) {
	reason := func(text string) (ARN, error) { return ARN{}, fmt.Errorf("%w: %s", ErrARN, text) }
	if len(s) > MaxLen {
		return reason(fmt.Sprintf("it has %d bytes, at most %d are allowed", len(s), MaxLen))
	}
	if !printable(s) {
		return reason("it has bytes other than printable ASCII")
	}
	parts := strings.Split(s, ":")
	if len(parts) != 6 {
		return reason(fmt.Sprintf("it has %d parts between colons and needs 6", len(parts)))
	}
	a := ARN{Partition: parts[1], Region: parts[3], Account: parts[4]}
	resource := parts[5]
	switch {
	case parts[0] != "arn":
		return reason(`it does not begin with "arn:"`)
	case a.Partition == "":
		return reason("its partition is empty")
	case parts[2] != "kms":
		return reason("its service is not kms")
	case a.Region == "":
		return reason("its region is empty")
	case a.Account == "":
		return reason("its account is empty")
	}
	kind, id, ok := strings.Cut(resource, "/")
	if !ok || id == "" || kind != "key" && kind != "alias" {
		return reason("its resource is neither key/ID nor alias/NAME")
	}
	a.Type, a.ID = kind, id
	return a, nil
}

// String is the ARN as it was read.
func (a ARN) String() string {
	return "arn:" + a.Partition + ":kms:" + a.Region + ":" + a.Account + ":" + a.Type + "/" + a.ID
}

// IsKey reports whether it names a key itself and no alias.
func (a ARN) IsKey() bool { return a.Type == "key" }

// IsMRK reports whether it names a multi-Region key. An alias called mrk-… does not.
func (a ARN) IsMRK() bool { return a.Type == "key" && strings.HasPrefix(a.ID, "mrk-") }

// InRegion is the ARN of the replica in another region.
func (a ARN) InRegion(region string) ARN {
	a.Region = region
	return a
}

// Related reports whether both name the same key, or replicas of one multi-Region key.
func Related(a, b ARN) bool { return a == b || a.IsMRK() && b.IsMRK() && a.InRegion(b.Region) == b }

// ErrID is what an identifier is that KMS would not take; it answers for [signet.ErrMalformed].
var ErrID = fmt.Errorf("%w: not an identifier of an AWS KMS key", signet.ErrMalformed)

// An ID is what KMS takes as a key's name: an ARN of a key or an alias, "alias/NAME", or the id of a key.
type ID struct {
	Text  string
	ARN   ARN  // when IsARN
	IsARN bool // of a key or an alias
}

// ParseID reads an identifier.
func ParseID(s string) (ID, error) {
	bad := func(text string) (ID, error) { return ID{}, fmt.Errorf("%w: %s", ErrID, text) }
	switch {
	case strings.TrimSpace(s) == "":
		return bad("it is empty")
	case len(s) > MaxLen:
		return bad(fmt.Sprintf("it has %d bytes, at most %d are allowed", len(s), MaxLen))
	case !printable(s):
		return bad("it has spaces or bytes other than printable ASCII")
	}
	if strings.HasPrefix(s, "arn:") {
		a, err := Parse(s)
		if err != nil {
			return ID{}, err
		}
		return ID{Text: s, ARN: a, IsARN: true}, nil
	}
	if name, ok := strings.CutPrefix(s, "alias/"); ok {
		if name == "" {
			return bad("the alias has no name")
		}
		return ID{Text: s}, nil
	}
	if strings.ContainsAny(s, ":/") {
		return bad(`it is neither an ARN, nor "alias/NAME", nor the id of a key`)
	}
	return ID{Text: s}, nil
}

// NamesKey reports whether messages name the key by this identifier: it is the ARN of a key.
func (id ID) NamesKey() bool { return id.IsARN && id.ARN.IsKey() }

func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
