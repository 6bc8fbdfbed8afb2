package kmsfake

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"
)

// input is what the operations take, in JSON.
type input struct {
	KeyID               *string `json:"KeyId"`
	NumberOfBytes       *int32
	KeySpec             types.DataKeySpec
	Plaintext           []byte
	CiphertextBlob      []byte
	EncryptionContext   map[string]string
	EncryptionAlgorithm types.EncryptionAlgorithmSpec
	GrantTokens         []string
}

var scope = regexp.MustCompile(`Credential=[^/]+/[0-9]{8}/([a-z0-9-]+)/kms/aws4_request`)

// ServeHTTP answers the SDK's requests (AWS JSON 1.1). The region is that of the credential scope; signatures are not checked.
func (f *KMS) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	out, err := f.serve(q)
	if q.Context().Err() != nil {
		return // nobody waits for it
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	f.mu.Lock()
	w.Header().Set("X-Amzn-Requestid", fmt.Sprintf("request-%d", len(f.calls)))
	f.mu.Unlock()
	var api smithy.APIError
	switch {
	case errors.As(err, &api):
		w.WriteHeader(status(api))
		out = map[string]string{"__type": api.ErrorCode(), "message": api.ErrorMessage()}
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	json.NewEncoder(w).Encode(out)
}

func status(err smithy.APIError) int {
	if err.ErrorFault() == smithy.FaultServer {
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

func (f *KMS) serve(q *http.Request) (any, error) {
	m := scope.FindStringSubmatch(q.Header.Get("Authorization"))
	if m == nil {
		return nil, refusal("MissingAuthenticationTokenException", "no credential scope")
	}
	var in input
	d := json.NewDecoder(q.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return nil, err
	}
	r, ctx := f.Region(m[1]), q.Context()
	op, ok := strings.CutPrefix(q.Header.Get("X-Amz-Target"), "TrentService.")
	if !ok {
		return nil, fmt.Errorf("target %q", q.Header.Get("X-Amz-Target"))
	}
	// The SDK's outputs have the names of the JSON answer; their metadata is empty and not read.
	switch op {
	case "GenerateDataKey":
		return r.GenerateDataKey(ctx, &sdk.GenerateDataKeyInput{
			KeyId: in.KeyID, NumberOfBytes: in.NumberOfBytes, KeySpec: in.KeySpec, EncryptionContext: in.EncryptionContext, GrantTokens: in.GrantTokens,
		})
	case "Encrypt":
		return r.Encrypt(ctx, &sdk.EncryptInput{
			KeyId: in.KeyID, Plaintext: in.Plaintext, EncryptionContext: in.EncryptionContext, EncryptionAlgorithm: in.EncryptionAlgorithm, GrantTokens: in.GrantTokens,
		})
	case "Decrypt":
		return r.Decrypt(ctx, &sdk.DecryptInput{
			KeyId: in.KeyID, CiphertextBlob: in.CiphertextBlob, EncryptionContext: in.EncryptionContext, EncryptionAlgorithm: in.EncryptionAlgorithm,
			GrantTokens: in.GrantTokens,
		})
	case "DescribeKey":
		return r.DescribeKey(ctx, &sdk.DescribeKeyInput{KeyId: in.KeyID, GrantTokens: in.GrantTokens})
	}
	return nil, refusal("UnknownOperationException", "%s", op)
}
