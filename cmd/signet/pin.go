package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/signetkeys/signet/keyring/pkcs11"
	"golang.org/x/term"
)

// askPIN returns a function that asks the person at the terminal for a PIN, or nil when there is no terminal. It uses the terminal itself, so
// that standard input and output stay the data's.
func (a *app) askPIN() func(ctx context.Context, token string) ([]byte, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil
	}
	_ = tty.Close()
	return func(ctx context.Context, token string) ([]byte, error) {
		tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		defer tty.Close()
		return readPIN(ctx, tty, token)
	}
}

func readPIN(ctx context.Context, tty *os.File, token string) ([]byte, error) {
	prompt := "PIN: "
	if token != "" {
		prompt = fmt.Sprintf("PIN of token %q: ", token)
	}
	return readHidden(ctx, tty, prompt)
}

// readHidden asks for a line and reads it without showing it. When ctx ends first, the terminal shows again what is typed.
func readHidden(ctx context.Context, tty *os.File, prompt string) ([]byte, error) {
	fd := int(tty.Fd())
	state, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	type line struct {
		text []byte
		err  error
	}
	done := make(chan line, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		done <- line{text, err}
	}()
	// Who sees the prompt may type: it comes when the terminal has stopped to show that.
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	giveUp := time.After(echoTime) // the terminal showed nothing before
	prompted := false
	for {
		select {
		case l := <-done:
			if !prompted { // it was typed before
				_, _ = tty.WriteString(prompt)
			}
			_, _ = tty.WriteString("\n")
			return l.text, l.err
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), term.Restore(fd, state))
		case <-look.C:
			if now, err := term.GetState(fd); err != nil || *now == *state {
				continue
			}
		case <-giveUp:
		}
		if prompted {
			continue
		}
		prompted = true
		look.Stop()
		if _, err := tty.WriteString(prompt); err != nil {
			return nil, errors.Join(err, term.Restore(fd, state))
		}
	}
}

// echoTime is how long a terminal is given to stop showing what is typed.
const echoTime = time.Second

// isPIN reports whether a PIN was refused or is missing.
func isPIN(err error) bool {
	return errors.Is(err, pkcs11.ErrPINRequired) || errors.Is(err, pkcs11.ErrPINIncorrect) || errors.Is(err, pkcs11.ErrPINLocked)
}
