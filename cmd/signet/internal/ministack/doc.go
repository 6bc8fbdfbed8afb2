// Package ministack installs and runs MiniStack, an emulator of DynamoDB, KMS and more, for the demo of the signet command. It needs Python
// 3.10 or newer with venv. It is for trying things out and for tests: MiniStack keeps everything in memory and authenticates nobody.
//
//	python, err := (&ministack.Installer{Tell: log.Print}).Ensure(ctx) // once; later runs find it
//	server, err := ministack.Start(ctx, python, dir)
//	defer server.Close()
package ministack

import "strings"

// Requirements are the packages that are installed and their versions, as pip takes them. scripts/setup.sh installs the same.
func Requirements() []string { return []string{"ministack==1.5.33", "cryptography==50.0.2"} }

// folderName is the folder of an installation; other versions have another.
func folderName() string { return strings.ReplaceAll(strings.Join(Requirements(), "-"), "==", "-") }

// Error says what could not be done with Python or MiniStack.
type Error struct {
	Op     string // what was attempted
	Err    error  // why it failed; it may be a context's
	Hint   string // what the user can do; may be ""
	Output string // the last lines that the program printed; may be ""
}

func (e *Error) Error() string {
	s := e.Op + ": " + e.Err.Error()
	if e.Output != "" {
		s += "; its last output: " + e.Output
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }
