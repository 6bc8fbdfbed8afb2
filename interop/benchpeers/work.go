package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signetkeys/signet/interop/internal/bench"
	"github.com/signetkeys/signet/interop/matrix"
	"github.com/signetkeys/signet/interop/peers"
	"github.com/signetkeys/signet/keyring"
	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
)

// work is one operation on one message.
type work struct {
	title   string
	size    int
	slow    bool // milliseconds, so that fewer repetitions warm up
	request *peers.Request
	signet  func(n int) (bench.Times, error)
}

var benchContext = map[string]string{"purpose": "benchmark", "tenant": "a"}

func makeWorks() ([]*work, error) {
	var works []*work
	aes := matrix.AES(256)
	for _, id := range []uint16{0x0478, 0x0578} {
		for _, size := range []int{100, 4 << 10, 1 << 20} {
			both, err := pair(fmt.Sprintf("%04x, %s", id, bytesName(size)), aes, id, size)
			if err != nil {
				return nil, err
			}
			// The signature of 100 B has been repeated often enough when the larger sizes come.
			both[0].slow = id == 0x0578 && size > 100
			both[1].slow = both[0].slow
			works = append(works, both...)
		}
	}
	rsa, err := matrix.RSA("oaep-sha256", 2048)
	if err != nil {
		return nil, err
	}
	_, private, err := matrix.ECPair("p256")
	if err != nil {
		return nil, err
	}
	public, _, err := matrix.ECPair("p256")
	if err != nil {
		return nil, err
	}
	ecdh := &peers.Keyring{Type: "raw-ecdh", Curve: "p256", Schema: "static", PrivatePEM: private, PublicPEM: public}
	for _, k := range []struct {
		name    string
		keyring *peers.Keyring
	}{{"RSA-2048", rsa}, {"ECDH P-256", ecdh}} {
		both, err := pair("0478, 100 B, "+k.name, k.keyring, 0x0478, 100)
		if err != nil {
			return nil, err
		}
		both[0].slow, both[1].slow = true, true
		works = append(works, both...)
	}
	return works, nil
}

func bytesName(n int) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}

// pair is encrypting and decrypting the same message.
func pair(title string, described *peers.Keyring, id uint16, size int) ([]*work, error) {
	k, err := new(matrix.Signet).Keyring(described)
	if err != nil {
		return nil, err
	}
	ctx, mm, client := context.Background(), keyring.NewManager(k), new(message.Client)
	s, ok := suite.ByID(id)
	if !ok {
		return nil, fmt.Errorf("no suite %04x", id)
	}
	plaintext := make([]byte, size)
	for i := range plaintext {
		plaintext[i] = byte(i * 31)
	}
	o := &message.EncryptOptions{Suite: s, Context: benchContext}
	msg, err := client.Encrypt(ctx, mm, plaintext, o)
	if err != nil {
		return nil, err
	}
	encrypt := func() error {
		_, err := client.Encrypt(ctx, mm, plaintext, o)
		return err
	}
	decrypt := func() error {
		got, _, err := client.Decrypt(ctx, mm, msg, nil)
		if err == nil && len(got) != size {
			err = errors.New("the plaintext has another length")
		}
		return err
	}
	return []*work{
		{title: "encrypt, " + title, size: size, signet: timed(encrypt), request: &peers.Request{Op: "bench", Of: "encrypt", Keyring: described,
			Suite: fmt.Sprintf("%04x", id), Plaintext: &plaintext, Context: benchContext}},
		{title: "decrypt, " + title, size: size, signet: timed(decrypt), request: &peers.Request{Op: "bench", Of: "decrypt", Keyring: described,
			Ciphertext: &msg}},
	}, nil
}

// timed measures as the peers do: each operation by itself.
func timed(op func() error) func(n int) (bench.Times, error) {
	return func(n int) (bench.Times, error) {
		times := make([]time.Duration, n)
		var total time.Duration
		for i := range times {
			start := time.Now()
			if err := op(); err != nil {
				return bench.Times{}, err
			}
			times[i] = time.Since(start)
			total += times[i]
		}
		slices.Sort(times)
		return bench.Times{N: n, Mean: total / time.Duration(n), Median: (times[(n-1)/2] + times[n/2]) / 2}, nil
	}
}
