package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/logging"
	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/internal/uritext"
)

const (
	callTimeout        = 30 * time.Second // of one call to DynamoDB, the SDK's retries included
	credentialsTimeout = 15 * time.Second
)

// table is a DynamoDB table with a client that reaches it.
type table struct {
	name                  string
	client                *dynamodb.Client
	partitionKey, sortKey string                               // "" until keySchema
	keyTypes              map[string]types.ScalarAttributeType // of the key attributes, where the table was asked
}

// newDynamoDB makes a client from the SDK's own configuration: environment, profiles, roles. An endpoint on loopback is an emulator or a tunnel: it needs no
// configuration, gets stand-in credentials when there are none, and never those of the machine's role (of the
// instance metadata service).
func (a *app) newDynamoDB(ctx context.Context, endpoint, region string) (*dynamodb.Client, error) {
	opts := []func(*awsconfig.LoadOptions) error{awsconfig.WithLogger(logging.LoggerFunc(func(c logging.Classification, format string, v ...any) {
		a.log.Debug("AWS SDK", "level", string(c), "message", printable(fmt.Sprintf(format, v...)))
	}))}
	if region != "" {
		opts = append(opts, awsconfig.WithRegion(region))
	}
	ctx, cancel := context.WithTimeout(ctx, credentialsTimeout)
	defer cancel()
	override := func(o *dynamodb.Options) {
		if endpoint != "" {
			o.BaseEndpoint = &endpoint
		}
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, opts...)
	var local bool
	if err == nil {
		// Flag, variable or profile: the SDK knows which it will be.
		if local, err = isLoopback(aws.ToString(dynamodb.NewFromConfig(cfg, override).Options().BaseEndpoint)); err != nil {
			return nil, err
		}
	}
	if local {
		cfg, err = awsconfig.LoadDefaultConfig(ctx, append(opts, awsconfig.WithEC2IMDSClientEnableState(imds.ClientDisabled))...)
	}
	if err != nil {
		return nil, &fault{code: codeConfig, err: fmt.Errorf("AWS configuration: %w", err)}
	}
	if cfg.Region == "" {
		if !local {
			return nil, &fault{code: codeConfig, err: errors.New("no AWS region is configured"), hint: "use --region or set AWS_REGION"}
		}
		cfg.Region = "us-east-1"
	}
	if err := checkCredentials(ctx, &cfg, local); err != nil {
		return nil, err
	}
	return dynamodb.NewFromConfig(cfg, override), nil
}

// isLoopback refuses an endpoint that is not of the right form.
func isLoopback(endpoint string) (bool, error) {
	if endpoint == "" {
		return false, nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return false, &fault{code: codeConfig, err: errors.New("the DynamoDB endpoint must be http://HOST:PORT or https://HOST:PORT")}
	}
	return uritext.Loopback(endpoint), nil
}

func checkCredentials(ctx context.Context, cfg *aws.Config, local bool) error {
	if cfg.Credentials != nil {
		if _, err := cfg.Credentials.Retrieve(ctx); err == nil {
			return nil
		} else if !local {
			return &fault{code: codeCredentials, err: fmt.Errorf("no AWS credentials: %w", err)}
		}
	} else if !local {
		return &fault{code: codeCredentials, err: errors.New("no AWS credentials")}
	}
	cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "signet", SecretAccessKey: "signet", Source: "stand-in for a local endpoint"}, nil
	})
	return nil
}

// keySchema fills in the names of the key attributes unless they are known.
func (t *table) keySchema(ctx context.Context) error {
	if t.partitionKey != "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := t.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &t.name})
	if err != nil {
		return t.fail(ctx, "describe", err)
	}
	t.keyTypes = make(map[string]types.ScalarAttributeType)
	for _, d := range out.Table.AttributeDefinitions { // those of indexes, too
		t.keyTypes[aws.ToString(d.AttributeName)] = d.AttributeType
	}
	for _, e := range out.Table.KeySchema {
		switch e.KeyType {
		case types.KeyTypeHash:
			t.partitionKey = aws.ToString(e.AttributeName)
		case types.KeyTypeRange:
			t.sortKey = aws.ToString(e.AttributeName)
		}
	}
	if t.partitionKey == "" {
		return fmt.Errorf("table %s: the service names no partition key", t.name)
	}
	return nil
}

// checkKey compares a key that was given with the table's, which the service would call a ValidationException.
func (t *table) checkKey(key map[string]types.AttributeValue) error {
	for name := range key {
		if name != t.partitionKey && name != t.sortKey {
			return &fault{code: codeItemArgument, err: fmt.Errorf("--key: %s is no key attribute of table %s, whose key is %s", shown(name), t.name, t.keyNames()), hint: t.keyHint()}
		}
	}
	for _, name := range []string{t.partitionKey, t.sortKey} {
		if _, ok := key[name]; !ok && name != "" {
			return &fault{code: codeItemArgument, err: fmt.Errorf("--key: key attribute %s of table %s is missing", shown(name), t.name), hint: t.keyHint()}
		}
	}
	if err := t.checkKeyTypes(key); err != nil {
		return &fault{code: codeItemArgument, err: fmt.Errorf("--key: %w", err), hint: t.keyHint()}
	}
	return nil
}

