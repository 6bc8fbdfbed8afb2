// Package ck is the part of the PKCS#11 API that signet uses, as an interface with its own types, so that the binding underneath can be
// exchanged. It adds no policy: which session, which lock and which retry is the business of the packages module and token.
//
// Nothing here unloads a module or closes sessions that are not the caller's. C_Logout, C_CloseAllSessions and dlclose are missing on purpose: each
// of them acts on the whole process, on sessions and logins of other code too.
package ck

// Session, Object and Slot are handles that the module gave out. They are meaningless after C_Finalize, and an Object also after its
// login ended: the same number may then name another key.
type (
	Session uint
	Object  uint
	Slot    uint
)

// Module is one loaded PKCS#11 library. Its methods call the C function of the same name and return *[Error] for every return value but
// CKR_OK. They may be called concurrently once Initialize succeeded, except that one Session serves one call at a time: two at once crash
// some modules. Slices are neither kept nor changed, except those that are documented as destinations.
type Module interface {
	// Initialize asks for the operating system's locks (CKF_OS_LOCKING_OK). params is the library parameter string of modules that want one,
	// such as NSS; "" passes none.
	Initialize(params string) error
	Finalize() error
	Info() (Info, error)
	// SlotList returns the slots with a token in them.
	SlotList() ([]Slot, error)
	SlotInfo(s Slot) (SlotInfo, error)
	TokenInfo(s Slot) (TokenInfo, error)
	// Mechanisms lists what the slot offers. SoftHSM leaves out here what its configuration forbids, and not in C_GetMechanismInfo.
	Mechanisms(s Slot) ([]uint, error)
	// MechanismInfo returns the error CKR_MECHANISM_INVALID for what the slot does not know.
	MechanismInfo(s Slot, mechanism uint) (MechanismInfo, error)

	OpenSession(s Slot, readWrite bool) (Session, error)
	CloseSession(h Session) error
	SessionState(h Session) (uint, error)
	Login(h Session, user uint, pin []byte) error
	InitToken(s Slot, soPIN []byte, label string) error
	InitPIN(h Session, pin []byte) error

	// FindObjects returns at most limit objects that match every attribute.
	FindObjects(h Session, template []Attribute, limit int) ([]Object, error)
	// Attribute reads one attribute. One that is sensitive or absent is an error, CKR_ATTRIBUTE_SENSITIVE or CKR_ATTRIBUTE_TYPE_INVALID.
	Attribute(h Session, o Object, typ uint) ([]byte, error)
	CreateObject(h Session, template []Attribute) (Object, error)
	DestroyObject(h Session, o Object) error
	GenerateKey(h Session, mechanism uint, template []Attribute) (Object, error)
	GenerateKeyPair(h Session, mechanism uint, public, private []Attribute) (publicKey, privateKey Object, err error)

	// Encrypt seals src with AES-GCM into dst and returns the length. dst must have room for the result, len(src)+16; it does not overlap
	// src. A module that insists on an IV of its own writes it into g.IV.
	Encrypt(h Session, key Object, g *GCM, dst, src []byte) (int, error)
	// Decrypt opens src into dst, which must have room for len(src) bytes: some modules want more than the plaintext takes.
	Decrypt(h Session, key Object, g *GCM, dst, src []byte) (int, error)
	// DecryptOAEP opens src with RSA-OAEP and an empty label into dst, which must have room for len(src) bytes. src has the modulus' length.
	DecryptOAEP(h Session, key Object, hash Hash, dst, src []byte) (int, error)
	// GenerateRandom fills dst.
	GenerateRandom(h Session, dst []byte) error
}

// GCM are the parameters of CKM_AES_GCM with a tag of 128 bits.
type GCM struct {
	IV  *[12]byte
	AAD []byte
}

// Hash is the hash of RSA-OAEP and of its MGF1: a mechanism number.
type Hash uint

// The hashes that data keys are wrapped with.
const (
	SHA1   Hash = 0x220
	SHA256 Hash = 0x250
	SHA384 Hash = 0x260
	SHA512 Hash = 0x270
)

