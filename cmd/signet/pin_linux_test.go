package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// pty returns both ends of a new pseudo-terminal.
func pty(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		missing(t, err.Error())
	}
	t.Cleanup(func() { master.Close() })
	var unlock, n int32
	for request, arg := range map[uintptr]*int32{syscall.TIOCSPTLCK: &unlock, syscall.TIOCGPTN: &n} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), request, uintptr(unsafe.Pointer(arg))); errno != 0 {
			t.Fatal(errno)
		}
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

func echoes(t *testing.T, f *os.File) bool {
	t.Helper()
	var s syscall.Termios
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TCGETS, uintptr(unsafe.Pointer(&s))); errno != 0 {
		t.Fatal(errno)
	}
	return s.Lflag&syscall.ECHO != 0
}

// Who sees the prompt can type: nothing of it is shown, and afterwards the terminal is as it was.
func TestPINPrompt(t *testing.T) {
	for _, end := range []string{"typed", "interrupted", "echo was off"} {
		master, slave := pty(t)
		if end == "echo was off" {
			var s syscall.Termios
			syscall.Syscall(syscall.SYS_IOCTL, slave.Fd(), syscall.TCGETS, uintptr(unsafe.Pointer(&s)))
			s.Lflag &^= syscall.ECHO
			syscall.Syscall(syscall.SYS_IOCTL, slave.Fd(), syscall.TCSETS, uintptr(unsafe.Pointer(&s)))
		}
		before := echoes(t, slave)
		ctx, cancel := context.WithCancel(t.Context())
		type answer struct {
			pin []byte
			err error
		}
		done := make(chan answer, 1)
		go func() {
			pin, err := readPIN(ctx, slave, "dev")
			done <- answer{pin, err}
		}()
		var seen strings.Builder
		for b := make([]byte, 256); !strings.Contains(seen.String(), `PIN of token "dev": `); {
			n, err := master.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			seen.Write(b[:n])
		}
		if echoes(t, slave) {
			t.Errorf("%s: the terminal shows what is typed behind the prompt", end)
		}
		if end == "interrupted" {
			cancel()
			if a := <-done; a.pin != nil || !errors.Is(a.err, context.Canceled) {
				t.Errorf("%s: got %q, %v", end, a.pin, a.err)
			}
		} else {
			if _, err := master.WriteString("4711\n"); err != nil {
				t.Fatal(err)
			}
			if a := <-done; string(a.pin) != "4711" || a.err != nil {
				t.Errorf("%s: got %q, %v", end, a.pin, a.err)
			}
		}
		if got := echoes(t, slave); got != before {
			t.Errorf("%s: echo is %t afterwards, and was %t", end, got, before)
		}
		if strings.Contains(seen.String(), "4711") {
			t.Errorf("%s: the terminal shows the PIN: %q", end, seen.String())
		}
		cancel()
	}
}
