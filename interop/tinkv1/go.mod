module github.com/signetkeys/signet/interop/tinkv1

go 1.26.4

require (
	github.com/google/tink/go v1.7.0
	github.com/signetkeys/signet v0.0.0-00010101000000-000000000000
	github.com/tink-crypto/tink-go/v2 v2.9.0
)

require (
	github.com/cloudflare/circl v1.6.5 // indirect
	github.com/miekg/pkcs11 v1.1.2 // indirect
	golang.org/x/crypto v0.54.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
)

replace github.com/signetkeys/signet => ../..
