package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/signetkeys/signet/message"
)

// maxHeader is how much of a message is looked at before a key is asked, in bytes. Headers of 64 encrypted data keys are shorter.
const maxHeader = 16 << 20

// A source is a message to be read. Its header has been looked at, and nothing in that is verified.
type source struct {
	r      io.Reader                 // from the first byte; binary
	again  io.ReadSeeker             // r, when it can be read twice
	header *message.UnverifiedHeader // nil when it cannot be read; the reader will say why
}

// message opens the input as a message, which is base64 text if armored. Text without --armor is refused and not guessed at.
func (in *input) message(ctx context.Context, armored bool) (*source, error) {
	r, err := in.reader(ctx)
	if err != nil {
		return nil, err
	}
	again, _ := r.(io.ReadSeeker)
	switch {
	case armored && again != nil:
		a, err := newArmorFile(again)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", in.name, err)
		}
		r, again = a, a
	case armored:
		r = &armorReader{r: r}
	}
	var start int64
	if again != nil {
		if start, err = again.Seek(0, io.SeekCurrent); err != nil {
			return nil, fmt.Errorf("reading %s: %w", in.name, err)
		}
	}
	head, header, err := peekHeader(r)
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", in.name, err)
	case !armored && looksArmored(head):
		return nil, &fault{code: codeArmor, err: fmt.Errorf("%s is base64 text and no binary message", in.name), hint: "add --armor"}
	case len(head) == 0:
		return nil, &fault{code: codeTruncated, err: fmt.Errorf("%s is empty", in.name)}
	}
	if again == nil {
		return &source{r: io.MultiReader(bytes.NewReader(head), r), header: header}, nil
	}
	if _, err := again.Seek(start, io.SeekStart); err != nil {
		return nil, fmt.Errorf("reading %s: %w", in.name, err)
	}
	return &source{r: again, again: again, header: header}, nil
}

// peekHeader reads until a header is complete or cannot become one. The bytes read are returned with it.
func peekHeader(r io.Reader) ([]byte, *message.UnverifiedHeader, error) {
	var buf bytes.Buffer
	piece := make([]byte, 32<<10)
	parsed := 0
	for buf.Len() < maxHeader {
		n, err := r.Read(piece)
		buf.Write(piece[:n])
		if err != nil && err != io.EOF {
			return nil, nil, err
		}
		// A long header is not parsed again for every piece.
		if parsed < len(piece) || buf.Len() >= 2*parsed || err == io.EOF {
			parsed = buf.Len()
			h, _, parseErr := message.ParseHeader(buf.Bytes())
			if parseErr == nil {
				return buf.Bytes(), h, nil
			}
			if !errors.Is(parseErr, io.ErrUnexpectedEOF) {
				break
			}
		}
		if err == io.EOF {
			break
		}
	}
	return buf.Bytes(), nil, nil
}
