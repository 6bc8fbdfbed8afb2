package uri_test

import (
	"fmt"

	"github.com/signetkeys/signet/keyring/pkcs11/uri"
)

func ExampleParse() {
	u, err := uri.Parse("pkcs11:id=%01;object=kek-2026;token=payments?pin-source=env:SIGNET_PIN&module-name=softhsm2")
	if err != nil {
		fmt.Println(err)
		return
	}
	object, _ := u.Lookup(uri.Object)
	fmt.Println(object)
	fmt.Println(u)
	fmt.Println(u.KeyName())

	_, err = uri.Parse("pkcs11:tokne=payments;object=kek-2026")
	fmt.Println(err)
	// Output:
	// kek-2026
	// pkcs11:token=payments;object=kek-2026;id=%01?module-name=softhsm2&pin-source=env:SIGNET_PIN
	// token=payments;object=kek-2026;id=%01
	// pkcs11 uri: at byte 7: attribute "tokne": unknown attribute, did you mean "token"?
}
