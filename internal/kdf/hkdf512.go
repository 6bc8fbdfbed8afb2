package kdf

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha512"
)

// ExtractSHA512 sets prk to HKDF-Extract (RFC 5869, 2.2) of ikm with salt and SHA-512. An empty salt stands for 64 zeros. prk may
// overlap the inputs. The caller clears prk when done. The only error is an ikm shorter than 14 bytes under GODEBUG=fips140=only,
// [signet.ErrUnsupported].
func ExtractSHA512(prk *[sha512.Size]byte, salt, ikm []byte) error {
	if fast() {
		extractFast(prk, salt, ikm)
		return nil
	}
	return extractStd(prk, salt, ikm)
}

func extractFast(prk *[sha512.Size]byte, salt, ikm []byte) {
	macFast(prk, salt, nil, ikm)
}

func extractStd(prk *[sha512.Size]byte, salt, ikm []byte) error {
	secret := private(ikm)
	defer clear(secret)
	out, err := hkdf.Extract(sha512.New, secret, private(salt))
	if err != nil {
		return stdError(err)
	}
	copy(prk[:], out)
	clear(out)
	return nil
}

// ExpandSHA512 fills out with HKDF-Expand (RFC 5869, 2.3) of prk with SHA-512 and the concatenated info parts. Up to 64 bytes of
// output cost no allocation. out may have at most 255·64 bytes; more is [signet.ErrLimit] and leaves out as it was.
func ExpandSHA512(out []byte, prk *[sha512.Size]byte, info ...[]byte) error {
	if err := checkLength(len(out), sha512.Size); err != nil {
		return err
	}
	if fast() && len(out) <= sha512.Size {
		expandFast(out, prk, info)
		return nil
	}
	return expandStd(out, prk, info)
}

// expandFast needs len(out) <= 64: one block, T(1) = HMAC(prk, info ‖ 01).
func expandFast(out []byte, prk *[sha512.Size]byte, info [][]byte) {
	var t [sha512.Size]byte
	macFast(&t, prk[:], info, []byte{1})
	copy(out, t[:])
	clear(t[:])
}

func expandStd(out []byte, prk *[sha512.Size]byte, info [][]byte) error {
	key := private(prk[:])
	defer clear(key)
	okm, err := hkdf.Expand(sha512.New, key, string(bytes.Join(info, nil)), len(out))
	if err != nil {
		return stdError(err)
	}
	copy(out, okm)
	clear(okm)
	return nil
}
