package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/raw"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

// work is one way to go through a long message.
type work struct {
	title   string
	suite   uint16 // 0: the cipher alone
	decrypt bool
	pipe    bool // decrypt a signed message from what cannot be read twice
}

var works = []work{
	{title: "AES-GCM alone, frames of 4 KiB"},
	{title: "encrypt, 0478", suite: 0x0478},
	{title: "decrypt, 0478", suite: 0x0478, decrypt: true},
	{title: "encrypt, 0578", suite: 0x0578},
	{title: "decrypt, 0578, a file: two passes", suite: 0x0578, decrypt: true},
	{title: "decrypt, 0578, a pipe: unverified", suite: 0x0578, decrypt: true, pipe: true},
}

func workOf(title string) (work, error) {
	for _, w := range works {
		if w.title == title {
			return w, nil
		}
	}
	return work{}, fmt.Errorf("no work is called %q", title)
}

// message is the name of the file that is decrypted, "" for none.
func (w work) message() string {
	if !w.decrypt {
		return ""
	}
	return fmt.Sprintf("%04x", w.suite)
}

var (
	client = new(message.Client)
	key    = []byte("a key of 32 bytes for benchmarks")
)

func manager() (keyring.MaterialsManager, error) {
	k, err := raw.NewAES(raw.AESConfig{Namespace: "bench", Name: "key", Key: key})
	if err != nil {
		return nil, err
	}
	return keyring.NewManager(k), nil
}

func (w work) do(cores int, size int64, file string) error {
	switch {
	case w.suite == 0:
		return gcm(cores, size)
	case !w.decrypt:
		return w.encrypt(io.Discard, cores, size)
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	mm, err := manager()
	if err != nil {
		return err
	}
	var src io.Reader = f
	if w.pipe {
		src = struct{ io.Reader }{f}
	}
	in, err := client.NewDecryptReader(context.Background(), mm, src, &message.DecryptOptions{Concurrency: cores, ReleaseUnverified: w.pipe})
	if err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, in)
	if err = errors.Join(err, in.Close()); err == nil && n != size {
		err = fmt.Errorf("read %d bytes, want %d", n, size)
	}
	return err
}

func (w work) encrypt(dst io.Writer, cores int, size int64) error {
	mm, err := manager()
	if err != nil {
		return err
	}
	s, ok := suite.ByID(w.suite)
	if !ok {
		return fmt.Errorf("no suite %04x", w.suite)
	}
	out, err := client.NewEncryptWriter(context.Background(), mm, dst, &message.EncryptOptions{Suite: s, Length: &size, Concurrency: cores})
	if err != nil {
		return err
	}
	_, err = io.Copy(out, io.LimitReader(pattern{}, size))
	return errors.Join(err, out.Close())
}

func writeMessage(w work, size int64, file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(w.encrypt(f, 2, size), f.Close())
}

// pattern is an endless source of bytes that costs no more than copying them.
type pattern struct{}

var block = func() []byte {
	b := make([]byte, 64<<10)
	for i := range b {
		b[i] = byte(i * 31)
	}
	return b
}()

// Read implements io.Reader.
func (pattern) Read(p []byte) (int, error) { return copy(p, block), nil }

// gcm is the floor of an unsigned message: the standard library's AES-256-GCM over the same frames, each core with its share.
func gcm(cores int, size int64) error {
	b, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	aead, err := cipher.NewGCM(b)
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	for range cores {
		all.Go(func() {
			nonce, aad := make([]byte, aead.NonceSize()), make([]byte, 72)
			out := make([]byte, 0, message.DefaultFrameLength+aead.Overhead())
			for at := int64(0); at < size/int64(cores); at += message.DefaultFrameLength {
				from := at % int64(len(block))
				out = aead.Seal(out[:0], nonce, block[from:from+message.DefaultFrameLength], aad)
			}
		})
	}
	all.Wait()
	return nil
}

// resident returns the memory of this process that is resident now, and that was at most, in bytes.
func resident() (now, most int64, err error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		fields := strings.Fields(value)
		if name != "VmRSS" && name != "VmHWM" || len(fields) == 0 {
			continue
		}
		kib, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil {
			return 0, 0, err
		}
		if name == "VmRSS" {
			now = kib << 10
		} else {
			most = kib << 10
		}
	}
	return now, most, nil
}
