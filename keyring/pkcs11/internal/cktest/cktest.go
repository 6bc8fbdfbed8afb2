// Package cktest is a PKCS#11 module in memory for tests of what cannot be provoked on a real one: hangs, session limits, device errors at a chosen
// moment. It does the real AES-GCM and RSA-OAEP and answers with the real return values.
package cktest

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // the hashes of OAEP
	_ "crypto/sha256"
	_ "crypto/sha512"
	"math/big"
	"slices"
	"sync"

	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
)

// Module is a module with one token in slot 7.
type Module struct {
	// Hook runs before every call, outside the lock. An error is the call's result; a hook that blocks is a module that hangs.
	Hook func(function string, h ck.Session) error

	mu          sync.Mutex
	Token       ck.TokenInfo
	PIN         string
	Params      string    // of the last initialization
	Hashes      []ck.Hash // that RSA-OAEP works with; others are CKR_MECHANISM_PARAM_INVALID. Nil means all
	MaxOpen     int       // sessions, 0 for no limit
	Calls       map[string]int
	initialized bool
	loggedIn    bool
	next        ck.Session
	sessions    map[ck.Session]bool
	objects     map[ck.Object]map[uint][]byte
	rsaKeys     map[ck.Object]*rsa.PrivateKey
	nextObject  ck.Object
	peak        int
}

var _ ck.Module = (*Module)(nil)

// Slot is the slot of the token.
const Slot ck.Slot = 7

// New makes a module whose token is called label and wants pin.
func New(label, pin string) *Module {
	return &Module{
		Token: ck.TokenInfo{Label: label, Serial: "0001", Manufacturer: "cktest", Model: "memory",
			Flags: ck.FlagRNG | ck.FlagLoginRequired | ck.FlagTokenInitialized | ck.FlagUserPINInitialized},
		PIN: pin, Calls: make(map[string]int), sessions: make(map[ck.Session]bool), objects: make(map[ck.Object]map[uint][]byte),
		rsaKeys: make(map[ck.Object]*rsa.PrivateKey),
	}
}

// AddKey puts an AES key on the token.
func (m *Module) AddKey(label string, key []byte) ck.Object {
	return m.addObject([]ck.Attribute{
		ck.Ulong(ck.AClass, ck.ClassSecretKey), ck.Ulong(ck.AKeyType, ck.KeyTypeAES), ck.Ulong(ck.AValueLen, uint(len(key))),
		ck.String(ck.ALabel, label), ck.String(ck.AID, "\x01"), ck.Bool(ck.AToken, true), ck.Bool(ck.APrivate, true),
		ck.Bool(ck.ASensitive, true), ck.Bool(ck.AExtractable, false), ck.Bool(ck.AEncrypt, true), ck.Bool(ck.ADecrypt, true),
		ck.String(ck.AValue, string(key)),
	})
}

// AddRSA puts both halves of an RSA pair on the token, the public one readable without a login.
func (m *Module) AddRSA(label string, key *rsa.PrivateKey) (public, private ck.Object) {
	common := []ck.Attribute{
		ck.Ulong(ck.AKeyType, ck.KeyTypeRSA), ck.String(ck.ALabel, label), ck.String(ck.AID, "\x01"), ck.Bool(ck.AToken, true),
		ck.String(ck.AModulus, string(key.N.Bytes())), ck.String(ck.APublicExponent, string(big.NewInt(int64(key.E)).Bytes())),
	}
	public = m.addObject(append(slices.Clone(common), ck.Ulong(ck.AClass, ck.ClassPublicKey), ck.Bool(ck.APrivate, false), ck.Bool(ck.AEncrypt, true)))
	private = m.addObject(append(slices.Clone(common), ck.Ulong(ck.AClass, ck.ClassPrivateKey), ck.Bool(ck.APrivate, true), ck.Bool(ck.ADecrypt, true),
		ck.Bool(ck.ASensitive, true), ck.Bool(ck.AExtractable, false)))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rsaKeys[private] = key
	return public, private
}

