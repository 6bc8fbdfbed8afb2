package uritext

import "testing"

func TestIsVariable(t *testing.T) {
	for name, want := range map[string]bool{
		"": false, "A": true, "_": true, "SIGNET_PIN2": true, "a_b": true, "1A": false, "1234": false, "A-B": false, "A B": false, "AAECAw==": false, "Ä": false,
	} {
		if got := IsVariable(name); got != want {
			t.Errorf("%q: got %t, want %t", name, got, want)
		}
	}
}

func TestEmbedded(t *testing.T) {
	for _, c := range []struct {
		value string
		want  int
	}{
		{"", -1},
		{"kek", -1},
		{"a=b", -1},
		{"d&e", -1},
		{"a=b&c", -1},
		{"CN=kek,O=bank", -1},
		{"pin-value=1", -1}, // nothing is in front of it
		{"kek&pin-value=1", 4},
		{"kek&module-name=softhsm2", 4},
		{"kek&anything at all=1", 4},
		{"kek&=1", 4},
		{"kek&a%20b=1", 4},
		{"kek&a&b=1", 6},
		{"kek,pin-value=1", 4},
		{"kek:PIN=1", 4},
		{"kek|user_pin=1", 4},
		{"kek+secret=1", 4},
		{"kek=pin=1", 4},
		{"spin=1", -1},
		{"a,spin=1", -1},
		{"kek%26pin-value=1", -1},
		{"kek&pin-value%3D1", -1},
		{"kek%2Cpin=1", -1},
		{"kek%", -1},
	} {
		if got := Embedded(c.value, "&"); got != c.want {
			t.Errorf("%s: got %d, want %d", c.value, got, c.want)
		}
		if e := Escape(c.value, "&"); Embedded(e, "&") >= 0 || (e == c.value) != (c.want < 0) {
			t.Errorf("%s: escaped to %s", c.value, e)
		}
	}
}
