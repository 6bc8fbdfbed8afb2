package attr

import (
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/signetkeys/signet"
)

func TestNormalizeNumber(t *testing.T) {
	zeros := func(n int) string { return strings.Repeat("0", n) }
	nines := strings.Repeat("9", 38)
	for _, tt := range []struct{ in, want string }{
		// The table of the structured format, section 5.2.
		{".5", "0.5"}, {"5.", "5"}, {"+7", "7"}, {"00012", "12"},
		{"1e125", "1" + zeros(125)}, {"1e-130", "0." + zeros(129) + "1"},
		{nines, nines}, {"0e999", "0"}, {"-0.0", "0"}, {"1E+2", "100"}, {"12.3400", "12.34"},
		{"1" + zeros(41), "1" + zeros(41)},
		// The edges around it.
		{"0", "0"}, {"-0", "0"}, {"+0", "0"}, {".0", "0"}, {"0.", "0"}, {"0e-999", "0"}, {"0e99999999999999999999999999", "0"},
		{"-" + nines, "-" + nines}, {"9." + nines[1:] + "e125", nines + zeros(88)}, {"-1e-130", "-0." + zeros(129) + "1"},
		{"1.5e-130", "0." + zeros(129) + "15"}, {"0.1e126", "1" + zeros(125)}, {"100e-132", "0." + zeros(129) + "1"},
		{"10e124", "1" + zeros(125)}, {"0." + zeros(200) + "1e201", "1"}, {"1" + zeros(200) + "e-200", "1"},
		{"-5.50", "-5.5"}, {"100", "100"}, {"1e0", "1"}, {"1e-1", "0.1"}, {"123e-2", "1.23"}, {"0012.0e1", "120"}, {"1.0", "1"},
		{zeros(100) + "1." + zeros(100), "1"}, {"1" + zeros(37), "1" + zeros(37)}, {"0800.000e0", "800"}, {"100.50", "100.5"},
	} {
		got, err := NormalizeNumber(tt.in)
		if err != nil || got != tt.want {
			t.Errorf("%.40q: got %q, %v, want %q", tt.in, got, err, tt.want)
		}
		if again, err := NormalizeNumber(got); err != nil || again != got {
			t.Errorf("%.40q: normalized again it is %q, %v", got, again, err)
		}
		if len(got) > 170 {
			t.Errorf("%.40q: %d bytes", tt.in, len(got))
		}
	}
}

func TestNormalizeNumberRefuses(t *testing.T) {
	huge := strings.Repeat("9", 1000)
	for _, tt := range []struct {
		in    string
		class error
	}{
		{"1e126", signet.ErrLimit}, {"1e-131", signet.ErrLimit}, {strings.Repeat("9", 39), signet.ErrLimit},
		{"100e124", signet.ErrLimit}, {"0.1e-130", signet.ErrLimit}, {"1e" + huge, signet.ErrLimit}, {"1e-" + huge, signet.ErrLimit},
		{"1e9223372036854775807", signet.ErrLimit}, {"1e-9223372036854775808", signet.ErrLimit}, {"1" + strings.Repeat("0", 37) + ".1", signet.ErrLimit},
		{"", signet.ErrMalformed}, {" 5", signet.ErrMalformed}, {"1 ", signet.ErrMalformed}, {"1_0", signet.ErrMalformed},
		{"--5", signet.ErrMalformed}, {"e5", signet.ErrMalformed}, {"1e", signet.ErrMalformed}, {".", signet.ErrMalformed},
		{"+", signet.ErrMalformed}, {"-", signet.ErrMalformed}, {"0x10", signet.ErrMalformed}, {"1.2.3", signet.ErrMalformed}, {"Infinity", signet.ErrMalformed},
		{"NaN", signet.ErrMalformed}, {"\u0661", signet.ErrMalformed}, {"1e+", signet.ErrMalformed}, {"1e1.5", signet.ErrMalformed},
		{"1e1e1", signet.ErrMalformed}, {"+-1", signet.ErrMalformed}, {"1-", signet.ErrMalformed}, {"-.", signet.ErrMalformed},
		{".e1", signet.ErrMalformed}, {"1,5", signet.ErrMalformed}, {"\xff", signet.ErrMalformed}, {"1\x00", signet.ErrMalformed},
	} {
		got, err := NormalizeNumber(tt.in)
		if got != "" || !errors.Is(err, tt.class) {
			t.Errorf("%.40q: got %q, %v, want class %v", tt.in, got, err, tt.class)
		}
	}
}

// A rational number is the second opinion: same value, and one text per value.
func FuzzNormalizeNumber(f *testing.F) {
	for _, s := range []string{"1", "-1.50e3", ".5", "1e125", "1e-130", "0e9", "1_0", "99999999999999999999999999999999999999", "1e99999999999999999999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := NormalizeNumber(s)
		if err != nil {
			if !errors.Is(err, signet.ErrMalformed) && !errors.Is(err, signet.ErrLimit) {
				t.Fatalf("%q: untyped error %v", s, err)
			}
			return
		}
		if again, err := NormalizeNumber(got); err != nil || again != got {
			t.Fatalf("%q: %q, then %q, %v", s, got, again, err)
		}
		if strings.ContainsAny(got, "eE+") || strings.HasPrefix(got, "00") || strings.HasSuffix(got, ".") ||
			strings.Contains(got, ".") && strings.HasSuffix(got, "0") || got == "-0" {
			t.Fatalf("%q: %q is not in normal form", s, got)
		}
		if i := strings.IndexAny(s, "eE"); len(s) > 200 || i >= 0 && len(s)-i > 5 {
			return // the rational number itself would be huge
		}
		want, ok := new(big.Rat).SetString(s)
		have, ok2 := new(big.Rat).SetString(got)
		if !ok || !ok2 || want.Cmp(have) != 0 {
			t.Fatalf("%q: %q has another value", s, got)
		}
	})
}

func BenchmarkNormalizeNumber(b *testing.B) {
	for _, s := range []string{"1234567890", "1234.5600", "1e125"} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				NormalizeNumber(s)
			}
		})
	}
}
