package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// The machine's metadata service is not asked for credentials when DynamoDB's endpoint is on this machine, wherever that is configured.
func TestMachineRoleStaysAway(t *testing.T) {
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "") // put back afterwards
			os.Unsetenv(name)
		}
	}
	var asked atomic.Int64
	metadata := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusForbidden)
	}))
	defer metadata.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "config")
	t.Setenv("AWS_CONFIG_FILE", file)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "none"))
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.URL)
	for name, c := range map[string]struct {
		flag, file string
		asks       bool
	}{
		"flag":      {"http://127.0.0.1:1", "", false},
		"capitals":  {"http://LOCALHOST:1", "", false},
		"profile":   {"", "[default]\nendpoint_url = http://127.0.0.1:1\n", false},
		"services":  {"", "[default]\nservices = x\n[services x]\ndynamodb =\n  endpoint_url = http://127.0.0.1:1\n", false},
		"elsewhere": {"http://192.0.2.1:1", "", true},
	} {
		if err := os.WriteFile(file, []byte(c.file), 0o600); err != nil {
			t.Fatal(err)
		}
		asked.Store(0)
		a := &app{log: slog.New(slog.DiscardHandler), lookupEnv: os.LookupEnv}
		_, err := a.newDynamoDB(t.Context(), c.flag, "eu-west-1")
		if (asked.Load() > 0) != c.asks || (codeOf(err) == codeCredentials) != c.asks || !c.asks && err != nil {
			t.Errorf("%s: %d requests to the metadata service, %v", name, asked.Load(), err)
		}
	}
}
