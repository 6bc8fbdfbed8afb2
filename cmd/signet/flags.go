package main

import (
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"

	"github.com/signetkeys/signet/keyring/suite"
	"github.com/signetkeys/signet/message"
	"github.com/spf13/cobra"
)

// messageFlags are the flags of the commands that read or write messages. Each command registers those that it has.
type messageFlags struct {
	context, require, unstored []string

	out, suffix             string
	force, armor, recursive bool
	inPlace                 bool // rotate
	allowUnverified         bool

	suite       suiteFlag
	policy      policyFlag
	frameLength byteSize
	maxLength   byteSize
	maxEDKs     int
	concurrency int
}

func (f *messageFlags) addOutput(cmd *cobra.Command, who string) {
	cmd.Flags().StringVarP(&f.out, "out", "o", "", "output `FILE`"+who+"; - is standard output (default); with --recursive a folder")
	cmd.Flags().BoolVar(&f.force, "force", false, "replace output files that exist")
	cmd.Flags().BoolVarP(&f.recursive, "recursive", "r", false, "take a folder and everything in it; symbolic links are not followed")
}

func (f *messageFlags) addClient(cmd *cobra.Command) {
	cmd.Flags().Var(&f.policy, "commitment-policy", "commitment `POLICY`: require-encrypt-require-decrypt (default), require-encrypt-allow-decrypt or forbid-encrypt-allow-decrypt")
	cmd.Flags().IntVar(&f.maxEDKs, "max-edks", message.DefaultMaxEDKs, "largest `NUMBER` of encrypted data keys in a message")
	cmd.Flags().IntVar(&f.concurrency, "concurrency", 0, "`NUMBER` of pieces of a file, or with --recursive of files, in work at once (default: that of the processors, up to 8)")
}

// client checks the flags that concern every message.
func (f *messageFlags) client() (*message.Client, error) {
	if f.maxEDKs < 1 || f.maxEDKs > message.MaxEDKs {
		return nil, &fault{code: codeUsage, err: fmt.Errorf("--max-edks is %d and must be 1 to %d", f.maxEDKs, message.MaxEDKs)}
	}
	if f.concurrency < 0 || f.concurrency > maxConcurrency {
		return nil, &fault{code: codeUsage, err: fmt.Errorf("--concurrency is %d and must be 1 to %d", f.concurrency, maxConcurrency)}
	}
	return &message.Client{CommitmentPolicy: f.policy.CommitmentPolicy, MaxEncryptedDataKeys: f.maxEDKs}, nil
}

func (f *messageFlags) checkFrameLength() error {
	if f.frameLength > message.MaxFrameLength {
		return &fault{code: codeUsage, err: fmt.Errorf("--frame-length is above %d bytes", message.MaxFrameLength)}
	}
	return nil
}

const (
	maxConcurrency  = 256
	autoConcurrency = 8       // more costs memory and gains little: reading and writing are serial
	smallFile       = 1 << 20 // bytes up to which one piece after the other is as fast
	longFrame       = 1 << 20 // bytes above which every piece in work costs memory that nobody asked for
)

// processors is the default of --concurrency.
func processors() int { return min(runtime.GOMAXPROCS(0), autoConcurrency) }

// pieces is how many chunks of one message are in work at once. Pipes deliver as they go, so they get more than one only when asked.
func (f *messageFlags) pieces(in *input, frameLength int64) int {
	if f.recursive {
		return 1 // the files are in work at once
	}
	if f.concurrency > 0 {
		return f.concurrency
	}
	if size, ok := in.size(); !ok || size < smallFile || frameLength > longFrame {
		return 1
	}
	return processors()
}

// suiteFlag is an algorithm suite by name or number; nil means the policy's default.
type suiteFlag struct{ *suite.Suite }

func (f *suiteFlag) Set(text string) error {
	s, err := suite.ByName(text)
	if err != nil {
		return err
	}
	if s.Format() != suite.Message {
		return fmt.Errorf("%s is a suite of items and not of messages", s)
	}
	f.Suite = s
	return nil
}

func (f *suiteFlag) String() string { return "" }
func (f *suiteFlag) Type() string   { return "string" }

type policyFlag struct{ suite.CommitmentPolicy }

func (f *policyFlag) Set(text string) (err error) {
	f.CommitmentPolicy, err = suite.ParseCommitmentPolicy(text)
	return err
}

func (f *policyFlag) String() string { return "" }
func (f *policyFlag) Type() string   { return "string" }

// byteSize is a number of bytes: 4096, 64KiB, 1MiB, 2GiB.
type byteSize int64

func (n *byteSize) Set(text string) error {
	digits, unit := text, int64(1)
	for i, suffix := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if d, ok := strings.CutSuffix(text, suffix); ok {
			digits, unit = d, 1<<(10*(i+1))
		}
	}
	v, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || v == 0 || v > uint64(math.MaxInt64/unit) {
		return fmt.Errorf("it must be a number of bytes above 0, such as 4096, 64KiB, 1MiB or 2GiB")
	}
	*n = byteSize(int64(v) * unit)
	return nil
}

func (n *byteSize) String() string { return "" }
func (n *byteSize) Type() string   { return "bytes" }

// bytesText is a size for people.
func bytesText(n int64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d bytes", n)
	}
	f, units := float64(n), []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	i := -1
	for f >= 1024 && i < len(units)-1 {
		f /= 1024
		i++
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}
