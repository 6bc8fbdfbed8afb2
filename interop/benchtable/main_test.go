package main

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const peersOutput = `goos: linux
goarch: amd64
pkg: example/interop
cpu: Some CPU @ 2 GHz
BenchmarkEncrypt/suite=0478/size=100B/peer=official-2   100   200000 ns/op   0.44 MB/s   128170 B/op   3437 allocs/op
BenchmarkEncrypt/suite=0478/size=100B/peer=official-2   100   300000 ns/op   0.44 MB/s   128170 B/op   3437 allocs/op
BenchmarkEncrypt/suite=0478/size=100B/peer=signet-2     100     5000 ns/op  18.74 MB/s     2664 B/op     14 allocs/op
BenchmarkEncrypt/suite=0478/size=100B/peer=signet-2     100     5000 ns/op  18.74 MB/s     2664 B/op     14 allocs/op
BenchmarkEncrypt/suite=0478/size=100B/peer=aes-gcm-2    100     4000 ns/op  18.74 MB/s        0 B/op      0 allocs/op
BenchmarkEncrypt/suite=0478/size=100B/peer=aes-gcm-2    100     4000 ns/op  18.74 MB/s        0 B/op      0 allocs/op
BenchmarkEncrypt/suite=0478/size=100B/peer=aes-gcm-new-2 100    4500 ns/op  18.74 MB/s        0 B/op      1 allocs/op
BenchmarkEncrypt/suite=0478/size=100B/peer=aes-gcm-new-2 100    4500 ns/op  18.74 MB/s        0 B/op      1 allocs/op
PASS
`

const ownOutput = `goos: linux
goarch: amd64
cpu: Some CPU
pkg: github.com/signetkeys/signet/keyring/pkcs11
BenchmarkWrap-2              1000  10000 ns/op   20 B/op   2 allocs/op
BenchmarkAgainstBare/wrap-2  1000  19000 ns/op   9000 bare-ns   90.00 percent   10000 signet-ns  30 B/op   3 allocs/op
`

func TestUpdate(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	doc := write("doc.md", "before\n<!-- peers -->\nold\n<!-- /peers -->\nmiddle\n<!-- own -->\n<!-- /own -->\nafter\n")
	args := []string{"-doc", doc, "-peers", write("peers", peersOutput), "-own", write("own", ownOutput)}
	for range 2 { // the second time nothing changes
		var stderr strings.Builder
		if code := run(args, &stderr); code != 0 {
			t.Fatalf("exit status %d: %s", code, stderr.String())
		}
		got, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"before\n<!-- peers -->\nMeasured on linux/amd64, Some CPU @ 2 GHz, 2 CPUs, go1",
			"each figure is the median of 2 runs' means.",
			"| Encrypt, 0x0478, 100B | 250 µs | 5 µs | 50.0 | 3437 / 14 | 80 % / 90 % |\n",
			"| keyring/pkcs11 | AgainstBare/wrap | 10 µs |  |  | 90 % |\n| keyring/pkcs11 | Wrap | 10 µs | 20 | 2 |  |\n<!-- /own -->\nafter\n",
			"<!-- /peers -->\nmiddle\n",
		} {
			if !strings.Contains(string(got), want) {
				t.Errorf("the document lacks %q:\n%s", want, got)
			}
		}
		if strings.Contains(string(got), "old") {
			t.Error("the old table is still there")
		}
	}
}

func TestUpdateRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct{ name, doc, peers string }{
		{"no marker", "text", peersOutput},
		{"no end marker", "<!-- peers -->", peersOutput},
		{"no benchmark", "<!-- peers --><!-- /peers -->", "PASS\n"},
		{"only one peer", "<!-- peers --><!-- /peers -->", strings.ReplaceAll(peersOutput, "peer=official", "peer=other")},
		{"a failure", "<!-- peers --><!-- /peers -->", peersOutput + "FAIL\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			doc, peers := filepath.Join(dir, "doc"), filepath.Join(dir, "peers")
			for path, text := range map[string]string{doc: tt.doc, peers: tt.peers} {
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var stderr strings.Builder
			if code := run([]string{"-doc", doc, "-peers", peers}, &stderr); code != 1 {
				t.Errorf("exit status: got %d, want 1", code)
			}
			if got, _ := os.ReadFile(doc); string(got) != tt.doc {
				t.Errorf("the document was changed: %q", got)
			}
		})
	}
}

const rivalsOutput = `{"machine":"linux/amd64, Some CPU","rounds":2,"warmup":20000,
"rivals":[{"title":"Go","language":"Go 1","versions":{"sdk":"2"}},{"title":"Java","language":"Java 17","versions":{}}],
"measurements":[
{"work":"encrypt, 0478, 100 B","rival":"Go","rounds":[{"signet":{"mean_ns":10000,"median_ns":9000},"peer":{"mean_ns":200000,"median_ns":90000}},{"signet":{"mean_ns":10000,"median_ns":9000},"peer":{"mean_ns":400000,"median_ns":90000}}]},
{"work":"encrypt, 0478, 100 B","rival":"Java","rounds":[{"signet":{"mean_ns":10000,"median_ns":9000},"peer":{"mean_ns":9000,"median_ns":18000}}]},
{"work":"decrypt, 0478, 100 B","rival":"Go","rounds":[{"signet":{"mean_ns":10000,"median_ns":9000},"peer":{"mean_ns":15000,"median_ns":9000}}]}]}`

const streamsOutput = `{"machine":"linux/amd64, Some CPU","bytes":1073741824,"streams":[
{"work":"cipher","cores":1,"speed":[4000],"peak":[6291456],"idle":[5242880]},
{"work":"encrypt","cores":1,"speed":[1000,3000,2000],"peak":[6291456,6291456,6291456],"idle":[5242880,5242880,5242880]},
{"work":"encrypt","cores":2,"speed":[3500],"peak":[8388608],"idle":[5242880]}]}`

func TestRivalsAndStreams(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const empty = "<!-- rivals --><!-- /rivals -->\n<!-- rivals-median --><!-- /rivals-median -->\n<!-- streams --><!-- /streams -->\n"
	doc, plot := file("doc.md", empty), filepath.Join(dir, "plot.svg")
	var stderr strings.Builder
	if code := run([]string{"-doc", doc, "-rivals", file("none", `{"machine":"m"}`)}, &stderr); code != 1 {
		t.Errorf("a report without measurements: exit status %d", code)
	}
	if code := run([]string{"-doc", doc, "-plot", plot, "-rivals", file("r", rivalsOutput), "-streams", file("s", streamsOutput)}, &stderr); code != 0 {
		t.Fatalf("exit status %d: %s", code, stderr.String())
	}
	got, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| work | signet | Go | Java |\n",
		"- Go: Go 1, sdk 2\n",
		"| encrypt, 0478, 100 B | 10 µs | 30 (300 µs) | **0.90** (9 µs) |\n",
		"| decrypt, 0478, 100 B | 10 µs | 1.50 (15 µs) | – |\n",
		"| encrypt, 0478, 100 B | 9 µs | 10 (90 µs) | 2.00 (18 µs) |\n",
		"| cipher | 4000 | | | 1.0 / 6.0 | |\n",
		"| encrypt | 2000 | 3500 | 1.75 | 1.0 / 6.0 | 3.0 / 8.0 |\n",
		"median of 3 runs",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("the document lacks %q:\n%s", want, got)
		}
	}
	svg, err := os.ReadFile(plot)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(svg, new(struct{})); err != nil {
		t.Errorf("the plot is no XML: %v", err)
	}
	if n := strings.Count(string(svg), "times</title></circle>"); n != 3 {
		t.Errorf("the plot has %d dots, want 3", n)
	}
}
