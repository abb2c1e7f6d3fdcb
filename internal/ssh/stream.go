package ssh

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// AskTimeout is how long somebody who is asked for a password may take.
const AskTimeout = 5 * time.Minute

const (
	connectTimeout = 5 * time.Second  // of ssh, for each address of a host
	signInTimeout  = 30 * time.Second // until the msgd of a host speaks, where nobody is asked
	endTimeout     = 2 * time.Second  // for ssh to end by itself
	signalTimeout  = 300 * time.Millisecond
)

// Stream is a connection to the msgd of a host. Its Read returns an *Error
// where ssh or the host has failed.
type Stream struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *os.File
	said tail

	once   sync.Once
	mu     sync.Mutex
	failed error // the first reason
}

// Dial runs ssh. That it could be run says nothing yet about the host: reading
// does, until the time in which somebody can sign in is over: SetReadDeadline
// takes that limit away. When ctx ends, so does ssh. ask lets it ask for a
// password at the terminal.
func Dial(ctx context.Context, h Host, ask bool) (*Stream, error) {
	s := &Stream{cmd: exec.CommandContext(ctx, "ssh", h.args(ask)...)}
	// Asked to end, ssh puts a terminal right on which it was reading a
	// password.
	s.cmd.Cancel = func() error {
		if s.cmd.Process.Signal(os.Interrupt) != nil { // not on Windows
			return s.cmd.Process.Kill()
		}
		return nil
	}
	// ssh may leave a process behind that keeps its standard error open
	// (ControlPersist); it is not waited for.
	s.cmd.WaitDelay = signalTimeout
	s.cmd.Stderr = &s.said
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.in, s.out, s.cmd.Stdout = in, out, theirs
	err = s.cmd.Start()
	theirs.Close()
	if err != nil {
		out.Close()
		return nil, notRun(err)
	}
	limit := signInTimeout
	if ask {
		limit = AskTimeout
	}
	_ = s.SetReadDeadline(time.Now().Add(limit)) // Windows has none for pipes
	return s, nil
}

// Read reads what the msgd of the host sends.
func (s *Stream) Read(b []byte) (int, error) {
	n, err := s.out.Read(b)
	switch {
	case n > 0 || err == nil:
		return n, nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.fail(&Error{"it does not answer"})
	default:
		s.wait()
	}
	if err := s.Err(); err != nil {
		return 0, err
	}
	return 0, io.EOF
}

// SetReadDeadline limits the time that Read waits; the zero time is no limit.
func (s *Stream) SetReadDeadline(t time.Time) error { return s.out.SetReadDeadline(t) }

// Err is why ssh or the host has failed, as far as it is known.
func (s *Stream) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// fail keeps the first reason.
func (s *Stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = err
	}
}

// Write writes to the msgd of the host.
func (s *Stream) Write(b []byte) (int, error) { return s.in.Write(b) }

// Close ends ssh and returns when it has ended.
func (s *Stream) Close() error {
	_ = s.in.Close() // it may have ended already
	kill := time.AfterFunc(endTimeout, func() { _ = s.cmd.Process.Kill() })
	defer kill.Stop()
	// What still comes is read, or ssh might not end.
	_ = s.out.SetReadDeadline(time.Now().Add(endTimeout + signalTimeout))
	_, _ = io.Copy(io.Discard, s.out)
	s.wait()
	return s.out.Close()
}

// wait waits until ssh has ended and finds out why.
func (s *Stream) wait() {
	s.once.Do(func() {
		err := s.cmd.Wait()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			s.fail(explain(exit.ExitCode(), s.said.String()))
		}
	})
}

// tail keeps the end of what is written to it. Whatever a host prints in front
// (its banner, its message of the day) does not matter.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const maxTail = 4 << 10

// Write never fails.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, b[max(0, len(b)-maxTail):]...)
	t.b = append(t.b[:0], t.b[max(0, len(t.b)-maxTail):]...)
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
