package kms_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	sdk "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/kms"
	"github.com/signetkeys/signet/keyring/kms/internal/kmsfake"
	"github.com/signetkeys/signet/keyring/suite"
)

// httpFailure is what the SDK returns for an answer with this status.
func httpFailure(status int, err error) error {
	return &smithy.OperationError{ServiceID: "KMS", OperationName: "Op", Err: &awshttp.ResponseError{
		RequestID:     "request-7",
		ResponseError: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: err},
	}}
}

func refusal(code, message string) error {
	return &smithy.GenericAPIError{Code: code, Message: message}
}

// TestErrorKinds: what each failure of a call answers for, and what its text advises.
func TestErrorKinds(t *testing.T) {
	for name, c := range map[string]struct {
		err         error
		kind, class error
		says        []string
	}{
		"not found": {&types.NotFoundException{}, kms.ErrKeyNotFound, signet.ErrNotFound, []string{"check the id, the account and the region"}},
		"disabled":  {&types.DisabledException{}, kms.ErrKeyDisabled, signet.ErrUnavailable, []string{"enable the key"}},
		"pending":   {&types.KMSInvalidStateException{}, kms.ErrKeyDisabled, signet.ErrUnavailable, []string{"cancel its deletion"}},
		"denied": {refusal("AccessDeniedException", "User: me is not authorized"), kms.ErrAccessDenied, signet.ErrAccessDenied,
			[]string{"the key policy", "IAM policy", "not of account 111122223333", "conditions on the encryption context", `["purpose" "tenant"]`, "User: me is not authorized"}},
		"namespace":    {refusal("com.amazonaws.kms#AccessDeniedException", ""), kms.ErrAccessDenied, signet.ErrAccessDenied, nil},
		"grant":        {&types.InvalidGrantTokenException{}, kms.ErrAccessDenied, signet.ErrAccessDenied, nil},
		"credentials":  {refusal("UnrecognizedClientException", ""), kms.ErrCredentials, signet.ErrAccessDenied, []string{"AWS_ACCESS_KEY_ID"}},
		"clock":        {refusal("RequestExpired", ""), kms.ErrCredentials, signet.ErrAccessDenied, nil},
		"timeout":      {refusal("RequestTimeoutException", ""), kms.ErrUnavailable, signet.ErrUnavailable, nil},
		"expired":      {refusal("ExpiredTokenException", ""), kms.ErrCredentials, signet.ErrAccessDenied, nil},
		"throttled":    {refusal("ThrottlingException", "Rate exceeded"), kms.ErrThrottled, signet.ErrThrottled, []string{"backoff", "cache data keys", "quota raised"}},
		"limit":        {&types.LimitExceededException{}, kms.ErrThrottled, signet.ErrThrottled, nil},
		"usage":        {&types.InvalidKeyUsageException{}, kms.ErrInvalidUsage, signet.ErrUnsupported, []string{"SYMMETRIC_DEFAULT", "RSA and ECDH keys have keyrings of their own"}},
		"ciphertext":   {&types.InvalidCiphertextException{}, kms.ErrInvalidCiphertext, signet.ErrAuthentication, []string{"wrong key, changed context or corrupted", `"tenant"`}},
		"wrong key":    {&types.IncorrectKeyException{}, kms.ErrIncorrectKey, signet.ErrAuthentication, []string{"another KMS key"}},
		"internal":     {&types.KMSInternalException{}, kms.ErrUnavailable, signet.ErrUnavailable, nil},
		"dependency":   {&types.DependencyTimeoutException{}, kms.ErrUnavailable, signet.ErrUnavailable, nil},
		"unavailable":  {&types.KeyUnavailableException{}, kms.ErrUnavailable, signet.ErrUnavailable, nil},
		"unknown, 500": {httpFailure(500, refusal("NewException", "text")), kms.ErrUnavailable, signet.ErrUnavailable, []string{"NewException: text", `request "request-7"`}},
		"unknown, 400": {httpFailure(400, refusal("NewException", "text")), nil, nil, []string{"NewException: text", `request "request-7"`}},
		"gateway":      {httpFailure(502, errors.New("<html>")), kms.ErrUnavailable, signet.ErrUnavailable, []string{"HTTP status 502"}},
		"no KMS":       {httpFailure(200, errors.New("<html>")), kms.ErrResponse, signet.ErrMalformed, []string{"HTTP status 200"}},
		"no answer":    {errors.New("dial tcp: connection refused"), kms.ErrUnavailable, signet.ErrUnavailable, []string{"no answer"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := symmetricFake()
			var events []kms.Event
			k := strict(t, kms.New, kms.Config{KeyID: oneARN, Client: symmetricOnly{f.Region(near)}, Region: near, Observer: func(_ context.Context, e kms.Event) { events = append(events, e) }})
			r := asymmetricRequest(t, suite.AES256GCMCommit(), testPairs)
			w := wrapNew(t, k, r)
			f.Edit = func(context.Context, kmsfake.Call, any) error { return c.err }
			events = nil
			_, generate := k.OnEncrypt(t.Context(), r, nil)
			_, encrypt := k.OnEncrypt(t.Context(), r, w.DataKey)
			_, decrypt := k.OnDecrypt(t.Context(), r, w.EDKs)
			for i, err := range []error{generate, encrypt, decrypt} {
				op := []string{"GenerateDataKey", "Encrypt", "Decrypt"}[i]
				var e *kms.Error
				if !errors.As(err, &e) || e.Kind() != c.kind || c.class != nil && !errors.Is(err, c.class) {
					t.Fatalf("%s: got %v, want %v", op, err, c.kind)
				}
				for _, other := range allKinds {
					if errors.Is(err, other) != (other == c.kind) {
						t.Errorf("%s: answers for %v", op, other)
					}
				}
				if e.Op != op || e.Key != oneARN || e.Region != near || fmt.Sprint(e.ContextNames) != "[purpose tenant]" || !errors.Is(err, c.err) {
					t.Errorf("%s: got %+v", op, e)
				}
				for _, s := range append(c.says, "kms:"+op, oneARN, near) {
					if !strings.Contains(err.Error(), s) {
						t.Errorf("%s: %v does not say %q", op, err, s)
					}
				}
				if ev := events[i]; ev.Op != op || ev.Key != oneARN || ev.Region != near || ev.Err != error(e) || ev.RequestID != e.RequestID || ev.Start.IsZero() || ev.Duration < 0 {
					t.Errorf("%s: event %+v", op, ev)
				}
			}
			if len(events) != 3 {
				t.Errorf("%d events", len(events))
			}
		})
	}
}

