package msg

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Host is somewhere that has sessions: this computer, another one, a fleet.
// internal/hosttest holds this contract as a test suite.
type Host interface {
	// Sessions lists the sessions there are now. The slice is the caller's.
	Sessions(ctx context.Context) ([]Session, error)

	// Send shows m in every session that t means.
	//
	// report is called on one goroutine at a time, at least once for every
	// session that matches, and never after Send has returned; the last call
	// for a session is Final. One session's failure is a Receipt and does not
	// keep the others waiting. The error is about the whole send: a message
	// that Message.Check refuses (nothing is shown), or, as a
	// *NoSessionError, selectors that fit nothing (the others were sent to).
	// When ctx ends, sessions that were not yet served get a failed Receipt.
	Send(ctx context.Context, t Target, m Message, report func(Receipt)) error

	// Close lets go of what the Host holds. It does not end a Send.
	Close() error
}

// ErrNoSession is what a *NoSessionError is.
var ErrNoSession = errors.New("does not exist or is disconnected")

// NoSessionError names the selectors that fit no session.
type NoSessionError struct {
	Selectors []string
}

// Error joins the selectors in one line.
func (e *NoSessionError) Error() string {
	return strings.Join(e.Selectors, ", ") + " " + ErrNoSession.Error()
}

// Is makes errors.Is(err, ErrNoSession) true.
func (e *NoSessionError) Is(target error) bool { return target == ErrNoSession }

// Errors of a whole send, beside ErrMessage and ErrNoSession.
var (
	// ErrRefused is wrapped by the error of what a rule does not allow.
	ErrRefused = errors.New("not allowed")

	// ErrStopping is the cause (see context.Cause) of the end of a context when
	// the program ends, and not because somebody wants it: windows stay on the
	// screens, and whoever comes next goes on with them.
	ErrStopping = errors.New("msgd is being stopped")

	// ErrLimit is wrapped by the error of what would be too much: too many
	// messages in too short a time, too many that wait.
	ErrLimit = errors.New("too much")
)

// UnsupportedError says what this version, or this system, cannot do and what
// to do about it. errors.Is finds it as errors.ErrUnsupported.
type UnsupportedError string

// Error returns the text.
func (e UnsupportedError) Error() string { return string(e) }

// Is makes errors.Is(err, errors.ErrUnsupported) true.
func (e UnsupportedError) Is(target error) bool { return target == errors.ErrUnsupported }

// SystemError says that a computer did not tell its sessions, as the commands
// of its own system say it.
type SystemError struct {
	Code uint32 // the system's number; 0 if it gave none
	Text string // the system's words for it
	Cure string // what that means and what to do, in one line that names the computer
}

// Error is one line of it all.
func (e *SystemError) Error() string {
	return fmt.Sprintf("error %d getting session names: %s", e.Code, e.Cure)
}

// MissingError makes the error for what Target.Resolve found missing, or nil.
func MissingError(missing []Selector) error {
	if len(missing) == 0 {
		return nil
	}
	e := &NoSessionError{}
	for _, s := range missing {
		e.Selectors = append(e.Selectors, s.String())
	}
	return e
}
