package ministack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"time"
)

const startTime = time.Minute // in which the server must answer

// launcher runs MiniStack, and ends it when its standard input does: that happens however the process ends that started it.
const launcher = `import os, sys, threading
threading.Thread(target=lambda: (os.read(0, 1), os._exit(0)), daemon=True).start()
from ministack.app import main
sys.argv = ["ministack"]
sys.exit(main())`

// Server is a MiniStack that runs.
type Server struct {
	// URL is http://127.0.0.1:PORT. It serves DynamoDB, KMS, IAM and STS, in every region and, by access key ids of twelve digits, in every
	// account.
	URL string

	cmd  *exec.Cmd
	life io.Closer     // its standard input
	done chan struct{} // closed when it has ended
	out  *lines
}

// Start runs MiniStack with an interpreter that [Installer.Ensure] returned, on a free port of loopback, and returns once it answers. What it
// writes is below dir, which is made and stays when it ends. It sees nothing of the environment that concerns AWS or itself, and ends
// with this process if it was not closed before. Errors are [*Error].
func Start(ctx context.Context, python, dir string) (*Server, error) {
	const op = "start MiniStack"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, &Error{Op: op, Err: err}
	}
	address := make(chan string, 1)
	var found sync.Once
	running := regexp.MustCompile(`Running on (http://127\.0\.0\.1:[0-9]+)`)
	s := &Server{done: make(chan struct{}), out: &lines{each: func(line string) {
		if m := running.FindStringSubmatch(line); m != nil {
			found.Do(func() { address <- m[1] })
		}
	}}}
	s.cmd = exec.Command(python, "-I", "-c", launcher)
	s.cmd.Dir, s.cmd.Env = dir, environment(dir)
	s.cmd.Stdout, s.cmd.Stderr = s.out, s.out
	s.cmd.WaitDelay = killWait
	ownGroup(s.cmd) // Ctrl-C is for the demo, which still has to talk to it
	life, err := s.cmd.StdinPipe()
	if err == nil {
		s.life = life
		err = s.cmd.Start()
	}
	if err != nil {
		return nil, &Error{Op: op, Err: err}
	}
	go func() {
		defer close(s.done)
		_ = s.cmd.Wait()
	}()
	if err := s.ready(ctx, address); err != nil {
		s.Close()
		return nil, &Error{Op: op, Err: err, Output: s.out.tail()}
	}
	return s, nil
}

// ready waits for the address and an answer.
func (s *Server) ready(ctx context.Context, address <-chan string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, fmt.Errorf("no answer within %v", startTime))
	defer cancel()
	select {
	case s.URL = <-address:
	case <-s.done:
		return errors.New("it ended at once")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL, nil)
		if err != nil {
			return err
		}
		if answer, err := client.Do(r); err == nil {
			return answer.Body.Close()
		}
		select {
		case <-s.done:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Done is closed when the server has ended, by Close or by itself.
func (s *Server) Done() <-chan struct{} { return s.done }

// Close ends the server, with everything that it holds, and waits for it. It may be called again.
func (s *Server) Close() {
	_ = s.cmd.Process.Kill() // it has nothing to save
	_ = s.life.Close()
	<-s.done
}

// environment is what the server sees. Without BIND_HOST, IOT_MTLS_ENABLED and SFTP_ENABLED it would listen on every interface.
func environment(dir string) []string {
	env := []string{
		"BIND_HOST=127.0.0.1", "GATEWAY_PORT=0", "IOT_MTLS_ENABLED=0", "SFTP_ENABLED=0", "LOG_LEVEL=INFO", "SERVICES=dynamodb,dynamodbstreams,kms,iam,sts",
		"HOME=" + dir, "TMPDIR=" + dir, "TMP=" + dir, "TEMP=" + dir,
	}
	for _, name := range []string{"PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
