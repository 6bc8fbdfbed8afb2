package main

import (
	"bytes"
	"encoding/base64"
	"errors"
)

// armorLine is the length of a line of base64 text.
const armorLine = 64

// armor returns data as lines of standard base64 with padding; the last line ends in a line feed too.
func armor(data []byte) []byte {
	enc := base64.StdEncoding
	n := enc.EncodedLen(len(data))
	out := make([]byte, 0, n+(n+armorLine-1)/armorLine)
	const raw = armorLine / 4 * 3
	for len(data) > 0 {
		k := min(raw, len(data))
		out = enc.AppendEncode(out, data[:k])
		out = append(out, '\n')
		data = data[k:]
	}
	return out
}

// dearmor reads standard base64 with padding, in lines of any length.
func dearmor(text []byte) ([]byte, error) {
	text = bytes.TrimRight(text, " \t\r\n")
	enc := base64.StdEncoding.Strict()
	out := make([]byte, enc.DecodedLen(len(text)))
	n, err := enc.Decode(out, text)
	if err != nil {
		if len(text) > 0 && (text[0] == 1 || text[0] == 2) {
			return nil, &fault{code: codeArmor, err: errors.New("--armor was given and the input is not base64; it looks like a binary message"), hint: "leave --armor out"}
		}
		return nil, &fault{code: codeArmor, err: errors.New("--armor was given and the input is not standard base64 with padding")}
	}
	return out[:n], nil
}

// looksArmored tells base64 text of a message: version 1 begins with AY, version 2 with AgR or AgV.
func looksArmored(b []byte) bool {
	return bytes.HasPrefix(b, []byte("AY")) || bytes.HasPrefix(b, []byte("AgR")) || bytes.HasPrefix(b, []byte("AgV"))
}
