package kms

import (
	"context"
	"maps"
	"slices"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// An Observer is told of every call to KMS when it has ended, so that calls can be counted by operation and key and matched with CloudTrail. It is
// called from every goroutine that uses the keyring, and the call waits for it. It must not keep e.ContextNames.
type Observer func(ctx context.Context, e Event)

// An Event is one call to KMS, after the SDK's retries. It has neither plaintext, ciphertext nor values of the context.
type Event struct {
	Op           string // as in [Error]
	Key          string // as it was sent
	Region       string // of the client
	Start        time.Time
	Duration     time.Duration
	ContextNames []string // sorted
	RequestID    string   // of KMS, as CloudTrail has it
	Err          error    // nil, or an *Error
}

// told calls the observer.
func (o Observer) told(ctx context.Context, q *request, start time.Time, requestID string, err *Error) {
	if o == nil {
		return
	}
	e := Event{Op: q.op, Key: q.key, Region: q.region, Start: start, Duration: time.Since(start), ContextNames: slices.Sorted(maps.Keys(q.context)), RequestID: requestID}
	if err != nil {
		e.Err, e.RequestID = err, err.RequestID
	}
	o(ctx, e)
}

// idOf is the request id that the SDK keeps with an answer.
func idOf(m middleware.Metadata) string {
	id, _ := awsmiddleware.GetRequestIDMetadata(m)
	return id
}
