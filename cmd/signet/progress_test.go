package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vbauerster/mpb/v8"

	"github.com/signetkeys/signet/internal/sharedtest"
)

func TestProgressBar(t *testing.T) {
	var screen bytes.Buffer
	shared := &sharedWriter{w: &screen}
	p := &progress{a: &app{stderr: shared}, done: "encrypted"}
	draw := make(chan any)
	p.show(shared, 4<<20, mpb.WithManualRefresh(draw))
	p.read(1 << 20)
	p.read(1 << 20)
	p.read(-1 << 20) // a megabyte will be read again
	p.fileDone()
	p.fileDone()
	draw <- nil
	draw <- nil // the first one is on the screen
	p.stop()
	p.stop()
	text := screen.String()
	for _, want := range []string{"signet: 2 files", "2.0 MiB / 5.0 MiB"} {
		if !strings.Contains(text, want) {
			t.Errorf("the screen does not show %q:\n%q", want, text)
		}
	}
	screen.Reset()
	fmt.Fprint(shared, "after")
	if screen.String() != "after" {
		t.Errorf("behind the bar: got %q", screen.String())
	}
}

// Without a terminal there is a line now and then.
func TestProgressLines(t *testing.T) {
	sharedtest.Bubble(t, func(t *testing.T) {
		var text bytes.Buffer
		p := &progress{a: &app{stderr: &text}, done: "encrypted", last: time.Now()}
		for range 100 {
			time.Sleep(time.Second)
			p.read(1 << 20)
			p.fileDone()
		}
		p.stop()
		want := "signet: encrypted 29 files so far, 30.0 MiB read\nsignet: encrypted 59 files so far, 60.0 MiB read\nsignet: encrypted 89 files so far, 90.0 MiB read\n"
		if text.String() != want {
			t.Errorf("got\n%swant\n%s", text.String(), want)
		}
	})
}

func TestWantsBar(t *testing.T) {
	var none *progress
	none.fileDone() // shows nothing
	none.stop()
	if (&app{stderr: &sharedWriter{w: new(bytes.Buffer)}, lookupEnv: func(string) (string, bool) { return "", false }}).wantsBar() {
		t.Error("a bar for a writer that is no terminal")
	}
	a := &app{lookupEnv: func(name string) (string, bool) { return "1", name == "SIGNET_NO_PROGRESS" }}
	if !a.silentProgress() {
		t.Error("SIGNET_NO_PROGRESS does not silence progress")
	}
}

func TestByteSize(t *testing.T) {
	for in, want := range map[string]int64{"1": 1, "4096": 4096, "64KiB": 64 << 10, "3MiB": 3 << 20, "2GiB": 2 << 30, "1TiB": 1 << 40, "9223372036854775807": 1<<63 - 1} {
		var n byteSize
		if err := n.Set(in); err != nil || int64(n) != want {
			t.Errorf("%q: got %d, %v, want %d", in, n, err, want)
		}
	}
	for _, bad := range []string{"", "0", "-1", "+1", "1.5MiB", "1KB", "1K", "KiB", " 1", "9223372036854775808", "9007199254740992KiB", "99999999TiB", "0x10"} {
		var n byteSize
		if err := n.Set(bad); err == nil {
			t.Errorf("%q: got %d, want an error", bad, n)
		}
	}
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 1536: "1.5 KiB", 5 << 30: "5.0 GiB", 1 << 62: "4.0 EiB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}
