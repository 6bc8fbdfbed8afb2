//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// leftInRegions lists tables, and keys that are not about to be deleted, of an account at the emulator.
func leftInRegions(t *testing.T, endpoint, account string) (left []string) {
	t.Helper()
	for _, region := range []string{"eu-west-1", "eu-central-1"} {
		tables, err := emulated(endpoint, region, account).ListTables(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, tables.TableNames...)
		client := awskms.New(awskms.Options{BaseEndpoint: &endpoint, Region: region, Credentials: standIn(account)})
		keys, err := client.ListKeys(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys.Keys {
			key, err := client.DescribeKey(t.Context(), &awskms.DescribeKeyInput{KeyId: k.KeyArn})
			if err != nil {
				t.Fatal(err)
			}
			state := key.KeyMetadata.KeyState
			if state != types.KeyStatePendingDeletion && state != types.KeyStatePendingReplicaDeletion {
				left = append(left, fmt.Sprint(aws.ToString(k.KeyArn), " ", state))
			}
		}
	}
	return left
}

// runRegions runs demo --cross-region with an AWS configuration that cannot be used.
func runRegions(t *testing.T, endpoint string, args ...string) (stdout string, tmp string) {
	t.Helper()
	tmp = t.TempDir()
	cmd := exec.Command("signet", append([]string{"demo", "--cross-region", "--endpoint", endpoint}, args...)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp, "AWS_PROFILE=nosuch", "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=canary")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("%v, %s%s", err, out, stderr.String())
	}
	return string(out), tmp
}

func TestDemoRegions(t *testing.T) {
	endpoint := needDynamoDB(t)
	out, tmp := runRegions(t, endpoint)
	at := 0
	for _, want := range []string{
		"1. Two regions of one server", "2. A KMS key and a table in each of them", "each so that the key of either region opens it",
		"eu-west-1 is cut off: neither KMS nor DynamoDB answers there",
		"The item still opens", `tried first: kms:Decrypt with key "arn:aws:kms:eu-west-1:`,
		"is optional: done, and reported as degraded", `reported: kms:Encrypt with key "arn:aws:kms:eu-west-1:`, "ssn, NO data key: arn:aws:kms:eu-west-1:", "the write is refused",
		"eu-west-1 is back. Its key alone does not open", "Encrypted afresh", "ssn, data key 1: arn:aws:kms:eu-west-1:",
		"A multi-Region key needs one data key only", "wrapped by  arn:aws:kms:eu-west-1:", "opened by   arn:aws:kms:eu-central-1:",
		"10. Removed everything",
	} {
		i := strings.Index(out[at:], want)
		if i < 0 {
			t.Fatalf("%q is not in what follows:\n%s", want, out[at:])
		}
		at += i
	}
	if left := names(t, tmp); left != "" {
		t.Errorf("left in the temporary folder: %s", left)
	}
}

func TestDemoRegionsJSON(t *testing.T) {
	endpoint := needDynamoDB(t)
	h := hold(t, endpoint)
	h.goOn()
	out, _ := runRegions(t, h.url, "--json")
	var got regionsJSON
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if got.Endpoint != h.url || got.Cut != "eu-west-1" || got.Kept || got.Commands != nil || len(got.Regions) != 2 || len(got.MultiRegion) != 2 {
		t.Fatalf("got %+v", got)
	}
	west := got.Regions[0].Key
	if !strings.HasPrefix(west, "arn:aws:kms:eu-west-1:"+got.Account+":key/") {
		t.Errorf("the first key is %s", west)
	}
	if !slices.Equal(got.Missing, []string{west}) {
		t.Errorf("without a data key: got %q, want %s", got.Missing, west)
	}
	if !slices.ContainsFunc(got.Attempts, func(a attemptJSON) bool {
		return !a.Skipped && a.EDKKey == west && strings.Contains(a.Error, "unavailable")
	}) {
		t.Errorf("attempts: got %+v, want one with %s that found it unavailable", got.Attempts, west)
	}
	if len(got.Degraded) != 1 || got.Degraded[0].Key != west || !strings.Contains(got.Degraded[0].Error, "unavailable") {
		t.Errorf("degraded: got %+v, want %s, unavailable", got.Degraded, west)
	}
	if primary, replica := got.MultiRegion[0], got.MultiRegion[1]; strings.Replace(primary, "eu-west-1", "eu-central-1", 1) != replica || !strings.Contains(primary, ":key/mrk-") {
		t.Errorf("multi-Region key: got %q", got.MultiRegion)
	}
	if left := leftInRegions(t, endpoint, got.Account); len(left) > int(h.again.Load()) {
		t.Errorf("left at the server: %q", left)
	}
}

