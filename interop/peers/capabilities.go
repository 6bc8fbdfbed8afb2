package peers

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
)

// Capabilities is capabilities.json: what the peers cannot do, and how they differ from each other.
type Capabilities struct {
	About  string  `json:"about"`
	Limits []Limit `json:"cannot"`
	Quirks []Quirk `json:"quirks"`
}

// Limit is one thing that a peer cannot do; all of When's conditions that are set must hold.
type Limit struct {
	Peer   string   `json:"peer"`
	Ops    []string `json:"ops"` // encrypt, decrypt
	When   When     `json:"when"`
	Reason string   `json:"reason"`
}

// When describes messages. A zero field is no condition.
type When struct {
	Keyring                  string `json:"keyring"` // also as a part of a multi-keyring
	Path                     string `json:"path"`
	FrameLengthBelow         int64  `json:"frame_length_below"`
	FrameLengthAbove         int64  `json:"frame_length_above"`
	FrameLengthNotMultipleOf int64  `json:"frame_length_not_multiple_of"`
	RequiredContext          bool   `json:"required_context"`
	ReproducedContext        bool   `json:"reproduced_context"`
	ContextHasEmptyString    bool   `json:"context_has_empty_string"` // a key or a value
	ContextStringAbove       int    `json:"context_string_above"`     // bytes of a key or a value
	ContextBytesAbove        int    `json:"context_bytes_above"`      // bytes of the stored pairs with their lengths and count
}

// Quirk is something that a peer does differently from the peers that are not named with the same ID.
type Quirk struct {
	Peer string `json:"peer"`
	ID   string `json:"id"`
	Text string `json:"text"`
}

// ReadCapabilities reads interop/peers/capabilities.json from the interop folder that the working directory is in.
func ReadCapabilities() (*Capabilities, error) {
	root, err := interopDir()
	if err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(root, "peers", "capabilities.json"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c := new(Capabilities)
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return nil, err
	}
	return c, nil
}

// Cannot returns the first limit that keeps the peer from the operation on the message, or nil. The message is described by the request
// that encrypts it; for decrypt the request's Keyring, ReproducedContext, RequiredKeys and Path are the reader's.
func (c *Capabilities) Cannot(peer, op string, message *Request) *Limit {
	for i := range c.Limits {
		l := &c.Limits[i]
		if l.Peer == peer && slices.Contains(l.Ops, op) && l.When.holds(message) {
			return l
		}
	}
	return nil
}

// Has reports whether the peer has the quirk.
func (c *Capabilities) Has(peer, id string) bool {
	return slices.ContainsFunc(c.Quirks, func(q Quirk) bool { return q.Peer == peer && q.ID == id })
}

// defaultFrameLength is the frame length of every peer.
const defaultFrameLength = 4096

func (w *When) holds(r *Request) bool {
	frame := int64(defaultFrameLength)
	if r.FrameLength != nil {
		frame = *r.FrameLength
	}
	longest, total, empty := 0, 2, false
	for k, v := range r.Context {
		longest = max(longest, len(k), len(v))
		total += 4 + len(k) + len(v)
		empty = empty || k == "" || v == ""
	}
	conditions := []struct{ set, true bool }{
		{w.Keyring != "", r.Keyring.uses(w.Keyring)},
		{w.Path != "", r.Path == w.Path},
		{w.FrameLengthBelow != 0, frame < w.FrameLengthBelow},
		{w.FrameLengthAbove != 0, frame > w.FrameLengthAbove},
		{w.FrameLengthNotMultipleOf != 0, w.FrameLengthNotMultipleOf != 0 && frame%w.FrameLengthNotMultipleOf != 0},
		{w.RequiredContext, len(r.RequiredKeys) > 0},
		{w.ReproducedContext, len(r.ReproducedContext) > 0},
		{w.ContextHasEmptyString, empty},
		{w.ContextStringAbove != 0, longest > w.ContextStringAbove},
		{w.ContextBytesAbove != 0, total > w.ContextBytesAbove},
	}
	any := false
	for _, c := range conditions {
		if c.set && !c.true {
			return false
		}
		any = any || c.set
	}
	return any
}

// uses reports whether the keyring or a part of it is of the type.
func (k *Keyring) uses(kind string) bool {
	return k != nil && (k.Type == kind || k.Generator.uses(kind) || slices.ContainsFunc(k.Children, func(c *Keyring) bool { return c.uses(kind) }))
}
