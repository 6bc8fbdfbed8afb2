package pkcs11

import (
	"errors"
	"testing"

	"github.com/signetkeys/signet"
	"github.com/signetkeys/signet/keyring/pkcs11/internal/ck"
)

// A token without a user PIN is one that SoftHSM is perhaps still making, and one that needs its officer elsewhere.
func TestUserPINNotInitialized(t *testing.T) {
	call := &ck.Error{Func: "C_Login", Code: ck.RUserPINNotInitialized}
	for module, want := range map[string][2]error{
		"/usr/lib/softhsm/libsofthsm2.so": {ErrDeviceUnavailable, signet.ErrUnavailable},
		"/opt/vendor/libpkcs11.so":        {ErrPINRequired, signet.ErrAccessDenied},
	} {
		err := place{module: module}.fail("open token", call)
		if !errors.Is(err, want[0]) || !errors.Is(err, want[1]) {
			t.Errorf("%s: got %v, want %v", module, err, want[0])
		}
	}
}
