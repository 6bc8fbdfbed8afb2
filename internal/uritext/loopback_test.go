package uritext

import "testing"

func TestLoopback(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"": false, "http://127.0.0.1:8000": true, "http://localhost:8000": true, "http://LOCALHOST": true, "http://localhost.": true, "http://kms.localhost:1": true,
		"http://[::1]:8000": true, "http://[::ffff:127.0.0.1]": true, "https://127.1.2.3": true, "http://0.0.0.0:1": true, "http://[::]:1": true,
		"https://kms.eu-west-1.amazonaws.com": false, "http://127.0.0.1.example.com": false, "http://localhost.example.com": false, "http://notlocalhost": false,
		"http://10.0.0.1:8000": false, "127.0.0.1:8000": false, "http://%zz": false,
	} {
		if got := Loopback(endpoint); got != want {
			t.Errorf("%s: got %t, want %t", endpoint, got, want)
		}
	}
}
