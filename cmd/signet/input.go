package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// input is one file or standard input.
type input struct {
	name  string // for people
	path  string // what to write on a command line, "" for standard input
	file  *os.File
	count func(n int64) // when set, is told how many bytes were read; negative when they will be read again
}

// openInput opens the file that the arguments name; none and "-" are standard input.
func (a *app) openInput(args []string) (*input, error) {
	if len(args) == 0 || args[0] == "-" {
		if len(args) == 0 && a.isTerminal(a.stdin) {
			a.note("reading from the terminal; end with control-D")
		}
		return &input{name: "standard input", file: a.stdin}, nil
	}
	f, err := os.Open(args[0])
	if err != nil {
		return nil, err
	}
	return &input{name: args[0], path: args[0], file: f}, nil
}

func (in *input) Close() error { return in.file.Close() }

// stat refuses folders.
func (in *input) stat() (fs.FileInfo, error) {
	st, err := in.file.Stat()
	if err == nil && st.IsDir() {
		return nil, &fault{code: codeOther, err: fmt.Errorf("%s is a directory", in.name), hint: "encrypt, decrypt and rotate take folders with --recursive"}
	}
	return st, err
}

// size is the number of bytes from the current position to the end, if the input tells: a regular file that is not empty. Files of /proc claim
// to be empty.
func (in *input) size() (int64, bool) {
	st, err := in.file.Stat()
	if err != nil || !st.Mode().IsRegular() || st.Size() == 0 {
		return 0, false
	}
	at, err := in.file.Seek(0, io.SeekCurrent)
	if err != nil || at > st.Size() {
		return 0, false
	}
	return st.Size() - at, true
}

// reader returns the input's bytes. For a regular file it is an io.Seeker, too. When ctx ends, reads fail.
func (in *input) reader(ctx context.Context) (io.Reader, error) {
	st, err := in.stat()
	if err != nil {
		return nil, err
	}
	if st.Mode().IsRegular() {
		return &fileReader{in, ctx.Err}, nil
	}
	return newPipeReader(ctx.Done(), in), nil
}

// read returns everything, at most limit bytes.
func (in *input) read(ctx context.Context, limit int64) ([]byte, error) {
	r, err := in.reader(ctx)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if size, ok := in.size(); ok && size <= limit {
		buf.Grow(int(size) + bytes.MinRead)
	}
	if _, err := buf.ReadFrom(io.LimitReader(r, limit+1)); err != nil {
		return nil, fmt.Errorf("reading %s: %w", in.name, err)
	}
	if int64(buf.Len()) > limit {
		return nil, &fault{code: codeLimit, err: fmt.Errorf("%s has more than %d bytes, which is the limit", in.name, limit)}
	}
	return buf.Bytes(), nil
}

// withoutPath drops the operation and path of a file error, which the caller names.
func withoutPath(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	var le *os.LinkError
	if errors.As(err, &le) {
		return le.Err
	}
	return err
}

// readItem reads an item in DynamoDB JSON.
func (in *input) readItem(ctx context.Context) (map[string]types.AttributeValue, error) {
	b, err := in.read(ctx, maxItemText)
	if err != nil {
		return nil, err
	}
	item, err := parseItem(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in.name, err)
	}
	return item, nil
}