func (m *Module) addObject(attrs []ck.Attribute) ck.Object {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.nextObject++
	o := map[uint][]byte{}
	for _, a := range attrs {
		o[a.Type] = a.Value
	}
	m.objects[m.nextObject] = o
	return m.nextObject
}

// Set changes an attribute behind the module's back; a nil value removes it.
func (m *Module) Set(o ck.Object, typ uint, value []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if value == nil {
		delete(m.objects[o], typ)
		return
	}
	m.objects[o][typ] = value
}

// Remove takes an object away, as another process would.
func (m *Module) Remove(o ck.Object) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.objects, o)
}

// Count returns how often a function was called, and Open and Peak how many sessions are and at most were open.
func (m *Module) Count(function string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.Calls[function]
}

// Open: see Count.
func (m *Module) Open() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.sessions)
}

// Peak: see Count.
func (m *Module) Peak() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.peak
}

func fail(function string, code uint) error { return &ck.Error{Func: function, Code: code} }

// enter counts the call and runs the hook. On success the lock is held.
func (m *Module) enter(function string, h ck.Session) error {
	m.mu.Lock()
	m.Calls[function]++
	hook := m.Hook
	m.mu.Unlock()
	if hook != nil {
		if err := hook(function, h); err != nil {
			return err
		}
	}
	m.mu.Lock()
	if !m.initialized && function != "C_Initialize" {
		m.mu.Unlock()
		return fail(function, ck.RCryptokiNotInitialized)
	}
	return nil
}

func (m *Module) enterSession(function string, h ck.Session) error {
	if err := m.enter(function, h); err != nil {
		return err
	}
	if !m.sessions[h] {
		m.mu.Unlock()
		return fail(function, ck.RSessionHandleInvalid)
	}
	return nil
}

func (m *Module) Initialize(params string) error {
	if err := m.enter("C_Initialize", 0); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if m.initialized {
		return fail("C_Initialize", ck.RCryptokiAlreadyInitialized)
	}
	m.initialized, m.Params = true, params
	return nil
}

func (m *Module) Finalize() error {
	if err := m.enter("C_Finalize", 0); err != nil {
		return err
	}
	defer m.mu.Unlock()
	m.initialized, m.loggedIn = false, false
	clear(m.sessions)
	return nil
}

func (m *Module) Info() (ck.Info, error) {
	if err := m.enter("C_GetInfo", 0); err != nil {
		return ck.Info{}, err
	}
	defer m.mu.Unlock()
	return ck.Info{Manufacturer: "cktest", Description: "memory", VersionMajor: 2, VersionMinor: 6}, nil
}

func (m *Module) SlotList() ([]ck.Slot, error) {
	if err := m.enter("C_GetSlotList", 0); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return []ck.Slot{Slot}, nil
}

func (m *Module) SlotInfo(ck.Slot) (ck.SlotInfo, error) {
	if err := m.enter("C_GetSlotInfo", 0); err != nil {
		return ck.SlotInfo{}, err
	}
	defer m.mu.Unlock()
	return ck.SlotInfo{Description: "slot", Manufacturer: "cktest"}, nil
}

func (m *Module) TokenInfo(ck.Slot) (ck.TokenInfo, error) {
	if err := m.enter("C_GetTokenInfo", 0); err != nil {
		return ck.TokenInfo{}, err
	}
	defer m.mu.Unlock()
	return m.Token, nil
}

func (m *Module) Mechanisms(ck.Slot) ([]uint, error) {
	if err := m.enter("C_GetMechanismList", 0); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return []uint{ck.MechanismAESGCM}, nil
}

