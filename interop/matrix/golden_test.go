package matrix

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/signetkeys/signet/interop/peers"
	"github.com/signetkeys/signet/keyring/suite"
)

var updateFlag = flag.Bool("update", false, "let the peers write their golden messages anew, into message/testdata/peers")

const (
	goldenDir = "../../message/testdata/peers"
	goldenHow = "cd interop && ./setup && go test ./matrix -run Golden -args -update"
)

// goldens are the cells that each peer writes if it can: every suite, every kind of keyring, bodies and contexts.
func goldens(kinds []*Kind) []*cell {
	byName := map[string]*Kind{}
	for _, k := range kinds {
		byName[k.Name] = k
	}
	message := func(kind string, id, frame int, size, ec int) *cell {
		s, _ := suite.ByID(uint16(id))
		c := &cell{kind: byName[kind], suite: s, frame: int64(frame), size: size, context: contexts[ec]}
		if !s.Commits() {
			c.writePolicy = forbidEncrypt
		}
		c.writer, c.reader = c.kind.Write[0], c.kind.Read[0]
		return c
	}
	var out []*cell
	for i, s := range messageSuites() {
		out = append(out, message("raw-aes 256", int(s.ID()), 128, []int{0, 1, 127, 128, 129, 300}[i%6], i%5))
	}
	for i, k := range kinds {
		out = append(out, message(k.Name, 0x0478, unset, 10+i, (i+1)%4))
	}
	for _, id := range []int{0x0014, 0x0178, 0x0378, 0x0478, 0x0578} {
		out = append(out, message("raw-aes 128", id, 0, 50, 1))
	}
	required := message("raw-aes 192", 0x0478, unset, 20, 3)
	required.required = []string{"é", "日本"}
	required.reproduced = map[string]string{"é": required.context["é"], "日本": required.context["日本"]}
	return append(out, required, message("raw-aes 256", 0x0478, 128, 256, 5), message("raw-aes 256", 0x0578, 1, 3, 4))
}

// TestGolden: with -update the peers write; without, the files must be those of the peers at hand.
func TestGolden(t *testing.T) {
	if *updateFlag {
		updateGoldens(t)
	}
	for _, name := range peers.Names() {
		t.Run(name, func(t *testing.T) {
			_, hello := start(t, name)
			b, err := os.ReadFile(filepath.Join(goldenDir, name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			f := new(GoldenFile)
			if err := json.Unmarshal(b, f); err != nil {
				t.Fatal(err)
			}
			// The other versions, of runtimes and of OpenSSL, differ between machines.
			if was, is := f.Versions[f.Library], hello.Versions[hello.Library]; f.Library != hello.Library || was != is || is == "" {
				t.Errorf("the golden messages are of %s %s, and the peer is %s %s: %s", f.Library, was, hello.Library, is, goldenHow)
			}
			suites := map[string]bool{}
			for _, m := range f.Messages {
				suites[m.Suite] = true
			}
			if len(suites) != len(messageSuites()) {
				t.Errorf("%d suites, want %d", len(suites), len(messageSuites()))
			}
		})
	}
}

func updateGoldens(t *testing.T) {
	kinds, err := Kinds()
	if err != nil {
		t.Fatal(err)
	}
	keys := &GoldenKeys{About: "Keys of the golden messages. They are for tests and known to everybody: never protect anything with them.", How: goldenHow,
		Kinds: map[string][]*peers.Keyring{}}
	for _, k := range kinds {
		for _, r := range k.Read {
			if r.Type != "multi" && (r.Type != "raw-rsa" || r.PublicPEM == "") { // the others are made of these
				keys.Kinds[k.Name] = append(keys.Kinds[k.Name], r)
			}
		}
	}
	files := map[string]any{"keys": keys}
	for _, name := range peers.Names() {
		p, hello := start(t, name)
		f := &GoldenFile{About: "Messages that another implementation wrote, under the keys of keys.json. Byte i of each plaintext is i*31 + i>>8 + 1, modulo 256.",
			Peer: name, Language: hello.Language, Library: hello.Library, Versions: hello.Versions, How: goldenHow}
		for _, c := range goldens(kinds) {
			request := c.encrypt(c.kind.Path)
			if capabilities(t).Cannot(name, "encrypt", request) != nil {
				continue
			}
			answer, err := p.Do(request)
			if err != nil {
				t.Fatalf("%s: %v\n    %v", name, err, c)
			}
			f.Messages = append(f.Messages, &Golden{Kind: c.kind.Name, Path: c.kind.Path, Suite: request.Suite, FrameLength: request.FrameLength,
				PlaintextLen: c.size, Context: c.context, Reproduced: c.reproduced, Message: answer.Ciphertext})
		}
		files[name] = f
	}
	if err := os.MkdirAll(goldenDir, 0o755); err != nil {
		t.Fatal(err)
	}
	total := 0
	for name, f := range files {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("", " ")
		if err := e.Encode(f); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(goldenDir, name+".json"), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		total += b.Len()
	}
	fmt.Printf("%d bytes in %s\n", total, goldenDir)
}
