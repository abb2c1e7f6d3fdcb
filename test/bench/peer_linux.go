package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// runLimit is how long a program may take before it is killed.
const runLimit = 15 * time.Second

// A peer is one of the programs that are compared.
type peer struct {
	name string
	argv func(token string) []string
}

// A launcher runs programs as a script would: nothing to read, output to a file.
type launcher struct {
	null     *os.File
	out, err *os.File // in memory: no pipe to read while the program is timed
}

func newLauncher() (*launcher, error) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	out, err := memoryFile("stdout")
	if err != nil {
		return nil, err
	}
	errs, err := memoryFile("stderr")
	if err != nil {
		return nil, err
	}
	return &launcher{null: null, out: out, err: errs}, nil
}

func memoryFile(name string) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making a file for %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

func (l *launcher) close() {
	for _, f := range []*os.File{l.null, l.out, l.err} {
		f.Close()
	}
}

// An exit is how a program ended.
type exit struct {
	started time.Time     // just before the fork
	took    time.Duration // until it was reaped
	code    int           // -1 if it was killed
	stderr  []byte
}

// run runs a program until it exits, the context ends, or runLimit is over.
func (l *launcher) run(ctx context.Context, argv []string) (exit, error) {
	if err := l.rewind(); err != nil {
		return exit{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	attr := &os.ProcAttr{
		Files: []*os.File{l.null, l.out, l.err},
		// Its own group: Ctrl-C is for the bench, which then ends the program.
		Sys: &syscall.SysProcAttr{Setpgid: true},
	}
	e := exit{started: time.Now()}
	p, err := os.StartProcess(argv[0], argv, attr)
	if err != nil {
		return exit{}, fmt.Errorf("starting %q: %w", argv[0], err)
	}
	stop := context.AfterFunc(ctx, func() { p.Kill() })
	st, err := p.Wait()
	e.took = time.Since(e.started)
	stop()
	if err != nil {
		return exit{}, fmt.Errorf("waiting for %q: %w", argv[0], err)
	}
	e.code = st.ExitCode()
	e.stderr, err = io.ReadAll(io.NewSectionReader(l.err, 0, 1<<20))
	return e, err
}

// rewind empties what the last program wrote. The programs share the offset.
func (l *launcher) rewind() error {
	for _, f := range []*os.File{l.out, l.err} {
		if err := f.Truncate(0); err != nil {
			return err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
	return nil
}

// namesAll tells whether the text has the line of each pty as a word of its own:
// "pts/12" does not name pts/1.
func namesAll(text []byte, ps []*pty) bool {
	for _, p := range ps {
		if !names(text, p.line) {
			return false
		}
	}
	return true
}

func names(text []byte, line string) bool {
	for rest := text; ; {
		_, after, found := bytes.Cut(rest, []byte(line))
		if !found {
			return false
		}
		if len(after) == 0 || after[0] < '0' || after[0] > '9' {
			return true
		}
		rest = after
	}
}

// firstLine is for a note on a program that failed.
func firstLine(text []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(text), []byte("\n"))
	return string(line)
}
