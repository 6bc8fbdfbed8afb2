// The peer around the official AWS Encryption SDK for Go: JSON lines in on standard input, answers on file descriptor 3 (see
// PROTOCOL.md). Everything runs on one goroutine, because release 0.4.0 has data races.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// failure is an answer that is not ok; kind is one of PROTOCOL.md.
type failure struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

func (f *failure) Error() string { return f.Kind + ": " + f.Text }

func bad(format string, args ...any) error {
	return &failure{"request", fmt.Sprintf(format, args...)}
}

// from turns an error of the library into a failure.
func from(kind string, err error) error {
	return &failure{kind, fmt.Sprintf("%T: %v", err, err)}
}

// answer is one line; what an operation does not fill is absent.
type answer struct {
	ID           json.RawMessage   `json:"id"`
	OK           bool              `json:"ok"`
	Ciphertext   *[]byte           `json:"ciphertext_b64,omitempty"`
	Plaintext    *[]byte           `json:"plaintext_b64,omitempty"`
	Suite        string            `json:"suite,omitempty"`
	Context      map[string]string `json:"context,omitempty"`
	N            int               `json:"n,omitempty"`
	Mean         int64             `json:"mean_ns,omitempty"`
	Median       int64             `json:"median_ns,omitempty"`
	Min          int64             `json:"min_ns,omitempty"`
	Peer         string            `json:"peer,omitempty"`
	Language     string            `json:"language,omitempty"`
	Library      string            `json:"library,omitempty"`
	Versions     map[string]string `json:"versions,omitempty"`
	Capabilities map[string]any    `json:"capabilities,omitempty"`
	Error        *failure          `json:"error,omitempty"`
}

func hello() *answer {
	versions := map[string]string{}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if strings.HasSuffix(m.Path, "/releases/go/encryption-sdk") || strings.HasSuffix(m.Path, "/releases/go/mpl") {
				versions[m.Path[strings.LastIndexByte(m.Path, '/')+1:]] = strings.TrimPrefix(m.Version, "v")
			}
		}
	}
	return &answer{
		Peer:     "go",
		Language: "Go " + strings.TrimPrefix(runtime.Version(), "go"),
		Library:  "encryption-sdk",
		Versions: versions,
		Capabilities: map[string]any{
			"suites":             []string{"0014", "0046", "0078", "0114", "0146", "0178", "0214", "0346", "0378", "0478", "0578"},
			"keyrings":           []string{"raw-aes", "raw-rsa", "raw-ecdh", "aws-kms", "multi"},
			"rsa_paddings":       []string{"pkcs1", "oaep-sha1", "oaep-sha256", "oaep-sha384", "oaep-sha512"},
			"ecdh_curves":        []string{"p256", "p384", "p521"},
			"ecdh_schemas":       []string{"static", "ephemeral", "discovery"},
			"paths":              []string{"keyring"},
			"writes_non_framed":  false,
			"required_context":   true,
			"reproduced_context": true,
			"max_edks":           true,
		},
	}
}

// respond answers one line; whatever goes wrong becomes an answer.
func respond(line []byte) (a *answer) {
	id := json.RawMessage("null")
	defer func() {
		if p := recover(); p != nil {
			a = &answer{Error: &failure{"internal", fmt.Sprintf("panic: %v", p)}}
		}
		a.ID = id
		a.OK = a.Error == nil
	}()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil || fields == nil {
		return &answer{Error: &failure{"request", "not a JSON object"}}
	}
	if v := bytes.TrimSpace(fields["id"]); len(v) > 0 && (v[0] == '"' || v[0] == '-' || '0' <= v[0] && v[0] <= '9') {
		id = v
	}
	delete(fields, "id")
	a, err := dispatch(fields)
	if err != nil {
		f := &failure{"internal", err.Error()}
		errors.As(err, &f)
		return &answer{Error: f}
	}
	return a
}

func dispatch(fields map[string]json.RawMessage) (*answer, error) {
	var op string
	if err := read(fields, "op", &op); err != nil {
		return nil, err
	}
	delete(fields, "op")
	switch op {
	case "hello":
		if err := only(fields); err != nil {
			return nil, err
		}
		return hello(), nil
	case "encrypt":
		e, err := newEncryption(fields)
		if err != nil {
			return nil, err
		}
		return e.run()
	case "decrypt":
		d, err := newDecryption(fields)
		if err != nil {
			return nil, err
		}
		return d.run()
	case "bench":
		return bench(fields)
	}
	return nil, bad("unknown op")
}

// read decodes a member that must be there.
func read(fields map[string]json.RawMessage, name string, to any) error {
	raw, ok := fields[name]
	if !ok || string(raw) == "null" {
		return bad("%s is missing", name)
	}
	if err := json.Unmarshal(raw, to); err != nil {
		return bad("%s has the wrong type", name)
	}
	return nil
}

// only refuses members that are not named.
func only(fields map[string]json.RawMessage, names ...string) error {
next:
	for f := range fields {
		for _, n := range names {
			if f == n {
				continue next
			}
		}
		return bad("the unknown field %q", f)
	}
	return nil
}

func main() {
	out := os.NewFile(3, "answers")
	if _, err := out.Stat(); err != nil {
		fmt.Fprintln(os.Stderr, "peer: file descriptor 3 is not open")
		os.Exit(2)
	}
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	enc := json.NewEncoder(out)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			if err := enc.Encode(respond(line)); err != nil {
				fmt.Fprintln(os.Stderr, "peer:", err)
				os.Exit(1)
			}
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "peer:", err)
			os.Exit(1)
		}
	}
}
