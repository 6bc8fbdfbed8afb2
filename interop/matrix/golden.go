package matrix

import (
	"github.com/signetkeys/signet/interop/peers"
)

// GoldenKeys is message/testdata/peers/keys.json: for each kind of keyring what reads it.
type GoldenKeys struct {
	About string                      `json:"about"`
	How   string                      `json:"how"`
	Kinds map[string][]*peers.Keyring `json:"kinds"`
}

// GoldenFile is message/testdata/peers/PEER.json: messages that a peer wrote.
type GoldenFile struct {
	About    string            `json:"about"`
	Peer     string            `json:"peer"`
	Language string            `json:"language"`
	Library  string            `json:"library"`
	Versions map[string]string `json:"versions"`
	How      string            `json:"how"`
	Messages []*Golden         `json:"messages"`
}

// Golden is one message. Byte i of the plaintext is i*31 + i>>8 + 1, modulo 256.
type Golden struct {
	Kind         string            `json:"kind"`
	Path         string            `json:"path,omitempty"` // master-key: the peer's older API wrote it
	Suite        string            `json:"suite"`
	FrameLength  *int64            `json:"frame_length,omitempty"` // 0: non-framed; absent: 4096
	PlaintextLen int               `json:"plaintext_len"`
	Context      map[string]string `json:"context,omitempty"`
	Reproduced   map[string]string `json:"reproduced_context,omitempty"` // pairs of the context that are not stored
	Message      []byte            `json:"message"`
}
