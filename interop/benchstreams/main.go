// Benchstreams measures signet's streams over a long message: speed, and memory resident at most, on one and on two cores. Each measurement is a
// process of its own. It prints JSON for package benchtable.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/signetkeys/signet/interop/internal/bench"
	"github.com/signetkeys/signet/interop/internal/machine"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("benchstreams", flag.ContinueOnError)
	flags.SetOutput(stderr)
	size := flags.Int64("bytes", 1<<30, "length of the plaintext in `bytes`")
	runs := flags.Int("runs", 3, "`number` of runs")
	child := flags.String("work", "", "do one `work` in this process and print what it took")
	cores := flags.Int("cores", 1, "with -work: how many cores to use")
	file := flags.String("message", "", "with -work: the `file` with the message to decrypt")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	var result any
	var err error
	if *child != "" {
		result, err = once(*child, *cores, *size, *file)
	} else {
		result, err = all(*size, *runs, stderr)
	}
	if err == nil {
		e := json.NewEncoder(stdout)
		e.SetIndent("", " ")
		err = e.Encode(result)
	}
	if err != nil {
		fmt.Fprintln(stderr, "benchstreams:", err)
		return 1
	}
	return 0
}

// taken is what one measurement took.
type taken struct {
	Duration   time.Duration
	Peak, Idle int64
}

func all(size int64, runs int, log io.Writer) (*bench.Streams, error) {
	dir, err := os.MkdirTemp("", "signet-streams")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := &bench.Streams{Machine: machine.Describe(), Bytes: size}
	var streams []*bench.Stream
	files := map[string]string{}
	for _, w := range works {
		if w.decrypt && files[w.message()] == "" {
			files[w.message()] = filepath.Join(dir, w.message())
			if err := writeMessage(w, size, files[w.message()]); err != nil {
				return nil, err
			}
		}
		for cores := 1; cores <= 2; cores++ {
			streams = append(streams, &bench.Stream{Work: w.title, Cores: cores})
		}
	}
	for range runs {
		for _, s := range streams {
			w, err := workOf(s.Work)
			if err != nil {
				return nil, err
			}
			t, err := inChild(s, size, files[w.message()])
			if err != nil {
				return nil, err
			}
			s.Speed = append(s.Speed, float64(size)/1e6/t.Duration.Seconds())
			s.Peak, s.Idle = append(s.Peak, t.Peak), append(s.Idle, t.Idle)
			fmt.Fprintf(log, "%-32s %d cores %8.0f MB/s %6.1f MiB at most\n", s.Work, s.Cores, s.Speed[len(s.Speed)-1], float64(t.Peak)/(1<<20))
		}
	}
	out.Streams = streams
	return out, nil
}

func inChild(s *bench.Stream, size int64, file string) (*taken, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "-work", s.Work, "-cores", strconv.Itoa(s.Cores), "-bytes", strconv.FormatInt(size, 10), "-message", file)
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(s.Cores))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Work, err)
	}
	t := new(taken)
	return t, json.Unmarshal(out, t)
}

func once(title string, cores int, size int64, file string) (*taken, error) {
	w, err := workOf(title)
	if err != nil {
		return nil, err
	}
	runtime.GC()
	idle, _, err := resident()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if err := w.do(cores, size, file); err != nil {
		return nil, err
	}
	t := &taken{Duration: time.Since(start), Idle: idle}
	now, most, err := resident()
	t.Peak = max(most, now, idle) // the kernel's counters lag a little
	return t, err
}
