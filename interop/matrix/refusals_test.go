package matrix

import (
	"fmt"
	"maps"
	"slices"

	"github.com/signetkeys/signet/message"
)

// refusals reads what must not be read, on both sides: a changed message, and one without what its reader must know.
func (r *run) refusals(c *cell, msg []byte, count *DirectionCount) {
	refuse := func(what string, c *cell, m []byte, peerToo bool) {
		r.signetRefuses(c, what, c.decrypt(m, ""))
		count.RefusedBySignet++
		if peerToo && c.limit(r.caps, r.name, "decrypt") == nil {
			r.peerRefuses(c, what, c.decrypt(m, c.kind.Path))
			count.RefusedByPeer++
		}
	}
	what, changed, peerToo := r.tamper(c, msg)
	refuse(what, c, changed, peerToo)

	if len(c.required) > 0 {
		ignorant := *c
		ignorant.reproduced, ignorant.requiring = nil, false
		refuse("a message without a required pair", &ignorant, msg, true)
		mistaken := *c
		mistaken.reproduced = maps.Clone(c.reproduced)
		mistaken.reproduced[c.required[0]] += "x"
		refuse("a message with another value of a required pair", &mistaken, msg, true)
	}
	if !c.suite.Commits() && r.rand.IntN(4) == 0 {
		strict := *c
		strict.readPolicy = ""
		refuse("a message without commitment under the default policy", &strict, msg, true)
	}
}

// tamper changes a message in one place. It reports whether the peer notices too; capabilities.json says what some do not.
func (r *run) tamper(c *cell, msg []byte) (what string, changed []byte, peerToo bool) {
	switch n := r.rand.IntN(10); {
	case n == 0:
		quirk := "trailing-bytes-ignored-unsigned"
		if c.suite.Signed() {
			quirk = "trailing-bytes-ignored-signed"
		}
		return "a byte behind the end", append(slices.Clone(msg), byte(r.rand.IntN(256))), !r.caps.Has(r.name, quirk)
	case n <= 2:
		cut := r.rand.IntN(len(msg))
		return fmt.Sprintf("%d of %d bytes", cut, len(msg)), msg[:cut:cut], true
	}
	at, bit := r.rand.IntN(len(msg)), r.rand.IntN(8)
	changed = slices.Clone(msg)
	changed[at] ^= 1 << bit
	overlooked := r.caps.Has(r.name, "sequence-number-ignored-unsigned") && !c.suite.Signed() && inSequenceNumber(msg, at)
	return fmt.Sprintf("bit %d of byte %d of %d flipped", bit, at, len(msg)), changed, !overlooked
}

// inSequenceNumber reports whether an offset of a whole message is in the sequence number of a frame.
func inSequenceNumber(msg []byte, at int) bool {
	h, frame, err := message.ParseHeader(msg)
	if err != nil || !h.Framed {
		return false
	}
	for last := false; !last; {
		if last = [4]byte(msg[frame:]) == [4]byte{0xff, 0xff, 0xff, 0xff}; last {
			frame += 4
		}
		if frame <= at && at < frame+4 {
			return true
		}
		frame += 4 + 12 + int(h.FrameLength) + 16
	}
	return false
}