func (m *Module) MechanismInfo(_ ck.Slot, mechanism uint) (ck.MechanismInfo, error) {
	if err := m.enter("C_GetMechanismInfo", 0); err != nil {
		return ck.MechanismInfo{}, err
	}
	defer m.mu.Unlock()
	if mechanism != ck.MechanismAESGCM {
		return ck.MechanismInfo{}, fail("C_GetMechanismInfo", ck.RMechanismInvalid)
	}
	return ck.MechanismInfo{MinKey: 16, MaxKey: 32, Flags: ck.FlagMechanismEncrypt | ck.FlagMechanismDecrypt}, nil
}

func (m *Module) OpenSession(ck.Slot, bool) (ck.Session, error) {
	if err := m.enter("C_OpenSession", 0); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	if m.MaxOpen > 0 && len(m.sessions) >= m.MaxOpen {
		return 0, fail("C_OpenSession", ck.RSessionCount)
	}
	m.next++
	m.sessions[m.next] = true
	m.peak = max(m.peak, len(m.sessions))
	return m.next, nil
}

func (m *Module) CloseSession(h ck.Session) error {
	if err := m.enterSession("C_CloseSession", h); err != nil {
		return err
	}
	defer m.mu.Unlock()
	delete(m.sessions, h)
	if len(m.sessions) == 0 {
		m.loggedIn = false
	}
	return nil
}

func (m *Module) SessionState(h ck.Session) (uint, error) {
	if err := m.enterSession("C_GetSessionInfo", h); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	if m.loggedIn {
		return ck.StateROUser, nil
	}
	return 0, nil
}

func (m *Module) Login(h ck.Session, user uint, pin []byte) error {
	if err := m.enterSession("C_Login", h); err != nil {
		return err
	}
	defer m.mu.Unlock()
	switch {
	case m.loggedIn:
		return fail("C_Login", ck.RUserAlreadyLoggedIn)
	case user != ck.User || string(pin) != m.PIN:
		m.Token.Flags |= ck.FlagUserPINCountLow
		return fail("C_Login", ck.RPINIncorrect)
	}
	m.Token.Flags &^= ck.FlagUserPINCountLow
	m.loggedIn = true
	return nil
}

func (m *Module) InitToken(ck.Slot, []byte, string) error {
	return fail("C_InitToken", ck.RFunctionNotSupported)
}
func (m *Module) InitPIN(ck.Session, []byte) error {
	return fail("C_InitPIN", ck.RFunctionNotSupported)
}

func (m *Module) FindObjects(h ck.Session, template []ck.Attribute, limit int) ([]ck.Object, error) {
	if err := m.enterSession("C_FindObjectsInit", h); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	var found []ck.Object
	for o := ck.Object(1); o <= m.nextObject && len(found) < limit; o++ {
		if attrs, ok := m.objects[o]; ok && (m.loggedIn || isPublic(attrs)) && matches(attrs, template) {
			found = append(found, o)
		}
	}
	return found, nil
}

func isPublic(attrs map[uint][]byte) bool {
	private, told := ck.AsBool(attrs[ck.APrivate])
	return told && !private
}

func matches(attrs map[uint][]byte, template []ck.Attribute) bool {
	for _, a := range template {
		if v, ok := attrs[a.Type]; !ok || string(v) != string(a.Value) {
			return false
		}
	}
	return true
}

func (m *Module) Attribute(h ck.Session, o ck.Object, typ uint) ([]byte, error) {
	const function = "C_GetAttributeValue"
	if err := m.enterSession(function, h); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	attrs, ok := m.objects[o]
	switch {
	case !ok:
		return nil, fail(function, ck.RObjectHandleInvalid)
	case typ == ck.AValue:
		return nil, fail(function, ck.RAttributeSensitive)
	}
	v, ok := attrs[typ]
	if !ok {
		return nil, fail(function, ck.RAttributeTypeInvalid)
	}
	return append([]byte(nil), v...), nil
}

func (m *Module) CreateObject(ck.Session, []ck.Attribute) (ck.Object, error) {
	return 0, fail("C_CreateObject", ck.RFunctionNotSupported)
}

func (m *Module) DestroyObject(h ck.Session, o ck.Object) error {
	if err := m.enterSession("C_DestroyObject", h); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if _, ok := m.objects[o]; !ok {
		return fail("C_DestroyObject", ck.RObjectHandleInvalid)
	}
	delete(m.objects, o)
	return nil
}

func (m *Module) GenerateKey(ck.Session, uint, []ck.Attribute) (ck.Object, error) {
	return 0, fail("C_GenerateKey", ck.RFunctionNotSupported)
}

func (m *Module) GenerateKeyPair(ck.Session, uint, []ck.Attribute, []ck.Attribute) (ck.Object, ck.Object, error) {
	return 0, 0, fail("C_GenerateKeyPair", ck.RFunctionNotSupported)
}

func (m *Module) aead(function string, h ck.Session, key ck.Object) (cipher.AEAD, error) {
	if err := m.enterSession(function, h); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	attrs, ok := m.objects[key]
	if !ok || !m.loggedIn {
		return nil, fail(function, ck.RObjectHandleInvalid)
	}
	b, err := aes.NewCipher(attrs[ck.AValue])
	if err != nil {
		return nil, fail(function, ck.RKeySizeRange)
	}
	return cipher.NewGCM(b)
}

func (m *Module) Encrypt(h ck.Session, key ck.Object, g *ck.GCM, dst, src []byte) (int, error) {
	a, err := m.aead("C_Encrypt", h, key)
	if err != nil {
		return 0, err
	}
	if len(dst) < len(src)+16 {
		return 0, fail("C_Encrypt", ck.RBufferTooSmall)
	}
	return copy(dst, a.Seal(nil, g.IV[:], src, g.AAD)), nil
}

func (m *Module) Decrypt(h ck.Session, key ck.Object, g *ck.GCM, dst, src []byte) (int, error) {
	a, err := m.aead("C_Decrypt", h, key)
	if err != nil {
		return 0, err
	}
	p, err := a.Open(nil, g.IV[:], src, g.AAD)
	if err != nil {
		return 0, fail("C_Decrypt", ck.RGeneralError)
	}
	if len(dst) < len(src) {
		return 0, fail("C_Decrypt", ck.RBufferTooSmall)
	}
	return copy(dst, p), nil
}

func (m *Module) DecryptOAEP(h ck.Session, key ck.Object, hash ck.Hash, dst, src []byte) (int, error) {
	if err := m.enterSession("C_DecryptInit", h); err != nil {
		return 0, err
	}
	priv, loggedIn := m.rsaKeys[key], m.loggedIn
	_, exists := m.objects[key]
	known := m.Hashes == nil || slices.Contains(m.Hashes, hash)
	m.mu.Unlock()
	switch {
	case priv == nil || !exists || !loggedIn:
		return 0, fail("C_DecryptInit", ck.RKeyHandleInvalid)
	case !known:
		return 0, fail("C_DecryptInit", ck.RMechanismParamInvalid)
	}
	if err := m.enterSession("C_Decrypt", h); err != nil {
		return 0, err
	}
	m.mu.Unlock()
	f := map[ck.Hash]crypto.Hash{ck.SHA1: crypto.SHA1, ck.SHA256: crypto.SHA256, ck.SHA384: crypto.SHA384, ck.SHA512: crypto.SHA512}[hash]
	p, err := rsa.DecryptOAEP(f.New(), nil, priv, src, nil)
	if err != nil {
		return 0, fail("C_Decrypt", ck.REncryptedDataInvalid)
	}
	return copy(dst, p), nil
}

func (m *Module) GenerateRandom(h ck.Session, dst []byte) error {
	if err := m.enterSession("C_GenerateRandom", h); err != nil {
		return err
	}
	defer m.mu.Unlock()
	rand.Read(dst)
	return nil
}
