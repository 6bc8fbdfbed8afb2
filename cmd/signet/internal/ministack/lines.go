package ministack

import (
	"bytes"
	"strings"
	"sync"
)

const (
	maxLine  = 1 << 10 // bytes; what is longer is cut
	tailSize = 5       // lines
)

// lines takes the output of a program line by line and keeps the last ones for an error. It is safe for concurrent use.
type lines struct {
	each func(string) // called with every line; may be nil

	mu   sync.Mutex
	part []byte
	last []string
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for rest := p; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		l.part = append(l.part, line[:min(len(line), maxLine-len(l.part))]...)
		if !ended {
			break
		}
		l.end()
		rest = after
	}
	return len(p), nil
}

func (l *lines) end() {
	line := strings.TrimSpace(string(l.part))
	l.part = l.part[:0]
	if line == "" {
		return
	}
	l.last = append(l.last, line)
	l.last = l.last[max(0, len(l.last)-tailSize):]
	if l.each != nil {
		l.each(line)
	}
}

// tail is the last lines in one.
func (l *lines) tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.last
	if part := strings.TrimSpace(string(l.part)); part != "" {
		last = append(last[:len(last):len(last)], part)
	}
	return strings.Join(last, " | ")
}
