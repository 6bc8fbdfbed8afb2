package envvar_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/signetkeys/signet/config"
	"github.com/signetkeys/signet/config/all"
	"github.com/signetkeys/signet/envvar"
	"github.com/signetkeys/signet/keyring"
)

// An AWS Lambda function, or any other program: the keyring is named by SIGNET_KEYRING, and DB_PASSWORD is encrypted. It is opened once, before
// the first event, and not for each.
func ExampleLoad() {
	ctx := context.Background()
	os.Setenv("SIGNET_KEYRING", "raw-aes:example/kek?key-env=KEK") // in AWS: awskms:///arn:aws:kms:...
	os.Setenv("KEK", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	os.Setenv("AWS_LAMBDA_FUNCTION_NAME", "billing") // the runtime does
	os.Setenv("DB_PASSWORD", encrypted)              // signet env encrypt -c LambdaFunctionName=billing DB_PASSWORD

	k, err := all.Mux().OpenToDecrypt(ctx, []string{os.Getenv("SIGNET_KEYRING")}, config.System())
	if err != nil {
		log.Fatal(err)
	}
	secrets, err := envvar.Load(ctx, k, os.Environ(), &envvar.Options{
		Context: keyring.EncryptionContext{envvar.LambdaFunctionName: os.Getenv("AWS_LAMBDA_FUNCTION_NAME")},
		Require: []string{"DB_PASSWORD"},
	})
	k.Close()
	if err != nil {
		log.Fatal(err)
	}
	handler := func() { // lambda.Start(handler)
		password, _ := secrets.Lookup("DB_PASSWORD")
		fmt.Println("connecting with", len(password), "characters;", secrets)
	}
	handler()
	// Output: connecting with 17 characters; [values of variables]
}

// Made by "signet env encrypt" with the context pair and the key of the example.
const encrypted = "signet:AgR4mwc08hkZpzkIdcMsliItA0+zkXa/xiGKyxiVmI45Tq4ANgACABJMYW1iZGFGdW5jdGlvbk5hbWUAB2JpbGxpbmcACHZhcmlhYmxlAAtEQl9QQ" +
	"VNTV09SRAABAAdleGFtcGxlABdrZWsAAACAAAAADJqYwKJfayCLEebP9QAwMdBoD8k5ZambymF/SiooRl1fxYHExPy78RwCAcx0m/0LKBuFuSAOAk0wuVsqs" +
	"RciAgAAEAChsFayrATfz/HzII05WXmGkityneXM/vfS2zdRppifwtDbhvsFqa7epNGdBzwtl3z/////AAAAAQAAAAAAAAAAAAAAAQAAABElTTuVe9qoaxgap" +
	"ax4hCjcznED0x4wkt1zf1XZ46uLkww="