// mgf is the CK_RSA_PKCS_MGF_TYPE with the same hash, 0 for an unknown one.
func (h Hash) mgf() uint {
	switch h {
	case SHA1:
		return 1
	case SHA256:
		return 2
	case SHA384:
		return 3
	case SHA512:
		return 4
	}
	return 0
}

// MaxInput is the longest src and AAD of Encrypt and Decrypt; a longer one is CKR_ARGUMENTS_BAD without a call of the module.
const MaxInput = 1 << 20

// Info describes a library. Text is without its padding.
type Info struct {
	Manufacturer, Description  string
	VersionMajor, VersionMinor byte
}

// SlotInfo describes a slot.
type SlotInfo struct{ Description, Manufacturer string }

// TokenInfo describes a token. Counts of ^0 are unknown and MaxSessions of 0 is unlimited.
type TokenInfo struct {
	Label, Manufacturer, Model, Serial string
	Flags                              uint
	MaxSessions                        uint
}

// MechanismInfo describes a mechanism of a slot.
type MechanismInfo struct{ MinKey, MaxKey, Flags uint }

// Attribute is one attribute of an object or a search. Value is in the module's representation.
type Attribute struct {
	Type  uint
	Value []byte
}

// Attribute types, object classes and other numbers of the standard, as far as signet uses them.
const (
	AClass             uint = 0x000
	AToken             uint = 0x001
	APrivate           uint = 0x002
	ALabel             uint = 0x003
	AValue             uint = 0x011
	AKeyType           uint = 0x100
	AID                uint = 0x102
	ASensitive         uint = 0x103
	AEncrypt           uint = 0x104
	ADecrypt           uint = 0x105
	AWrap              uint = 0x106
	AUnwrap            uint = 0x107
	ASign              uint = 0x108
	AVerify            uint = 0x10A
	ADerive            uint = 0x10C
	AModulus           uint = 0x120
	AModulusBits       uint = 0x121
	APublicExponent    uint = 0x122
	APrivateExponent   uint = 0x123
	APrime1            uint = 0x124
	APrime2            uint = 0x125
	AExponent1         uint = 0x126
	AExponent2         uint = 0x127
	ACoefficient       uint = 0x128
	AValueLen          uint = 0x161
	AExtractable       uint = 0x162
	AModifiable        uint = 0x170
	AAlwaysAuth        uint = 0x202
	AAllowedMechanisms uint = 0x40000600

	ClassCertificate uint = 1
	ClassPublicKey   uint = 2
	ClassPrivateKey  uint = 3
	ClassSecretKey   uint = 4
	KeyTypeRSA       uint = 0x00
	KeyTypeAES       uint = 0x1F

	MechanismRSAKeyGen uint = 0x0000
	MechanismRSAOAEP   uint = 0x0009
	MechanismAESKeyGen uint = 0x1080
	MechanismAESGCM    uint = 0x1087

	UserSO uint = 0
	User   uint = 1

	// States of C_GetSessionInfo in which the normal user is logged in.
	StateROUser uint = 1
	StateRWUser uint = 3

	FlagRNG                 uint = 1 << 0
	FlagLoginRequired       uint = 1 << 2
	FlagUserPINInitialized  uint = 1 << 3
	FlagProtectedAuthPath   uint = 1 << 8
	FlagTokenInitialized    uint = 1 << 10
	FlagUserPINCountLow     uint = 1 << 16
	FlagUserPINFinalTry     uint = 1 << 17
	FlagUserPINLocked       uint = 1 << 18
	FlagMechanismEncrypt    uint = 1 << 8
	FlagMechanismDecrypt    uint = 1 << 9
	unavailableInformation  uint = ^uint(0)
	largestBelievableNumber uint = 1 << 31
)

// SessionLimit returns how many sessions the token allows, or 0 for no limit. Modules write "unlimited" as 0, as ^0 and as other huge numbers.
func (t *TokenInfo) SessionLimit() int {
	if t.MaxSessions == unavailableInformation || t.MaxSessions >= largestBelievableNumber {
		return 0
	}
	return int(t.MaxSessions)
}
