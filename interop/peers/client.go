// Package peers starts the peer programs and talks to them: other implementations of the AWS Encryption SDK behind JSON lines, as
// PROTOCOL.md says. interop/setup builds them; capabilities.json, read by ReadCapabilities, says what each cannot do and how it differs.
package peers

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// ErrNotBuilt is in the error of Start when the peer has no run program: interop/setup makes it.
var ErrNotBuilt = errors.New("the peer is not built: run interop/setup")

// maxAnswer bounds one line of a peer.
const maxAnswer = 128 << 20

// Timeout is how long Do waits for an answer, before it ends the peer. Some libraries take minutes for a request that others answer in
// milliseconds, and some never answer.
const Timeout = 5 * time.Minute

// Names returns the peers that interop/setup knows, in a fixed order.
func Names() []string { return []string{"go", "java", "javascript", "python", "rust"} }

// CacheDir returns the folder that holds the built peers: SIGNET_PEERS_CACHE, or .peers in the interop folder that the working
// directory is in.
func CacheDir() (string, error) {
	if dir := os.Getenv("SIGNET_PEERS_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	root, err := interopDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, ".peers"), nil
}

// interopDir walks up from the working directory to the folder that holds peers/PROTOCOL.md.
func interopDir() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "peers", "PROTOCOL.md")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("peers: the working directory is not in interop")
		}
		dir = up
	}
}

// Keyring describes a keyring to a peer; Type decides which fields are used.
type Keyring struct {
	Type       string     `json:"type"`                  // raw-aes, raw-rsa, raw-ecdh, aws-kms, multi
	Namespace  string     `json:"namespace,omitempty"`   // raw-aes, raw-rsa; not empty
	Name       string     `json:"name,omitempty"`        // likewise
	Key        []byte     `json:"key_b64,omitempty"`     // raw-aes
	Padding    string     `json:"padding,omitempty"`     // raw-rsa
	Curve      string     `json:"curve,omitempty"`       // raw-ecdh
	Schema     string     `json:"schema,omitempty"`      // raw-ecdh
	PublicPEM  string     `json:"public_pem,omitempty"`  // SPKI
	PrivatePEM string     `json:"private_pem,omitempty"` // PKCS#8
	Mode       string     `json:"mode,omitempty"`        // aws-kms: strict, mrk, discovery, mrk-discovery
	Endpoint   string     `json:"endpoint,omitempty"`    // aws-kms
	Region     string     `json:"region,omitempty"`      // aws-kms
	Account    string     `json:"account,omitempty"`     // aws-kms: the account, and the access key by which an emulator knows it
	KeyID      string     `json:"key_id,omitempty"`      // aws-kms: strict, mrk
	Generator  *Keyring   `json:"generator,omitempty"`   // multi
	Children   []*Keyring `json:"children,omitempty"`    // multi
}

// Request is one request. Absent fields take the peer's defaults.
type Request struct {
	ID                int64             `json:"id"`
	Op                string            `json:"op"` // hello, encrypt, decrypt, bench
	Keyring           *Keyring          `json:"keyring,omitempty"`
	Suite             string            `json:"suite,omitempty"`          // four hex digits
	FrameLength       *int64            `json:"frame_length,omitempty"`   // 0: non-framed
	Plaintext         *[]byte           `json:"plaintext_b64,omitempty"`  // to a slice that is not nil
	Ciphertext        *[]byte           `json:"ciphertext_b64,omitempty"` // likewise
	Context           map[string]string `json:"context,omitempty"`
	RequiredKeys      []string          `json:"required_context_keys,omitempty"`
	ReproducedContext map[string]string `json:"reproduced_context,omitempty"`
	CommitmentPolicy  string            `json:"commitment_policy,omitempty"`
	MaxEDKs           int               `json:"max_edks,omitempty"`
	Path              string            `json:"path,omitempty"` // keyring, master-key
	Of                string            `json:"of,omitempty"`   // bench: encrypt, decrypt
	Warmup            *int              `json:"warmup,omitempty"`
	N                 int               `json:"n,omitempty"`
}

// Answer is one answer; Err is nil exactly when OK.
type Answer struct {
	ID           int64             `json:"id"`
	OK           bool              `json:"ok"`
	Ciphertext   []byte            `json:"ciphertext_b64"`
	Plaintext    []byte            `json:"plaintext_b64"`
	Suite        string            `json:"suite"`
	Context      map[string]string `json:"context"`
	N            int               `json:"n"`
	Mean         time.Duration     `json:"mean_ns"`
	Median       time.Duration     `json:"median_ns"`
	Min          time.Duration     `json:"min_ns"`
	Peer         string            `json:"peer"`
	Language     string            `json:"language"`
	Library      string            `json:"library"`
	Versions     map[string]string `json:"versions"`
	Capabilities *Offers           `json:"capabilities"`
	Err          *Error            `json:"error"`
}

