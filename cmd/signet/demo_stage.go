package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/signetkeys/signet/cmd/signet/internal/ministack"
)

const cleanupTime = 2 * time.Second // within the grace that a signal gives

// stage is what every demo stands on: a temporary folder, a server, and what it prints.
type stage struct {
	*app
	dir      string
	endpoint string            // of the server
	server   *ministack.Server // nil when the user named one
	named    bool              // with --endpoint
	step     int
	lost     error // the first failure to print
}

// newStage makes the folder. The caller closes the stage.
func (a *app) newStage(endpoint string) (*stage, error) {
	s := &stage{app: a, endpoint: endpoint, named: endpoint != ""}
	if endpoint == "" {
		s.endpoint, _ = a.lookupEnv("SIGNET_DEMO_DYNAMODB")
	}
	if s.endpoint != "" {
		if _, err := isLoopback(s.endpoint); err != nil {
			return nil, err
		}
	}
	// A reader that leaves early must not end the process: there is something to clean up.
	signal.Ignore(syscall.SIGPIPE)
	var err error
	s.dir, err = os.MkdirTemp("", "signet-demo-")
	return s, err
}

// serve starts a server unless the user named one.
func (s *stage) serve(ctx context.Context) error {
	if s.endpoint != "" {
		return nil
	}
	installer := &ministack.Installer{Tell: func(line string) { s.note("%s", printable(line)) }}
	python, err := installer.Ensure(ctx)
	if err == nil {
		s.server, err = ministack.Start(ctx, python, filepath.Join(s.dir, "server"))
	}
	if err != nil {
		f := &fault{code: codeDemoServer, err: err}
		var e *ministack.Error
		if errors.As(err, &e) {
			f.hint = e.Hint
		}
		return f
	}
	s.endpoint = s.server.URL
	return nil
}

// close ends the server and removes the folder. It may be called again.
func (s *stage) close() error {
	if s.server != nil {
		s.server.Close()
	}
	return os.RemoveAll(s.dir)
}

// stay keeps the server of this demo until the user ends it.
func (s *stage) stay(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.server.Done():
		return &fault{code: codeDemoServer, err: errors.New("MiniStack ended by itself")}
	}
}

// run does the steps in order, until one fails or what it prints is lost.
func (s *stage) run(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := errors.Join(step(ctx), s.lost); err != nil {
			return err
		}
	}
	return nil
}

// title begins a step; say prints a line of it. Both are silent with --output json, and after a failure, which is kept in lost.
func (s *stage) title(format string, args ...any) {
	s.step++
	s.print("\n%d. "+format+"\n", append([]any{s.step}, args...)...)
}

func (s *stage) say(format string, args ...any) { s.print("   "+format+"\n", args...) }

func (s *stage) print(format string, args ...any) {
	if s.output != text || s.lost != nil {
		return
	}
	if _, err := fmt.Fprintf(s.stdout, format, args...); err != nil {
		s.lost = outputError("standard output", err)
	}
}

// standIn are credentials for an emulator, where whoever has twelve digits is the account of that number.
func standIn(accessKeyID string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: accessKeyID, SecretAccessKey: "signet", Source: "stand-in for an emulator"}, nil
	})
}

// emulated is a client for an emulator, without anything of the user's AWS configuration.
func emulated(endpoint, region, accessKeyID string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{BaseEndpoint: &endpoint, Region: region, Credentials: standIn(accessKeyID)})
}

func demoTable(client *dynamodb.Client) *table {
	return &table{name: "signet-demo-" + strings.ToLower(rand.Text()[:10]), client: client, partitionKey: "id"}
}

// create makes the table. It may be there even after an error.
func (t *table) create(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := t.client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName: &t.name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: &t.partitionKey, AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: &t.partitionKey, KeyType: types.KeyTypeHash}},
	})
	var there *types.ResourceInUseException // the answer to a retry of a call that had worked: nobody else knows the name
	if err != nil && !errors.As(err, &there) {
		return t.fail(ctx, "create", err)
	}
	return nil
}

// wait returns when the table can be used.
func (t *table) wait(ctx context.Context) error {
	waiter := dynamodb.NewTableExistsWaiter(t.client, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay = 100 * time.Millisecond })
	if err := waiter.Wait(ctx, &dynamodb.DescribeTableInput{TableName: &t.name}, callTimeout); err != nil {
		return t.fail(ctx, "wait for", err)
	}
	return nil
}

// drop deletes the table, also after an interruption.
func (t *table) drop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	_, err := t.client.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &t.name})
	var gone *types.ResourceNotFoundException // the answer to a retry of a call that had worked
	if err != nil && !errors.As(err, &gone) {
		return t.fail(ctx, "delete", err)
	}
	return nil
}
