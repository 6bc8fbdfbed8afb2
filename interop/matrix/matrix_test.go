package matrix

import (
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/signetkeys/signet/interop/peers"
	"github.com/signetkeys/signet/keyring/suite"
)

var (
	seedFlag   = flag.Uint64("seed", 0, "choose cells as the run with this `seed` did; 0: SIGNET_MATRIX_SEED, and without it another one each time")
	eachFlag   = flag.Int("each", 1, "this `number` of messages for each suite, kind of keyring, peer and direction")
	countsFlag = flag.String("counts", "", "write the counts to this `file`, as JSON")
)

// minMessages is how many the subset has at least.
const minMessages = 1000

// start starts a peer and asks who it is. One that is not built skips the test, or fails it where peers are required.
func start(t *testing.T, name string) (*peers.Peer, *peers.Answer) {
	t.Helper()
	dir, err := peers.CacheDir()
	if err != nil {
		t.Fatal(err)
	}
	p, err := peers.Start(dir, name, nil)
	if errors.Is(err, peers.ErrNotBuilt) && os.Getenv("SIGNET_REQUIRE_PEERS") != "1" {
		t.Skipf("SKIPPED: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	hello, err := p.Do(&peers.Request{Op: "hello"})
	if err != nil {
		t.Fatalf("%s: hello: %v", name, err)
	}
	return p, hello
}

func seed(t *testing.T) uint64 {
	t.Helper()
	s := *seedFlag
	if v := os.Getenv("SIGNET_MATRIX_SEED"); s == 0 && v != "" {
		var err error
		if s, err = strconv.ParseUint(v, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	if s == 0 {
		s = rand.Uint64()
	}
	return s
}

func capabilities(t *testing.T) *peers.Capabilities {
	t.Helper()
	c, err := peers.ReadCapabilities()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func messageSuites() []*suite.Suite {
	return slices.DeleteFunc(suite.All(), (*suite.Suite).IsItem)
}

func TestMatrix(t *testing.T) {
	kinds, err := Kinds()
	if err != nil {
		t.Fatal(err)
	}
	counts := &Counts{Seed: seed(t), Each: *eachFlag}
	t.Logf("seed %d", counts.Seed)
	caps, signet := capabilities(t), new(Signet)
	var mu sync.Mutex
	t.Run("peer", func(t *testing.T) {
		for _, name := range peers.Names() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p, hello := start(t, name)
				h := fnv.New64()
				h.Write([]byte(name))
				r := &run{t: t, name: name, peer: p, caps: caps, signet: signet, rand: rand.New(rand.NewPCG(counts.Seed, h.Sum64())), count: &PeerCount{
					Peer: name, Language: hello.Language, Library: hello.Library, Versions: hello.Versions, Disabled: map[string]int{}}}
				r.all(kinds)
				mu.Lock()
				counts.Peers = append(counts.Peers, r.count)
				mu.Unlock()
			})
		}
	})
	slices.SortFunc(counts.Peers, func(a, b *PeerCount) int {
		return slices.Index(peers.Names(), a.Peer) - slices.Index(peers.Names(), b.Peer)
	})
	for _, c := range counts.Peers {
		summary := fmt.Sprintf("%-10s wrote %5d for signet, read %5d of signet; refused: %d by the peer, %d by signet; cannot:", c.Peer, c.Writes.Messages, c.Reads.Messages,
			c.Writes.RefusedByPeer+c.Reads.RefusedByPeer, c.Writes.RefusedBySignet+c.Reads.RefusedBySignet)
		for _, reason := range slices.Sorted(maps.Keys(c.Disabled)) {
			summary += fmt.Sprintf(" %d (%s)", c.Disabled[reason], reason)
		}
		t.Log(summary)
	}
	t.Logf("%d messages, seed %d", counts.Total(), counts.Seed)
	if len(counts.Peers) == len(peers.Names()) && counts.Total() < minMessages {
		t.Errorf("%d messages, want at least %d", counts.Total(), minMessages)
	}
	if *countsFlag != "" && !t.Failed() {
		if err := counts.Write(*countsFlag); err != nil {
			t.Error(err)
		}
	}
}

// all goes through every suite and kind of keyring, both ways, and then checks that each has had a message.
func (r *run) all(kinds []*Kind) {
	for _, kind := range kinds {
		for _, s := range messageSuites() {
			for _, peerWrites := range []bool{true, false} {
				r.cells(kind, s, peerWrites)
			}
		}
	}
}

func (r *run) cells(kind *Kind, s *suite.Suite, peerWrites bool) {
	op, direction := "decrypt", &r.count.Reads
	if peerWrites {
		op, direction = "encrypt", &r.count.Writes
	}
	// The plainest message of this kind: what the peer cannot do even there, it cannot do for any.
	plain, never := &cell{kind: kind, suite: s, frame: unset, writer: kind.Write[0]}, true
	for _, plain.reader = range kind.Read {
		never = never && plain.limit(r.caps, r.name, op) != nil
	}
	if never {
		r.try(draw(r.rand, kind, s, unset, 1), peerWrites)
		return
	}
	id := plain.encrypt("").Suite
	// Until enough went through: the seed also chooses what a peer cannot do.
	for tries := 0; tries < 20**eachFlag && direction.Cells[kind.Name][id] < *eachFlag; tries++ {
		body := r.next(peerWrites)
		r.try(draw(r.rand, kind, s, body.frame, body.size), peerWrites)
	}
	if n := direction.Cells[kind.Name][id]; n < *eachFlag {
		r.t.Errorf("%s, peer writes: %t: %d messages of suite %s under %s, want %d", r.name, peerWrites, n, id, kind.Name, *eachFlag)
	}
}

// next returns frame lengths with sizes in a shuffled order, each as often as any other.
func (r *run) next(peerWrites bool) body {
	frames, queue := signetFrames, &r.queues[0]
	if peerWrites {
		frames, queue = peerFrames, &r.queues[1]
	}
	if len(*queue) == 0 {
		for _, f := range frames {
			for _, n := range sizes(f) {
				*queue = append(*queue, body{f, n})
			}
		}
		r.rand.Shuffle(len(*queue), func(i, j int) { (*queue)[i], (*queue)[j] = (*queue)[j], (*queue)[i] })
	}
	b := (*queue)[0]
	*queue = (*queue)[1:]
	return b
}
