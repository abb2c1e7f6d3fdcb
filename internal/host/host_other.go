//go:build !linux && !windows && !darwin

package host

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"msg"
)

// Local would be this computer. There is none on this system.
type Local struct{}

// errSystem is what there is instead.
var errSystem = msg.UnsupportedError("sessions of " + runtime.GOOS + " are not supported by this version")

// Open says that this system is not supported.
func Open() (*Local, error) { return nil, errSystem }

// Sessions lists nobody.
func (*Local) Sessions(context.Context) ([]msg.Session, error) { return nil, errSystem }

// Send reaches nobody.
func (*Local) Send(context.Context, msg.Target, msg.Message, func(msg.Receipt)) error {
	return errSystem
}

// Deliver has nobody to deliver to: no session was ever listed.
func (*Local) Deliver(context.Context, []msg.Session, msg.Message, func(msg.Receipt)) {}

// Resume has nobody to wait for.
func (*Local) Resume(context.Context, []msg.Session, msg.Message, func(msg.Receipt)) {}

// Answer has nothing to answer.
func (*Local) Answer(context.Context, msg.Principal, msg.Answer) (msg.Receipt, error) {
	return msg.Receipt{}, msg.ErrNothing
}

// Keep keeps nothing.
func (*Local) Keep(context.Context) error { return errSystem }

// Changes is never ready.
func (*Local) Changes() <-chan struct{} { return nil }

// Close has nothing to let go of.
func (*Local) Close() error { return nil }

// RunHelper is never called here, see IsHelper.
func RunHelper(func(context.Context, msg.Answer) error) int {
	fmt.Fprintln(os.Stderr, "msg: helpers are used on Linux only")
	return 1
}