// symmetricOnly hides DescribeKey.
type symmetricOnly struct{ kms.API }

var allKinds = []error{
	kms.ErrKeyNotFound, kms.ErrKeyDisabled, kms.ErrAccessDenied, kms.ErrCredentials, kms.ErrThrottled, kms.ErrWrongRegion, kms.ErrInvalidUsage,
	kms.ErrInvalidCiphertext, kms.ErrIncorrectKey, kms.ErrResponse, kms.ErrUnavailable,
}

// TestCrossAccount: for a key of another account, the text says that both policies must allow it.
func TestCrossAccount(t *testing.T) {
	f := symmetricFake()
	f.Deny(strangerARN, true)
	k := strict(t, kms.New, kms.Config{KeyID: strangerARN, Client: f.Region(near)})
	_, err := k.OnEncrypt(t.Context(), asymmetricRequest(t, suite.AES256GCMCommit(), nil), nil)
	if !errors.Is(err, kms.ErrAccessDenied) || !strings.Contains(err.Error(), "both when the caller is not of account 444455556666") ||
		!strings.Contains(err.Error(), "no context pairs were sent") {
		t.Errorf("got %v", err)
	}
}

// TestEndedContext: a call ends with its context, whatever the client made of it, and is no failure of KMS's.
func TestEndedContext(t *testing.T) {
	wait := func(ctx context.Context, _ kmsfake.Call, _ any) error { <-ctx.Done(); return ctx.Err() }
	masked := func(ctx context.Context, _ kmsfake.Call, _ any) error {
		<-ctx.Done()
		return &smithy.OperationError{ServiceID: "KMS", OperationName: "Op", Err: &smithy.CanceledError{Err: ctx.Err()}}
	}
	for name, edit := range map[string]func(context.Context, kmsfake.Call, any) error{"plain": wait, "wrapped": masked} {
		f := symmetricFake()
		k := strict(t, kms.New, kms.Config{KeyID: oneARN, Client: f.Region(near)})
		r := asymmetricRequest(t, suite.AES256GCMCommit(), nil)
		w := wrapNew(t, k, r)
		for _, want := range []error{context.Canceled, context.DeadlineExceeded} {
			f.Edit = edit
			ops := map[string]func(context.Context) error{
				"GenerateDataKey": func(ctx context.Context) error { _, err := k.OnEncrypt(ctx, r, nil); return err },
				"Encrypt":         func(ctx context.Context) error { _, err := k.OnEncrypt(ctx, r, w.DataKey); return err },
				"Decrypt":         func(ctx context.Context) error { _, err := k.OnDecrypt(ctx, r, w.EDKs); return err },
				"DescribeKey": func(ctx context.Context) error {
					_, err := kms.New(ctx, kms.Config{KeyID: "alias/app", Client: f.Region(near)})
					return err
				},
			}
			for op, do := range ops {
				ctx, cancel := context.WithTimeout(t.Context(), 0)
				if want == context.Canceled { // ends while the call waits
					ctx, cancel = context.WithCancel(t.Context())
					f.Edit = func(ctx context.Context, c kmsfake.Call, out any) error { cancel(); return edit(ctx, c, out) }
				}
				err := do(ctx)
				cancel()
				if !errors.Is(err, want) {
					t.Errorf("%s, %s: got %v, want %v", name, op, err, want)
				}
				var e *kms.Error
				if want == context.Canceled && (!errors.As(err, &e) || e.Op != op || e.Kind() != nil) {
					t.Errorf("%s, %s: got %v", name, op, err)
				}
				if errors.Is(err, signet.ErrUnavailable) {
					t.Errorf("%s, %s: %v is put down to KMS", name, op, err)
				}
			}
		}
	}
}