// Offers is what a peer's program lets a request ask for.
type Offers struct {
	Suites            []string `json:"suites"`
	Keyrings          []string `json:"keyrings"`
	RSAPaddings       []string `json:"rsa_paddings"`
	ECDHCurves        []string `json:"ecdh_curves"`
	ECDHSchemas       []string `json:"ecdh_schemas"`
	Paths             []string `json:"paths"`
	WritesNonFramed   bool     `json:"writes_non_framed"`
	RequiredContext   bool     `json:"required_context"`
	ReproducedContext bool     `json:"reproduced_context"`
	MaxEDKs           bool     `json:"max_edks"`
}

// Error is a peer's refusal.
type Error struct {
	Kind string `json:"kind"` // request, unsupported, keyring, refused, internal
	Text string `json:"text"` // the library's own words
}

// Error returns kind and text.
func (e *Error) Error() string { return e.Kind + ": " + e.Text }

// Peer is a running peer. Its methods may be called from several goroutines; requests are answered one after the other.
type Peer struct {
	mu      sync.Mutex
	name    string
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers *os.File
	lines   *bufio.Reader
	last    int64
	broken  error
}

// Start starts the peer that lies in dir, as CacheDir returns it. The peer's chatter goes to stderr, which may be nil.
// Close must be called.
func Start(dir, name string, stderr io.Writer) (*Peer, error) {
	run := filepath.Join(dir, name, "run")
	if _, err := os.Stat(run); err != nil {
		return nil, fmt.Errorf("peers: %s: %w (%w)", name, ErrNotBuilt, err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(run)
	cmd.Stdout, cmd.Stderr = stderr, stderr
	cmd.SysProcAttr = untilParentEnds()
	cmd.ExtraFiles = []*os.File{w} // becomes descriptor 3
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	w.Close()
	if err != nil {
		r.Close()
		return nil, fmt.Errorf("peers: start %s: %w", name, err)
	}
	return &Peer{name: name, cmd: cmd, in: in, answers: r, lines: bufio.NewReaderSize(r, 64<<10)}, nil
}

// Pid is the number of the peer's process.
func (p *Peer) Pid() int { return p.cmd.Process.Pid }

// Do sends one request and waits for its answer; it sets r.ID. A refusal by the peer is the returned *Error and comes with the answer;
// every other error means that the peer is not usable any more.
// No answer within Timeout is os.ErrDeadlineExceeded.
func (p *Peer) Do(r *Request) (*Answer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	r.ID = p.last
	line, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("peers: %w", err)
	}
	a, err := p.exchange(line)
	if err != nil {
		return nil, err
	}
	if a.ID != r.ID {
		p.broken = fmt.Errorf("peers: %s: answer %d came for request %d", p.name, a.ID, r.ID)
		return nil, p.broken
	}
	if a.Err != nil {
		return a, a.Err
	}
	return a, nil
}

// Raw sends a line as it is, without its line feed, and waits for one answer: for malformed requests.
func (p *Peer) Raw(line string) (*Answer, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exchange([]byte(line))
}

func (p *Peer) exchange(line []byte) (*Answer, error) {
	if p.broken != nil {
		return nil, p.broken
	}
	if err := p.answers.SetReadDeadline(time.Now().Add(Timeout)); err != nil {
		p.broken = fmt.Errorf("peers: %s: %w", p.name, err)
		return nil, p.broken
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		p.broken = fmt.Errorf("peers: %s: %w", p.name, err)
		return nil, p.broken
	}
	answer, err := p.readLine()
	if err != nil {
		p.broken = fmt.Errorf("peers: %s: no answer: %w", p.name, err)
		p.cmd.Process.Kill()
		return nil, p.broken
	}
	a := new(Answer)
	if err := json.Unmarshal(answer, a); err != nil {
		p.broken = fmt.Errorf("peers: %s: %w", p.name, err)
		return nil, p.broken
	}
	if a.OK == (a.Err != nil) {
		p.broken = fmt.Errorf("peers: %s: ok is %t, and an error is there: %t", p.name, a.OK, a.Err != nil)
		return nil, p.broken
	}
	return a, nil
}

func (p *Peer) readLine() ([]byte, error) {
	var line []byte
	for {
		part, err := p.lines.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		case len(line) > maxAnswer:
			return nil, fmt.Errorf("an answer has more than %d bytes", maxAnswer)
		}
	}
}

// Close ends the peer's input and waits for the peer to end, which it must do with exit status 0.
func (p *Peer) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken == nil {
		p.broken = fmt.Errorf("peers: %s is closed", p.name)
	}
	p.in.Close()
	err := p.cmd.Wait()
	p.answers.Close()
	if err != nil {
		return fmt.Errorf("peers: %s: %w", p.name, err)
	}
	return nil
}
