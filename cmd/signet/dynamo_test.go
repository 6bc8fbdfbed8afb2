package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/rogpeppe/go-internal/testscript"
)

// needDynamoDB returns the endpoint of the emulator.
func needDynamoDB(t *testing.T) string {
	t.Helper()
	endpoint := os.Getenv("SIGNET_TEST_DYNAMODB")
	if endpoint == "" {
		missing(t, "SIGNET_TEST_DYNAMODB names no DynamoDB-compatible server")
	}
	return endpoint
}

// clientOf is a client that knows nothing of signet.
func clientOf(endpoint, accessKeyID string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		BaseEndpoint: &endpoint, Region: "eu-west-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKeyID, SecretAccessKey: "signet"}, nil
		}),
	})
}

// dynamoEnv gives scripts the server and nothing of the user's own AWS configuration.
func dynamoEnv(e *testscript.Env, endpoint string) {
	for name, value := range map[string]string{
		"ENDPOINT": endpoint, "AWS_ACCESS_KEY_ID": "signet", "AWS_SECRET_ACCESS_KEY": "signet", "AWS_REGION": "eu-west-1",
		"AWS_CONFIG_FILE": e.WorkDir + "/no-config", "AWS_SHARED_CREDENTIALS_FILE": e.WorkDir + "/no-credentials", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		e.Setenv(name, value)
	}
}

func TestItemScripts(t *testing.T) {
	endpoint := needDynamoDB(t)
	client := clientOf(endpoint, "signet")
	scripts(t, "item", func(e *testscript.Env) error {
		dynamoEnv(e, endpoint)
		table := "signet-test-" + strings.ToLower(rand.Text()[:12])
		e.Setenv("TABLE", table)
		e.Defer(func() {
			_, _ = client.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &table})
		})
		_, err := client.CreateTable(context.Background(), &dynamodb.CreateTableInput{
			TableName: &table, BillingMode: types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{
				{AttributeName: aws.String("pk"), AttributeType: types.ScalarAttributeTypeS}, {AttributeName: aws.String("sk"), AttributeType: types.ScalarAttributeTypeN},
			},
			KeySchema: []types.KeySchemaElement{
				{AttributeName: aws.String("pk"), KeyType: types.KeyTypeHash}, {AttributeName: aws.String("sk"), KeyType: types.KeyTypeRange},
			},
		})
		var exists *types.ResourceInUseException
		if errors.As(err, &exists) { // the name is random: the answer to a first request was lost, and the client sent a second
			return nil
		}
		return err
	})
}

func TestDemoScripts(t *testing.T) {
	needSoftHSM(t)
	endpoint := needDynamoDB(t)
	if _, err := exec.LookPath("pkcs11-tool"); err != nil {
		missing(t, "pkcs11-tool of OpenSC is missing")
	}
	scripts(t, "demo", func(e *testscript.Env) error {
		dynamoEnv(e, endpoint)
		// An account of its own, which the emulator takes from a key id of 12 digits: no table of another test is in it.
		e.Setenv("AWS_ACCESS_KEY_ID", randomAccount())
		return nil
	})
}

// scriptClient is a plain client with the script's own credentials.
func scriptClient(ts *testscript.TestScript) *dynamodb.Client {
	return clientOf(ts.Getenv("ENDPOINT"), ts.Getenv("AWS_ACCESS_KEY_ID"))
}

// scanText is every attribute of every item, binary ones once in base64 and once as they are.
func scanText(client *dynamodb.Client, table string) ([]byte, error) {
	out, err := client.Scan(context.Background(), &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, err
	}
	var text []byte
	for _, item := range out.Items {
		j, err := json.Marshal(itemJSON(item))
		if err != nil {
			return nil, err
		}
		text = append(append(text, j...), '\n')
		for _, v := range item {
			if b, ok := v.(*types.AttributeValueMemberB); ok {
				text = append(append(text, b.Value...), '\n')
			}
		}
	}
	return text, nil
}

// cmdPlainScan writes a plain client's scan of the script's table to a file, and fails when there is nothing encrypted in it.
func cmdPlainScan(ts *testscript.TestScript, _ bool, args []string) {
	text, err := scanText(scriptClient(ts), ts.Getenv("TABLE"))
	ts.Check(err)
	if !strings.Contains(string(text), `{"B":"AgV4`) {
		ts.Fatalf("the scan shows no encrypted attribute")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o600))
}

// cmdNoTables fails when the account has a table of this prefix.
func cmdNoTables(ts *testscript.TestScript, _ bool, args []string) {
	out, err := scriptClient(ts).ListTables(context.Background(), &dynamodb.ListTablesInput{})
	ts.Check(err)
	for _, name := range out.TableNames {
		if strings.HasPrefix(name, args[0]) {
			ts.Fatalf("table %s is left", name)
		}
	}
}

// cmdKeptLine takes the command that the demo printed, and what it names, from the last output.
func cmdKeptLine(ts *testscript.TestScript, _ bool, args []string) {
	line := regexp.MustCompile(`(?m)^ +(SOFTHSM2_CONF='([^']+)' .* item get .*--table (\S+) .*)$`).FindStringSubmatch(ts.ReadFile("stdout"))
	if line == nil {
		ts.Fatalf("the demo printed no command")
	}
	ts.Setenv("SOFTHSM2_CONF", line[2])
	ts.Setenv("TABLE", line[3])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(line[1]+"\n"), 0o600))
}

// cmdDeleteKey deletes the demo's key in the token as another program would.
func cmdDeleteKey(ts *testscript.TestScript, _ bool, _ []string) {
	pins, err := filepath.Glob(filepath.Join(filepath.Dir(ts.Getenv("SOFTHSM2_CONF")), "*.pin"))
	ts.Check(err)
	pin := strings.TrimSpace(ts.ReadFile(pins[0]))
	ts.Check(ts.Exec("pkcs11-tool", "--module", "/usr/lib/softhsm/libsofthsm2.so", "--login", "--pin", pin, "--delete-object", "--type", "secrkey", "--label", demoKey))
}

func cmdDropTable(ts *testscript.TestScript, _ bool, _ []string) {
	table := ts.Getenv("TABLE")
	_, err := scriptClient(ts).DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &table})
	var gone *types.ResourceNotFoundException // the answer to a first request was lost, and the client sent a second
	if !errors.As(err, &gone) {
		ts.Check(err)
	}
}
