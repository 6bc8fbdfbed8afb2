package kmstest

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
)

// Rows about keys that are disabled or wait for their deletion, and what comes after.
func stateRows() []row {
	const goesOn = "uses disabled keys, and those that wait for deletion, as before"
	return []row{
		{name: "disabled: wraps nothing", deviates: map[string]string{moto: goesOn}, run: func(ctx context.Context, s *server) error {
			return inState(ctx, s, disable, sealsNot)
		}},
		{name: "disabled: opens nothing", deviates: map[string]string{moto: goesOn}, run: func(ctx context.Context, s *server) error {
			return inState(ctx, s, disable, opensNot)
		}},
		{name: "enabled again", deviates: map[string]string{moto: goesOn}, run: func(ctx context.Context, s *server) error {
			return inState(ctx, s, disable, sealsNot, enable, seals)
		}},
		{name: "pending deletion: wraps nothing", deviates: map[string]string{moto: goesOn}, run: func(ctx context.Context, s *server) error {
			return inState(ctx, s, scheduleDeletion, sealsNot)
		}},
		{name: "pending deletion: opens nothing", deviates: map[string]string{moto: goesOn}, run: func(ctx context.Context, s *server) error {
			return inState(ctx, s, scheduleDeletion, opensNot)
		}},
		{name: "deletion cancelled", deviates: map[string]string{moto: goesOn}, run: func(ctx context.Context, s *server) error {
			return inState(ctx, s, scheduleDeletion, sealsNot, cancelDeletion, enable, seals)
		}},
	}
}

// A subject is a key whose state changes, a keyring of it, made before, and a data key that it sealed.
type subject struct {
	client *sdk.Client
	arn    string
	k      keyring.Keyring
	d      *sealed
}

func inState(ctx context.Context, s *server, steps ...func(context.Context, *subject) error) error {
	k, arn, err := s.strict(ctx)
	if err != nil {
		return err
	}
	d, err := seal(ctx, k, pairs())
	if err != nil {
		return err
	}
	if err := d.open(ctx, k); err != nil {
		return err
	}
	x := &subject{s.client(homeRegion), arn, k, d}
	for i, step := range steps {
		if err := step(ctx, x); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return nil
}

func disable(ctx context.Context, x *subject) error {
	_, err := x.client.DisableKey(ctx, &sdk.DisableKeyInput{KeyId: &x.arn})
	return err
}

func enable(ctx context.Context, x *subject) error {
	_, err := x.client.EnableKey(ctx, &sdk.EnableKeyInput{KeyId: &x.arn})
	return err
}

func scheduleDeletion(ctx context.Context, x *subject) error {
	_, err := x.client.ScheduleKeyDeletion(ctx, &sdk.ScheduleKeyDeletionInput{KeyId: &x.arn, PendingWindowInDays: aws.Int32(7)})
	return there(err, "KMSInvalidStateException")
}

func cancelDeletion(ctx context.Context, x *subject) error {
	_, err := x.client.CancelKeyDeletion(ctx, &sdk.CancelKeyDeletionInput{KeyId: &x.arn})
	return there(err, "KMSInvalidStateException")
}

// notEnabled is the error of a key that exists and is not enabled: neither not found nor denied.
func notEnabled(err error) error {
	if err := refused(err, kms.ErrKeyDisabled, signet.ErrUnavailable); err != nil {
		return err
	}
	for _, other := range []error{signet.ErrNotFound, signet.ErrAccessDenied} {
		if errors.Is(err, other) {
			return fmt.Errorf("%w is also %q", err, other.Error())
		}
	}
	return nil
}

func sealsNot(ctx context.Context, x *subject) error {
	_, err := seal(ctx, x.k, nil)
	return notEnabled(err)
}

func opensNot(ctx context.Context, x *subject) error { return notEnabled(x.d.open(ctx, x.k)) }

func seals(ctx context.Context, x *subject) error {
	d, err := seal(ctx, x.k, nil)
	if err != nil {
		return err
	}
	return first(func() error { return d.open(ctx, x.k) }, func() error { return x.d.open(ctx, x.k) })
}
