package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"slices"
)

// armorLine is the length of a line of base64 text.
const armorLine = 64

const armorRaw = armorLine / 4 * 3 // bytes in a line

// An armorWriter writes lines of standard base64 with padding; the last line ends in a line feed too.
type armorWriter struct {
	w    io.Writer
	rest []byte // less than a line
	text []byte
}

func (a *armorWriter) Write(p []byte) (int, error) {
	const batch = 512 * armorRaw
	n := 0
	for len(p) > 0 {
		k := min(len(p), batch-len(a.rest))
		a.rest = append(a.rest, p[:k]...)
		p = p[k:]
		whole := len(a.rest) / armorRaw * armorRaw
		if err := a.lines(a.rest[:whole]); err != nil {
			return n, err
		}
		a.rest = a.rest[:copy(a.rest, a.rest[whole:])]
		n += k
	}
	return n, nil
}

// Close writes the last line.
func (a *armorWriter) Close() error { return a.lines(a.rest) }

func (a *armorWriter) lines(b []byte) error {
	a.text = a.text[:0]
	for line := range slices.Chunk(b, armorRaw) {
		a.text = append(base64.StdEncoding.AppendEncode(a.text, line), '\n')
	}
	_, err := a.w.Write(a.text)
	return err
}

// An armorReader reads standard base64 with padding, in lines of any length. Blanks may stand at the end.
type armorReader struct {
	r     io.Reader
	text  [16 << 10]byte
	group []byte // digits that wait for more
	plain []byte // decoded and not read yet
	first byte   // of the text, 0 before it was seen
	over  bool   // padding or a blank was seen: no digit may follow
	blank bool   // a blank was seen: no padding may follow either
	err   error
}

func (a *armorReader) Read(p []byte) (int, error) {
	for len(a.plain) == 0 {
		if a.err != nil {
			return 0, a.err
		}
		a.fill()
	}
	n := copy(p, a.plain)
	a.plain = a.plain[n:]
	return n, nil
}

func (a *armorReader) fill() {
	n, err := a.r.Read(a.text[:])
	if n > 0 && a.first == 0 {
		a.first = a.text[0]
	}
	for text := a.text[:n]; len(text) > 0; {
		i := bytes.IndexAny(text, "\n\r \t=")
		if i < 0 {
			i = len(text)
		}
		if a.over && i > 0 {
			a.err = a.refuse()
			return
		}
		a.group = append(a.group, text[:i]...)
		if text = text[i:]; len(text) == 0 {
			break
		}
		switch text[0] {
		case ' ', '\t':
			a.over, a.blank = true, true
		case '=':
			if a.blank || len(a.group)%4 == 0 { // padding fills a group up
				a.err = a.refuse()
				return
			}
			a.over = true
			a.group = append(a.group, '=')
		}
		text = text[1:]
	}
	whole := len(a.group) / 4 * 4
	plain, decodeErr := base64.StdEncoding.Strict().AppendDecode(a.plain[:0], a.group[:whole])
	if decodeErr != nil || err == io.EOF && whole < len(a.group) {
		a.err = a.refuse()
		return
	}
	a.plain = plain
	a.group = a.group[:copy(a.group, a.group[whole:])]
	a.err = err
}

func (a *armorReader) refuse() error {
	if a.first == 1 || a.first == 2 {
		return &fault{code: codeArmor, err: errors.New("--armor was given and the input is not base64; it looks like a binary message"), hint: "leave --armor out"}
	}
	return &fault{code: codeArmor, err: errors.New("--armor was given and the input is not standard base64 with padding")}
}

// An armorFile reads text that can be read again. Its offsets are those of the binary message, whose end is not known.
type armorFile struct {
	armorReader
	text  io.ReadSeeker
	start int64 // of the text
	at    int64
}

// newArmorFile reads the text that begins where the file stands.
func newArmorFile(text io.ReadSeeker) (*armorFile, error) {
	start, err := text.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	return &armorFile{armorReader: armorReader{r: text}, text: text, start: start}, nil
}

func (a *armorFile) Read(p []byte) (int, error) {
	n, err := a.armorReader.Read(p)
	a.at += int64(n)
	return n, err
}

// Seek reads everything before the offset, from the start when it goes back.
func (a *armorFile) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekCurrent {
		offset += a.at
	}
	if whence == io.SeekEnd || offset < 0 {
		return 0, errors.New("no such offset in base64 text")
	}
	if offset < a.at {
		if _, err := a.text.Seek(a.start, io.SeekStart); err != nil {
			return 0, err
		}
		a.armorReader, a.at = armorReader{r: a.text}, 0
	}
	if _, err := io.CopyN(io.Discard, a, offset-a.at); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, err
	}
	return a.at, nil
}

// looksArmored tells base64 text of a message: version 1 begins with AY, version 2 with AgR or AgV.
func looksArmored(b []byte) bool {
	return bytes.HasPrefix(b, []byte("AY")) || bytes.HasPrefix(b, []byte("AgR")) || bytes.HasPrefix(b, []byte("AgV"))
}
