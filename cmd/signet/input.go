package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// maxInput is the largest input in bytes, 1 GiB: a message is held in memory as a whole, and nothing is released before all of it is
// verified.
const maxInput = 1 << 30

// input is one file or standard input.
type input struct {
	name string // for people
	file *os.File
}

// openInput opens the file that the arguments name; none and "-" are standard input.
func (a *app) openInput(args []string) (*input, error) {
	if len(args) == 0 || args[0] == "-" {
		if len(args) == 0 && a.isTerminal(a.stdin) {
			a.note("reading from the terminal; end with control-D")
		}
		return &input{"standard input", a.stdin}, nil
	}
	f, err := os.Open(args[0])
	if err != nil {
		return nil, err
	}
	return &input{args[0], f}, nil
}

func (in *input) Close() error { return in.file.Close() }

// read returns everything, at most limit bytes.
func (in *input) read(ctx context.Context, limit int64) ([]byte, error) {
	tooLong := func() error {
		return &fault{code: codeLimit, err: fmt.Errorf("%s has more than %d bytes, which is the limit", in.name, limit)}
	}
	size := int64(bytes.MinRead)
	st, err := in.file.Stat()
	if err != nil {
		return nil, err
	}
	switch mode := st.Mode(); {
	case mode.IsDir():
		return nil, fmt.Errorf("%s is a directory", in.name)
	case mode.IsRegular() && st.Size() > limit:
		return nil, tooLong()
	case mode.IsRegular():
		size += st.Size()
	}
	buf := bytes.NewBuffer(make([]byte, 0, size))
	// Reading a pipe or a terminal cannot be interrupted; the process ends and takes the reader with it.
	done := make(chan error, 1)
	go func() {
		_, err := buf.ReadFrom(io.LimitReader(in.file, limit+1))
		done <- err
	}()
	select {
	case err = <-done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", in.name, withoutPath(err))
	}
	if int64(buf.Len()) > limit {
		return nil, tooLong()
	}
	return buf.Bytes(), nil
}

// withoutPath drops the operation and path of a file error, which the caller names.
func withoutPath(err error) error {
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err
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
