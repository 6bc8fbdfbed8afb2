package wire

import "encoding/binary"

// EDKLen is the length of one serialized encrypted data key entry in bytes.
func EDKLen(providerID string, info, ciphertext []byte) int {
	return 6 + len(providerID) + len(info) + len(ciphertext)
}

// AppendEDK appends one entry: provider id, provider information and ciphertext, each behind a u16 length. The caller has checked that
// none is longer than [MaxField].
func AppendEDK(dst []byte, providerID string, info, ciphertext []byte) []byte {
	dst = appendString(dst, providerID)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(info)))
	dst = append(dst, info...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(ciphertext)))
	return append(dst, ciphertext...)
}

// EDK reads one entry; the results are views of the input.
func (r *Reader) EDK() (providerID, info, ciphertext []byte) {
	return r.Field(), r.Field(), r.Field()
}

// Raw AES provider information: key name, u32 tag length in bits (128), u32 IV length (12), IV (formats: ESDK spec,
// framework/raw-aes-keyring). The same layout serves keys in process and keys in an HSM.
const (
	aesInfoSuffix = 4 + 4 + AESIVLen
	// AESIVLen is the IV length of a wrapped key in bytes.
	AESIVLen = 12
	// AESTagLen is the tag length of a wrapped key in bytes.
	AESTagLen = 16
	// MaxAESName is the longest key name whose provider information still fits its length field, in bytes.
	MaxAESName = MaxField - aesInfoSuffix
)

// AESInfoLen is the length of the provider information for a key name in bytes.
func AESInfoLen(name string) int { return len(name) + aesInfoSuffix }

// AppendAESInfo appends the provider information of a key wrapped under iv, which must have [AESIVLen] bytes.
func AppendAESInfo(dst []byte, name string, iv []byte) []byte {
	dst = append(dst, name...)
	dst = binary.BigEndian.AppendUint32(dst, AESTagLen*8)
	dst = binary.BigEndian.AppendUint32(dst, AESIVLen)
	return append(dst, iv...)
}

// ParseAESInfo returns the IV, a view of info, when info is that of the key called name. A longer name of which name is a prefix does
// not match. When it is not, reason says why.
func ParseAESInfo(info []byte, name string) (iv []byte, reason string) {
	if len(info) != AESInfoLen(name) || string(info[:len(name)]) != name {
		return nil, "key name differs"
	}
	tail := info[len(name):]
	if binary.BigEndian.Uint32(tail) != AESTagLen*8 {
		return nil, "tag length is not 128 bits"
	}
	if binary.BigEndian.Uint32(tail[4:]) != AESIVLen {
		return nil, "IV length is not 12"
	}
	return tail[8:], ""
}

// AESKeyName returns the key name within provider information of the raw AES layout, for people to read, or false when info has another
// layout.
func AESKeyName(info []byte) (string, bool) {
	n := len(info) - aesInfoSuffix
	if n < 0 {
		return "", false
	}
	if _, reason := ParseAESInfo(info, string(info[:n])); reason != "" {
		return "", false
	}
	return string(info[:n]), true
}
