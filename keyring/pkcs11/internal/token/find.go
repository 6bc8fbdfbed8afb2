package token

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/module"
)

// Selector says which token. Every attribute that is not empty must match exactly.
type Selector struct {
	Label, Serial, Manufacturer, Model                      string
	Slot                                                    *uint64
	SlotDescription, SlotManufacturer                       string
	LibraryDescription, LibraryManufacturer, LibraryVersion string
}

// Place is one slot with its token.
type Place struct {
	Slot     ck.Slot
	SlotInfo ck.SlotInfo
	Info     ck.TokenInfo
	Library  ck.Info
	Err      error // the slot did not say what is in it
}

// List describes every slot with a token. It lists the slots anew, which some modules need before they answer about one.
func List(ctx context.Context, m *module.Module) ([]Place, error) {
	return module.Call(ctx, m, func(c ck.Module) ([]Place, error) {
		library, err := c.Info()
		if err != nil {
			return nil, err
		}
		slots, err := c.SlotList()
		if err != nil {
			return nil, err
		}
		places := make([]Place, len(slots))
		for i, s := range slots {
			p := &places[i]
			p.Slot, p.Library = s, library
			if p.Info, p.Err = c.TokenInfo(s); p.Err == nil {
				p.SlotInfo, p.Err = c.SlotInfo(s)
			}
		}
		return places, nil
	})
}

// Find returns the one initialized token that matches. Two are an error that names both: picking the first would pick another key one day.
func Find(ctx context.Context, m *module.Module, s *Selector) (*Place, error) {
	places, err := List(ctx, m)
	if err != nil {
		return nil, err
	}
	var found []*Place
	var others []string
	var silent error
	for i := range places {
		p := &places[i]
		switch {
		case p.Err != nil:
			silent = p.Err
		case p.Info.Flags&ck.FlagTokenInitialized == 0:
		case s.matches(p):
			found = append(found, p)
		default:
			others = append(others, fmt.Sprintf("%q", p.Info.Label))
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		names := make([]string, len(found))
		for i, p := range found {
			names[i] = fmt.Sprintf("%q with serial %s", p.Info.Label, p.Info.Serial)
		}
		return nil, &Failure{Kind: KindTokenAmbiguous, Detail: fmt.Sprintf("%d tokens match %s: %s; select by serial", len(found), s, strings.Join(names, " and "))}
	case silent != nil:
		return nil, &Failure{Kind: KindUnavailable, Detail: fmt.Sprintf("no token matches %s and a slot did not answer", s), Err: silent}
	}
	const shown = 10
	present := "there are no initialized tokens"
	if n := len(others); n > shown {
		present = fmt.Sprintf("present are %s and %d more", strings.Join(others[:shown], ", "), n-shown)
	} else if n > 0 {
		present = "present are " + strings.Join(others, ", ")
	}
	return nil, &Failure{Kind: KindTokenNotFound, Detail: fmt.Sprintf("no token matches %s: %s", s, present)}
}

func (s *Selector) matches(p *Place) bool {
	for _, pair := range [...][2]string{
		{s.Label, p.Info.Label}, {s.Serial, p.Info.Serial}, {s.Manufacturer, p.Info.Manufacturer}, {s.Model, p.Info.Model},
		{s.SlotDescription, p.SlotInfo.Description}, {s.SlotManufacturer, p.SlotInfo.Manufacturer},
		{s.LibraryDescription, p.Library.Description}, {s.LibraryManufacturer, p.Library.Manufacturer},
	} {
		if pair[0] != "" && pair[0] != pair[1] {
			return false
		}
	}
	if s.Slot != nil && *s.Slot != uint64(p.Slot) {
		return false
	}
	if s.LibraryVersion != "" {
		major, minor, hasMinor := strings.Cut(s.LibraryVersion, ".")
		if major != strconv.Itoa(int(p.Library.VersionMajor)) || hasMinor && minor != strconv.Itoa(int(p.Library.VersionMinor)) {
			return false
		}
	}
	return true
}

// String lists what was asked for.
func (s *Selector) String() string {
	var parts []string
	for _, pair := range [...][2]string{
		{"label", s.Label}, {"serial", s.Serial}, {"manufacturer", s.Manufacturer}, {"model", s.Model}, {"slot-description", s.SlotDescription},
		{"slot-manufacturer", s.SlotManufacturer}, {"library-description", s.LibraryDescription},
		{"library-manufacturer", s.LibraryManufacturer}, {"library-version", s.LibraryVersion},
	} {
		if pair[1] != "" {
			parts = append(parts, fmt.Sprintf("%s %q", pair[0], pair[1]))
		}
	}
	if s.Slot != nil {
		parts = append(parts, fmt.Sprintf("slot-id %d", *s.Slot))
	}
	if len(parts) == 0 {
		return "any token"
	}
	return strings.Join(parts, ", ")
}