// TestCanary: no error and no event shows key bytes, ciphertext or a value of the context, even when the server says them again.
func TestCanary(t *testing.T) {
	const canary = "canary-value-9c51e0"
	pairs := keyring.EncryptionContext{"tenant": canary, "quoted": canary + `"\` + "\n\u00fc", "empty": ""}
	r := asymmetricRequest(t, suite.AES256GCMCommit(), pairs)
	f := symmetricFake()
	var texts []string
	k := strict(t, kms.New, kms.Config{
		KeyID: oneARN, Client: f.Region(near), Region: near,
		Observer: func(_ context.Context, e kms.Event) { texts = append(texts, fmt.Sprintf("%v %+v", e, e)) },
	})
	w := wrapNew(t, k, r)
	key := w.DataKey.Reveal()
	echoes := map[string]string{
		"value": "1 validation error: Value '{tenant=" + canary + "}' at 'encryptionContext'", "late": strings.Repeat("x", 290) + canary,
		"JSON": fmt.Sprintf("%q", pairs["quoted"]), "key": string(key), "base64": base64.StdEncoding.EncodeToString(key), "none": "harmless",
	}
	for name, text := range echoes {
		for _, code := range []string{"ValidationException", "AccessDeniedException", canary} {
			if name == "none" && code == canary {
				continue
			}
			f.Edit = func(context.Context, kmsfake.Call, any) error { return httpFailure(400, refusal(code, text)) }
			_, encrypt := k.OnEncrypt(t.Context(), r, w.DataKey)
			all := []error{encrypt}
			if name != "key" && name != "base64" { // only Encrypt is told the key
				_, generate := k.OnEncrypt(t.Context(), r, nil)
				_, decrypt := k.OnDecrypt(t.Context(), r, w.EDKs)
				all = append(all, generate, decrypt)
			}
			for _, err := range all {
				if shown := strings.Contains(err.Error(), "harmless"); shown != (name == "none") {
					t.Errorf("%s, %s: what the server said is shown: %v", name, code, shown)
				}
				texts = append(texts, err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%s", err))
				var e *kms.Error
				if !errors.As(err, &e) {
					t.Fatal(err)
				}
				texts = append(texts, fmt.Sprintf("%v", e.ContextNames))
			}
		}
	}
	for _, edit := range []func(any){
		func(out any) {
			if o, ok := out.(*sdk.GenerateDataKeyOutput); ok {
				o.CiphertextBlob = nil
			}
		},
		func(out any) {
			if o, ok := out.(*sdk.DecryptOutput); ok {
				o.Plaintext = o.Plaintext[:31]
			}
		},
		func(out any) {
			switch o := out.(type) {
			case *sdk.GenerateDataKeyOutput:
				*o.KeyId = "x " + canary
			case *sdk.EncryptOutput:
				*o.KeyId = "x " + base64.StdEncoding.EncodeToString(key)
			case *sdk.DecryptOutput:
				*o.KeyId = canary
			}
		},
	} {
		f.Edit = func(_ context.Context, _ kmsfake.Call, out any) error { edit(out); return nil }
		if _, err := k.OnEncrypt(t.Context(), r, nil); err != nil {
			texts = append(texts, err.Error())
		}
		if _, err := k.OnDecrypt(t.Context(), r, w.EDKs); err != nil {
			texts = append(texts, err.Error())
		}
		if _, err := k.OnEncrypt(t.Context(), r, w.DataKey); err != nil {
			texts = append(texts, err.Error())
		}
	}
	if last := texts[len(texts)-1]; !strings.Contains(last, "left out") {
		t.Errorf("the key id of a refused answer: got %s", last)
	}
	blob := w.EDKs[0].Ciphertext[:16]
	for _, text := range texts {
		for what, secret := range map[string]string{
			"a context value": canary, "the key": string(key), "the key in hex": hex.EncodeToString(key), "the key in base64": base64.StdEncoding.EncodeToString(key),
			"the key in decimal": strings.Trim(fmt.Sprint(key[:8]), "[]"), "the ciphertext": string(blob), "the ciphertext in hex": hex.EncodeToString(blob),
		} {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in %.300q", what, text)
			}
		}
	}
	if len(texts) < 40 {
		t.Errorf("only %d texts were looked at", len(texts))
	}
}

// TestExplain: a program's own call gets the same kinds and texts.
func TestExplain(t *testing.T) {
	if err := kms.Explain(t.Context(), "Encrypt", oneARN, near, testPairs, nil); err != nil {
		t.Errorf("no error: got %v", err)
	}
	pairs := map[string]string{"tenant": "canary-value"}
	err := kms.Explain(t.Context(), "ReEncrypt", oneARN, near, pairs, refusal("AccessDeniedException", "no: canary-value"))
	var e *kms.Error
	if !errors.Is(err, kms.ErrAccessDenied) || !errors.As(err, &e) || e.Op != "ReEncrypt" || !strings.Contains(err.Error(), "kms:ReEncrypt") || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := kms.Explain(ctx, "Encrypt", oneARN, near, nil, &smithy.CanceledError{Err: ctx.Err()}); !errors.Is(err, context.Canceled) || errors.Is(err, signet.ErrUnavailable) {
		t.Errorf("ended: got %v", err)
	}
}