// What --keep prints reads the item, in each region with its own key.
func TestDemoRegionsKeep(t *testing.T) {
	endpoint := needDynamoDB(t)
	out, tmp := runRegions(t, endpoint, "--keep", "--json")
	var got regionsJSON
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	if !got.Kept || len(got.Commands) != 2 || names(t, tmp) != "" {
		t.Errorf("kept %t, commands %q, in the temporary folder %q", got.Kept, got.Commands, names(t, tmp))
	}
	for _, line := range got.Commands {
		out, err := exec.Command("sh", "-c", line).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "078-05-1120") || !strings.Contains(string(out), `"999.5"`) {
			t.Errorf("%s: %v, %s", line, err, out)
		}
	}
	for _, r := range got.Regions {
		r := &region{name: r.Name, proxy: new(proxy), made: true, keys: []string{r.Key},
			client: awskms.New(awskms.Options{BaseEndpoint: &endpoint, Region: r.Name, Credentials: standIn(got.Account)}),
			table:  &table{name: r.Table, client: emulated(endpoint, r.Name, got.Account)}}
		if err := r.remove(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// However it ends, it removes what it made.
func TestDemoRegionsEnds(t *testing.T) {
	endpoint := needDynamoDB(t)
	for _, c := range []struct {
		name string
		stop func(t *testing.T, cmd *exec.Cmd, h *held)
		exit int
		code string
	}{
		{"interrupted", func(t *testing.T, cmd *exec.Cmd, h *held) {
			ignoreNoSignal(t, syscall.SIGINT, cmd.Start)
			h.wait(t)
			if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
		}, exitInterrupted, "SIGNET1130"},
		{"full", fullDisk, exitGeneric, "SIGNET1003"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tmp, h := t.TempDir(), hold(t, endpoint)
			cmd := exec.Command("signet", "demo", "--cross-region", "--endpoint", h.url)
			cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			c.stop(t, cmd, h)
			_ = cmd.Wait()
			if got := cmd.ProcessState.ExitCode(); got != c.exit || !strings.Contains(stderr.String(), c.code) {
				t.Errorf("exit code %d, %s; want %d, %s", got, stderr.String(), c.exit, c.code)
			}
			if left := names(t, tmp); left != "" {
				t.Errorf("left in the temporary folder: %s", left)
			}
			// Without a request it made nothing at the server.
			if account, _ := h.account.Load().(string); account != "" {
				if left := leftInRegions(t, endpoint, account); len(left) > int(h.again.Load()) {
					t.Errorf("left at the server: %q", left)
				}
			} else if c.exit == exitInterrupted {
				t.Error("nobody knows which account it was")
			}
		})
	}
}

// A server that knows no KMS, or is not there, is named as the cause.
func TestDemoRegionsWithoutServer(t *testing.T) {
	exit, _, text := runApp(t, t.Context(), "", "", "demo", "--cross-region", "--endpoint", "http://127.0.0.1:1")
	if exit != exitUnavailable || !strings.Contains(text, "cannot create a KMS key in eu-west-1") || !strings.Contains(text, "hint: the server must have KMS") {
		t.Errorf("exit code %d, %s", exit, text)
	}
}

// With a server of its own it waits until it is interrupted, and that is no failure. It needs no token.
func TestDemoRegionsKeepsItsServer(t *testing.T) {
	cmd, tmp, _ := demoCommand(t, ":", needMiniStack(t), "--cross-region", "--keep", "--json")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var got regionsJSON
	if err := json.NewDecoder(stdout).Decode(&got); err != nil {
		_ = cmd.Wait()
		t.Fatalf("%v, %s", err, stderr.String())
	}
	if left := leftInRegions(t, got.Endpoint, got.Account); !got.Kept || len(left) < 6 { // more when an answer was lost and a key made again
		t.Errorf("kept %t: %q, want two tables and four keys", got.Kept, left)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v, %s; want success", err, stderr.String())
	}
	if left := names(t, tmp); left != "" {
		t.Errorf("left in the temporary folder: %s", left)
	}
	if r, err := http.Get(got.Endpoint); err == nil {
		r.Body.Close()
		t.Error("its server lives on")
	}
}
