package wire

import (
	"encoding/binary"
	"fmt"
)

// The layout of ECDH keyrings (ESDK spec, framework/raw-ecdh-keyring and aws-kms-ecdh-keyring, as the implementations have it). Keys in the
// process and keys in KMS share it; points are compressed.
//
//	provider information: 01 ‖ u32 length ‖ recipient ‖ u32 length ‖ sender
//	ciphertext:           salt 32 ‖ commitment 32 ‖ wrapped key ‖ tag 16
//	fixed information:    "ecdh-key-derivation" 00 curve 00 "HMAC_SHA384" 00 sender ‖ recipient 00 01 00 ‖ canonical encryption context
const (
	// ECDHSaltLen is the length of the KDF's salt in bytes.
	ECDHSaltLen = 32
	// ECDHCommitmentLen is the length of the commitment to the wrapping key in bytes.
	ECDHCommitmentLen = 32
	// ECDHPrefixLen is the length of what precedes the wrapped key in bytes.
	ECDHPrefixLen = ECDHSaltLen + ECDHCommitmentLen

	ecdhInfoVersion = 1
)

// ECDHInfoLen is the length of the provider information for compressed points of pointLen bytes.
func ECDHInfoLen(pointLen int) int { return 1 + 2*(4+pointLen) }

// AppendECDHInfo appends the provider information of two points, which have the same length.
func AppendECDHInfo(dst, recipient, sender []byte) []byte {
	dst = append(dst, ecdhInfoVersion)
	for _, point := range [...][]byte{recipient, sender} {
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(point)))
		dst = append(dst, point...)
	}
	return dst
}

// ParseECDHInfo returns the points, views of info, when info is that of points of pointLen bytes. When it is not, reason says why. Whether the
// points are on the curve is not checked.
func ParseECDHInfo(info []byte, pointLen int) (recipient, sender []byte, reason string) {
	if want := ECDHInfoLen(pointLen); len(info) != want {
		return nil, nil, fmt.Sprintf("provider information has %d bytes instead of the %d of this curve", len(info), want)
	}
	if info[0] != ecdhInfoVersion {
		return nil, nil, fmt.Sprintf("provider information of version %d", info[0])
	}
	second := 1 + 4 + pointLen
	if n := uint32(pointLen); binary.BigEndian.Uint32(info[1:]) != n || binary.BigEndian.Uint32(info[second:]) != n {
		return nil, nil, "public keys are not of this curve"
	}
	return info[5:second:second], info[second+4:], ""
}

// AppendECDHFixedInfo appends the fixed information, which is the KDF's label and the AAD of the wrapped key. The curve is "p256", "p384" or
// "p521"; aad is the canonical encryption context.
func AppendECDHFixedInfo(dst []byte, curve string, sender, recipient, aad []byte) []byte {
	dst = append(dst, "ecdh-key-derivation\x00"...)
	dst = append(dst, curve...)
	dst = append(dst, "\x00HMAC_SHA384\x00"...)
	dst = append(dst, sender...)
	dst = append(dst, recipient...)
	dst = append(dst, 0, ecdhInfoVersion, 0)
	return append(dst, aad...)
}