func (t *table) checkKeyTypes(key map[string]types.AttributeValue) error {
	for _, name := range []string{t.partitionKey, t.sortKey} {
		v, ok := key[name]
		if want := string(t.keyTypes[name]); ok && want != "" && typeName(v) != want {
			return fmt.Errorf("key attribute %s of table %s is of type %s and not %s", shown(name), t.name, want, typeName(v))
		}
	}
	return nil
}

func (t *table) keyNames() string {
	if t.sortKey == "" {
		return shown(t.partitionKey)
	}
	return shown(t.partitionKey) + " and " + shown(t.sortKey)
}

// keyHint shows how a key of this table is written.
func (t *table) keyHint() string {
	hint := "write"
	for _, name := range []string{t.partitionKey, t.sortKey} {
		if name == "" {
			continue
		}
		typ := t.keyTypes[name]
		if typ == "" {
			typ = types.ScalarAttributeTypeS
		}
		hint += " --key " + shellQuote(fmt.Sprintf("%s=%s:...", printable(name), typ))
	}
	return hint
}

// keyOf returns the primary key of an item that is to be put.
func (t *table) keyOf(item map[string]types.AttributeValue) (map[string]types.AttributeValue, error) {
	key := make(map[string]types.AttributeValue)
	for _, name := range []string{t.partitionKey, t.sortKey} {
		if name == "" {
			continue
		}
		v, ok := item[name]
		if !ok {
			return nil, &fault{code: codeItemArgument, err: fmt.Errorf("the item has no attribute %s, a key attribute of table %s", shown(name), t.name),
				hint: "add it to the item; nothing was written"}
		}
		key[name] = v
	}
	if err := t.checkKeyTypes(key); err != nil {
		return nil, &fault{code: codeItemArgument, err: err, hint: "change it in the item; nothing was written"}
	}
	return key, nil
}

// get reads an item, with strong consistency. A missing item is a fault.
func (t *table) get(ctx context.Context, key map[string]types.AttributeValue) (map[string]types.AttributeValue, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := t.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.name, Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, t.fail(ctx, "get from", err)
	}
	if out.Item == nil {
		return nil, &fault{code: codeNoItem, err: fmt.Errorf("table %s has no item with this key", t.name)}
	}
	return out.Item, nil
}

// put writes an item. Without replace an existing item with the same key is left alone, and a fault.
func (t *table) put(ctx context.Context, item map[string]types.AttributeValue, replace bool) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	in := &dynamodb.PutItemInput{TableName: &t.name, Item: item}
	if !replace {
		in.ConditionExpression = aws.String("attribute_not_exists(#k)")
		in.ExpressionAttributeNames = map[string]string{"#k": t.partitionKey}
		in.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	}
	_, err := t.client.PutItem(ctx, in)
	if err == nil {
		return nil
	}
	var conflict *types.ConditionalCheckFailedException
	if errors.As(err, &conflict) {
		// The SDK may have sent the request twice because the first answer was lost: then the item in the way is this one.
		if sameEncrypted(conflict.Item, item) {
			return nil
		}
		return &fault{code: codeExists, err: fmt.Errorf("table %s has an item with this key already", t.name)}
	}
	return t.fail(ctx, "put into", err)
}

// fail maps what the SDK says to the class of error.
func (t *table) fail(ctx context.Context, verb string, err error) error {
	return awsError(ctx, fmt.Sprintf("cannot %s table %s", verb, t.name), err)
}

func awsError(ctx context.Context, what string, err error) error {
	var api interface {
		error
		ErrorCode() string
		ErrorMessage() string
	}
	if !errors.As(err, &api) {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fmt.Errorf("%s: %w: no answer in time", what, signet.ErrUnavailable)
		}
		return fmt.Errorf("%s: %w: %w", what, signet.ErrUnavailable, rootCause(err))
	}
	code := codeOther
	switch name := api.ErrorCode(); {
	case name == "ResourceNotFoundException":
		code = codeNoTable
	case strings.Contains(name, "Throttl"), strings.HasPrefix(name, "RequestLimitExceeded"), strings.HasPrefix(name, "ProvisionedThroughputExceeded"):
		code = codeThrottled
	case strings.HasPrefix(name, "InternalServer"), strings.HasPrefix(name, "ServiceUnavailable"):
		code = codeUnavailable
	case strings.HasPrefix(name, "AccessDenied"):
		code = codeDenied
	case strings.HasPrefix(name, "UnrecognizedClient"), strings.HasPrefix(name, "InvalidSignature"), strings.HasPrefix(name, "ExpiredToken"),
		strings.HasPrefix(name, "MissingAuthenticationToken"), strings.HasPrefix(name, "InvalidClientTokenId"):
		code = codeCredentials
	}
	return &fault{code: code, err: fmt.Errorf("%s: %s: %s", what, api.ErrorCode(), api.ErrorMessage())}
}

// rootCause leaves out what the SDK wraps around a network error: request ids, attempt counts.
func rootCause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op
	}
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
