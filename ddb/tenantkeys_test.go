package ddb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring"
)

func TestOpenTenantMap(t *testing.T) {
	ctx := context.WithValue(t.Context(), tenantKey{}, "told to open")
	var opened []string
	open := func(ctx context.Context, id string) (keyring.Keyring, error) {
		if tenantOf(ctx) != "told to open" {
			t.Error("open does not get the context")
		}
		opened = append(opened, id)
		return tenantKeyring(t, id), nil
	}
	keys := TenantKeys{Default: "k0", Tenants: map[string]string{"d": "k2", "a": "k1", "c": "k1", "b": "k0"}}
	var unknown []string
	keys.OnUnknown = func(tenant string) { unknown = append(unknown, tenant) }
	m, err := OpenTenantMap(ctx, open, keys)
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(opened); got != "[k0 k1 k2]" {
		t.Errorf("opened %s, want each key once", got)
	}
	keys.Tenants["a"] = "k2"
	of := func(tenant string) keyring.Keyring {
		t.Helper()
		k, err := m.Resolve(t.Context(), tenant)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	if of("a") != of("c") || of("a") == of("d") || of("b") != of("") || of("b") != of("x") || of("x") == of("a") {
		t.Error("tenants have other keyrings than were given")
	}
	if got := fmt.Sprint(unknown); got != "[x]" {
		t.Errorf("unknown tenants: %s", got)
	}

	opened = nil
	strict, err := OpenTenantMap(ctx, open, TenantKeys{Tenants: map[string]string{"a": "k1"}, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, tenant := range []string{"", "b"} {
		if k, err := strict.Resolve(t.Context(), tenant); k != nil || !errors.Is(err, signet.ErrNotFound) {
			t.Errorf("strict, %q: got %v, %v", tenant, k, err)
		}
	}
	if k, err := strict.Resolve(t.Context(), "a"); k == nil || err != nil || fmt.Sprint(opened) != "[k1]" {
		t.Errorf("strict: opened %v, %v", opened, err)
	}
}

func TestOpenTenantMapFails(t *testing.T) {
	opened := 0
	open := func(_ context.Context, id string) (keyring.Keyring, error) {
		opened++
		switch id {
		case "denied":
			return nil, fmt.Errorf("%w: kms:DescribeKey", signet.ErrAccessDenied)
		case "nothing":
			return nil, nil
		}
		return tenantKeyring(t, id), nil
	}
	for name, c := range map[string]struct {
		keys  TenantKeys
		class error
		says  string
	}{
		"no default":    {TenantKeys{Tenants: map[string]string{"a": "k"}}, signet.ErrPolicy, "null or empty key ARN"},
		"empty key":     {TenantKeys{Default: "k", Tenants: map[string]string{"a": ""}}, signet.ErrPolicy, "null or empty key ARN"},
		"blank key":     {TenantKeys{Strict: true, Tenants: map[string]string{"a": " "}}, signet.ErrPolicy, "null or empty key ARN"},
		"blank tenant":  {TenantKeys{Default: "k", Tenants: map[string]string{" ": "k"}}, signet.ErrPolicy, "blank"},
		"no keyring":    {TenantKeys{Default: "k", Tenants: map[string]string{"a": "nothing"}}, signet.ErrPolicy, "nil"},
		"nil default":   {TenantKeys{Default: "nothing", Strict: true, Tenants: map[string]string{"a": "k"}}, signet.ErrPolicy, "nil"},
		"denied":        {TenantKeys{Default: "k", Tenants: map[string]string{"canary": "denied", "z": "never"}}, signet.ErrAccessDenied, `opening key "denied"`},
		"denied others": {TenantKeys{Default: "denied", Tenants: map[string]string{"z": "never"}}, signet.ErrAccessDenied, `opening key "denied"`},
	} {
		m, err := OpenTenantMap(t.Context(), open, c.keys)
		if m != nil || !errors.Is(err, c.class) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v, want %v with %q", name, err, c.class, c.says)
		}
	}
}
