package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"golang.org/x/sync/errgroup"
)

// defaultSuffix marks the messages of a folder.
const defaultSuffix = ".signet"

func (f *messageFlags) encryptedName(name string) (output, leftOut string) {
	return name + f.suffix, ""
}

func (f *messageFlags) decryptedName(name string) (output, leftOut string) {
	output, ok := strings.CutSuffix(name, f.suffix)
	switch {
	case !ok:
		return "", "its name does not end in " + f.suffix
	case filepath.Base(name) == f.suffix:
		return "", "its name is the suffix and nothing else"
	}
	return output, ""
}

// folderJSON is what encrypt, decrypt and rotate print with --recursive and --output json. Names that cannot be printed are escaped.
type folderJSON struct {
	Out      string        `json:"out"`
	Files    int           `json:"files"`
	Bytes    int64         `json:"bytes"`
	Degraded int           `json:"degraded"` // files without a data key of one of the keyrings
	Skipped  []skippedJSON `json:"skipped"`
	Failed   []failedJSON  `json:"failed"`
}

type skippedJSON struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

type failedJSON struct {
	Path    string `json:"path"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// folderRun is one run over a folder.
type folderRun struct {
	a            *app
	t            *task
	force        bool
	inPlace      bool
	from, to     *os.Root
	fromName     string // for people
	toName       string
	folderPerm   fs.FileMode
	progress     *progress
	mu           sync.Mutex
	result       folderJSON
	failures     failures
	skippedTexts map[string]int
}

// processFolder does the task with every regular file of a folder. A file that fails does not stop the others.
func (a *app) processFolder(ctx context.Context, args []string, f *messageFlags, t *task) error {
	r, err := a.newFolderRun(args, f, t)
	if err != nil {
		return err
	}
	defer r.from.Close()
	k, err := a.openKeyring(ctx, t.toEncrypt)
	if err != nil {
		return err
	}
	defer k.Close()
	if err := t.open(k); err != nil {
		return err
	}
	if err := os.MkdirAll(r.toName, r.folderPerm); err != nil {
		return outputError(r.toName, err)
	}
	if r.to, err = os.OpenRoot(r.toName); err != nil {
		return outputError(r.toName, err)
	}
	defer r.to.Close()
	if err := r.startProgress(ctx); err != nil {
		return err
	}
	defer r.progress.stop()
	workers := f.concurrency
	if workers == 0 {
		workers = processors()
	}
	err = r.all(ctx, workers)
	r.progress.stop()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && len(r.result.Failed) == 0 {
		return err
	}
	return r.finish()
}

// newFolderRun checks the arguments and opens the folder of inputs.
func (a *app) newFolderRun(args []string, f *messageFlags, t *task) (*folderRun, error) {
	usage := func(text, hint string) error { return &fault{code: codeUsage, err: errors.New(text), hint: hint} }
	switch {
	case len(args) == 0 || args[0] == "-":
		return nil, usage("--recursive takes a folder, and none is given", fmt.Sprintf("write signet %s --recursive -o OUTPUT-FOLDER FOLDER", t.verb))
	case f.inPlace && f.out != "":
		return nil, usage("--in-place and -o contradict each other", "")
	case !f.inPlace && (f.out == "" || f.out == "-"):
		return nil, usage("--recursive needs a folder to write to", "give it with -o")
	case strings.ContainsRune(f.suffix, filepath.Separator):
		return nil, usage("--suffix is the end of a file name and has no "+string(filepath.Separator), "")
	}
	r := &folderRun{a: a, t: t, force: f.force, inPlace: f.inPlace, fromName: args[0], toName: f.out, folderPerm: 0o777, skippedTexts: map[string]int{}}
	if f.inPlace {
		r.force, r.toName = true, args[0]
	}
	if !t.toEncrypt {
		r.folderPerm = 0o700
	}
	st, err := os.Stat(args[0])
	if err != nil {
		return nil, err
	}
	if !st.IsDir() {
		return nil, usage(fmt.Sprintf("%s is no folder", shown(args[0])), "leave --recursive out")
	}
	if !f.inPlace {
		if err := outside(args[0], st, f.out); err != nil {
			return nil, err
		}
	}
	r.from, err = os.OpenRoot(args[0])
	return r, err
}

// outside refuses an output folder that is the input folder or in it: what is written would be read again.
func outside(from string, info fs.FileInfo, to string) error {
	dir, err := filepath.Abs(to)
	if err != nil {
		return err
	}
	for {
		// The part that exists, without links: ".." of a link is not where it seems.
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			dir = real
		}
		if st, err := os.Stat(dir); err == nil && os.SameFile(st, info) {
			return &fault{code: codeSameFile, err: fmt.Errorf("the output folder %s is in the folder %s that is read", to, from), hint: "write to a folder outside of it"}
		}
		up := filepath.Dir(dir)
		if up == dir {
			return nil
		}
		dir = up
	}
}

// startProgress counts what is there when a bar is to be shown.
func (r *folderRun) startProgress(ctx context.Context) error {
	if r.a.silentProgress() {
		return nil
	}
	p := &progress{a: r.a, done: r.t.done, last: time.Now()}
	if r.a.wantsBar() {
		var total int64
		w := walk{root: r.from, folder: func(string) error { return nil }, failed: func(string, error) {}}
		w.entry = func(name string, info fs.FileInfo) error {
			if _, leftOut := r.target(name, info); leftOut == "" {
				total += info.Size()
			}
			return nil
		}
		if err := r.walk(ctx, &w); err != nil {
			return err
		}
		p.show(r.a.stderr.(*sharedWriter), total, mpb.WithAutoRefresh())
	}
	r.progress = p
	return nil
}

func (r *folderRun) walk(ctx context.Context, w *walk) error {
	info, err := r.from.Stat(".")
	if err != nil {
		return err
	}
	return w.run(ctx, ".", info)
}

// target is the name of a file's output, or why it is left out.
func (r *folderRun) target(name string, info fs.FileInfo) (output, leftOut string) {
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		return "", "symbolic link"
	case !mode.IsRegular():
		return "", "special file"
	}
	return r.t.target(name)
}

// all works on the files, several at once.
func (r *folderRun) all(ctx context.Context, workers int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	w := walk{
		root: r.from,
		folder: func(name string) error {
			err := r.to.MkdirAll(name, r.folderPerm)
			if err != nil {
				r.fail(name, outputError(filepath.Join(r.toName, name), err))
			}
			return err
		},
		entry: func(name string, info fs.FileInfo) error {
			output, leftOut := r.target(name, info)
			if leftOut != "" {
				r.skip(name, leftOut)
				return nil
			}
			group.Go(func() error {
				err := r.one(ctx, name, info, output)
				if err == nil || ctx.Err() != nil {
					return ctx.Err()
				}
				return r.fail(name, err)
			})
			return ctx.Err()
		},
		failed: func(name string, err error) {
			r.fail(name, fmt.Errorf("reading %s: %w", filepath.Join(r.fromName, name), withoutPath(err)))
		},
	}
	walkErr := r.walk(ctx, &w)
	if err := group.Wait(); err != nil {
		return err
	}
	return walkErr
}

func (r *folderRun) one(ctx context.Context, name string, info fs.FileInfo, target string) error {
	path := filepath.Join(r.fromName, name)
	file, err := openSame(r.from, name, info)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, withoutPath(err))
	}
	in := &input{name: path, path: path, file: file}
	defer in.Close()
	if r.progress != nil {
		in.count = r.progress.read
	}
	out := &output{path: filepath.Join(r.toName, target), force: r.force, inPlace: r.inPlace, perm: r.t.perm, root: r.to, name: target}
	if err := out.check(r.a, in, false); err != nil {
		return err
	}
	s := out.open(r.a)
	defer s.abort()
	w, err := r.t.one(ctx, in, s)
	if err != nil {
		return err
	}
	r.progress.fileDone()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Files++
	r.result.Bytes += w.Bytes
	if len(w.Degraded) > 0 {
		r.result.Degraded++
	}
	return nil
}

// fail notes that a file or folder failed. When it returns the error, the run ends.
func (r *folderRun) fail(name string, err error) error {
	r.a.tell(err)
	c := codeOf(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Failed = append(r.result.Failed, failedJSON{Path: printable(name), Code: c.String(), Message: printable(err.Error())})
	r.failures.add(err)
	if c == codePIN { // another try could lock the token
		return err
	}
	return nil
}

func (r *folderRun) skip(name, why string) {
	r.a.log.Info("left out", "path", printable(filepath.Join(r.fromName, name)), "reason", printable(why))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Skipped = append(r.result.Skipped, skippedJSON{Path: printable(name), Reason: printable(why)})
	r.skippedTexts[printable(why)]++
}

// finish prints what was done, and returns the worst failure.
func (r *folderRun) finish() error {
	res := &r.result
	res.Out = printable(r.toName)
	slices.SortFunc(res.Failed, func(a, b failedJSON) int { return cmp.Compare(a.Path, b.Path) })
	if r.a.output != text {
		if res.Skipped == nil {
			res.Skipped = []skippedJSON{}
		}
		if res.Failed == nil {
			res.Failed = []failedJSON{}
		}
		if err := r.a.printJSON(res); err != nil {
			return err
		}
	} else {
		var reasons []string
		if res.Degraded > 0 {
			reasons = append(reasons, fmt.Sprintf("; %d of them without one of the keys", res.Degraded))
		}
		for _, why := range slices.Sorted(maps.Keys(r.skippedTexts)) {
			reasons = append(reasons, fmt.Sprintf("; %d left out: %s", r.skippedTexts[why], why))
		}
		r.a.note("%s %d files, %s, into %s%s", r.t.done, res.Files, bytesText(res.Bytes), printable(r.toName), strings.Join(reasons, ""))
	}
	return r.failures.fault(len(res.Failed)+res.Files, r.t.done)
}

// failures are those of several files.
type failures struct {
	n     int
	worst code
}

func (f *failures) add(err error) {
	c := codeOf(err)
	if f.n++; f.n == 1 || severity(c) > severity(f.worst) {
		f.worst = c
	}
}

// fault is the error of the command, nil without failures.
func (f *failures) fault(of int, done string) error {
	if f.n == 0 {
		return nil
	}
	return &fault{code: f.worst, err: fmt.Errorf("%d of %d were not %s; the worst failure is %s", f.n, of, done, f.worst), hint: "the errors above say which; what was done stays"}
}

// tell prints an error that does not end the command. Each hint is printed once.
func (a *app) tell(err error) {
	if hint := a.printError(err, nil); hint != "" && a.firstTime(hint) {
		a.note("hint: %s", hint)
	}
}

// severity orders failures: changed data first, then keys, access, what is not there, policy and usage; last what may work at another time.
func severity(c code) int {
	if c.exit() == exitUnavailable {
		return 0
	}
	return c.exit()
}
