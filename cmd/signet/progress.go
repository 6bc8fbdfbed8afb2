package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

const (
	// progressSize is the length of a single file that gets a bar, in bytes.
	progressSize = 64 << 20
	// progressEvery is the time between lines where there is no terminal.
	progressEvery = 30 * time.Second
)

// progress shows people how far a command is: a bar on a terminal, else a line now and then. The nil progress shows nothing.
type progress struct {
	a    *app
	done string // "encrypted"

	mu    sync.Mutex
	files int64
	bytes int64
	total int64 // bytes, with a bar
	last  time.Time

	bars *mpb.Progress
	bar  *mpb.Bar
}

// fileProgress is for one file: a bar, if it is long and there is a terminal that does not show the output.
func (a *app) fileProgress(t *task, in *input, out *output) *progress {
	size, ok := in.size()
	if !ok || size < progressSize || out.path == "" && a.isTerminal(a.stdout) || !a.wantsBar() {
		return nil
	}
	p := &progress{a: a, done: t.done}
	p.show(a.stderr.(*sharedWriter), size, mpb.WithAutoRefresh())
	in.count = p.read
	return p
}

// wantsBar reports whether standard error is a terminal and nobody asked for silence.
func (a *app) wantsBar() bool {
	if a.silentProgress() {
		return false
	}
	s, ok := a.stderr.(*sharedWriter)
	if !ok {
		return false
	}
	f, ok := s.w.(*os.File)
	return ok && a.isTerminal(f)
}

func (a *app) silentProgress() bool {
	v, _ := a.lookupEnv("SIGNET_NO_PROGRESS")
	return a.quiet || v != ""
}

// show begins a bar.
func (p *progress) show(w *sharedWriter, total int64, options ...mpb.ContainerOption) {
	p.total = total
	p.bars = mpb.New(append([]mpb.ContainerOption{mpb.WithOutput(w.w), mpb.WithWidth(40)}, options...)...)
	p.bar = p.bars.AddBar(0, // it ends with stop and not when the count is full: a file may be read again
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return p.label() }), decor.CountersKibiByte("% .1f / % .1f ")),
		mpb.AppendDecorators(decor.AverageSpeed(decor.SizeB1024(0), "% .1f "), decor.AverageETA(decor.ET_STYLE_GO)),
		mpb.BarRemoveOnComplete())
	p.bar.SetTotal(total, false)
	w.setAbove(p.bars)
}

func (p *progress) label() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.files == 0 {
		return "signet: "
	}
	return fmt.Sprintf("signet: %d files ", p.files)
}

// read counts n bytes; a negative n says that so many will be read again.
func (p *progress) read(n int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n < 0 {
		p.total -= n
		if p.bar != nil {
			p.bar.SetTotal(p.total, false)
		}
		return
	}
	p.bytes += n
	if p.bar != nil {
		p.bar.IncrInt64(n)
		return
	}
	if now := time.Now(); now.Sub(p.last) >= progressEvery {
		p.last = now
		fmt.Fprintf(p.a.stderr, "signet: %s %d files so far, %s read\n", p.done, p.files, bytesText(p.bytes))
	}
}

func (p *progress) fileDone() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.files++
}

// stop takes the bar away; it may be called again.
func (p *progress) stop() {
	if p == nil || p.bars == nil {
		return
	}
	p.bar.Abort(true)
	p.bars.Wait()
	p.a.stderr.(*sharedWriter).setAbove(nil)
	p.bars = nil
}
