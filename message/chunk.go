package message

import (
	"github.com/signetkeys/signet/keyring/suite"
)

// Streams work on chunks of whole frames, so that the cost of a call, a hash update or a goroutine is shared by many frames.

// chunkLen is the plaintext length aimed at, in bytes. Frames above it make chunks of one frame.
const (
	chunkLen         = 64 << 10
	parallelChunkLen = 256 << 10
)

// framesPerChunk is how many frames of this length make a chunk.
func framesPerChunk(frameLen uint32, concurrency int) int {
	n := chunkLen
	if concurrency > 1 {
		n = parallelChunkLen
	}
	return max(1, n/int(max(frameLen, 1)))
}

// sealJob is a chunk on its way out.
type sealJob struct {
	plain  []byte
	sealed []byte
	done   chan struct{}
}

// openJob is a chunk on its way in: whole frames in sequence.
type openJob struct {
	raw    []byte
	seq    uint32 // of the first frame
	frames int
	plain  []byte
	err    error // of the first frame that did not open; plain ends before it
	done   chan struct{}
}

// open decrypts the chunk's frames in order and stops at the first that is not authentic.
func (j *openJob) open(c bodyCipher, h *header) {
	if cap(j.plain) < len(j.raw) {
		j.plain = make([]byte, 0, len(j.raw))
	}
	j.plain = j.plain[:0]
	rest := j.raw
	for i := range j.frames {
		f, n, err := h.parseFrame(rest, j.seq+uint32(i), 0)
		if err != nil {
			panic("message: internal error: a frame that was cut does not parse: " + err.Error())
		}
		if j.plain, j.err = c.openFrame(j.plain, h, &f); j.err != nil {
			return
		}
		rest = rest[n:]
	}
}

// sealedLen is the length of n plaintext bytes as sealed frames, at most.
func sealedLen(n, frameLen int) int {
	return n + (n/frameLen+1)*(finalOverhead+suite.TagLen)
}
