package host

import (
	"context"
	"fmt"
	"os"
	"time"

	"msg"
	"msg/internal/account"
)

// Local is this computer, a msg.Host. All of it is mac, which is tested on
// Linux and has never run on a Mac.
type Local struct{ *mac }

// macSettle is how long a dialog has to fail in. osascript does not say that a
// dialog is on the screen: one that is there after that counts.
const macSettle = time.Second

// Open returns this computer. It needs no set-up and no special right; what
// the caller may not do turns up in receipts.
func Open() (*Local, error) {
	name, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("name of this computer: %w", err)
	}
	return &Local{&mac{
		name: name, dev: "/dev", isTTY: macTTY, console: "/dev/console", utmpx: "/var/run/utmpx",
		tools: macTools{osascript: "/usr/bin/osascript", launchctl: "/bin/launchctl", sudo: "/usr/bin/sudo", who: "/usr/bin/who"},
		users: account.New(), uid: os.Getuid(), settled: func() <-chan time.Time { return time.After(macSettle) },
	}}, nil
}

// errDaemon is what msgd is told.
var errDaemon = msg.UnsupportedError("msgd does not run on macOS: run it on a Linux computer")

// Resume has nobody to wait for: only msgd calls it.
func (*Local) Resume(context.Context, []msg.Session, msg.Message, func(msg.Receipt)) {}

// Answer has nothing to answer: on a Mac the dialog itself says what was pressed.
func (*Local) Answer(context.Context, msg.Principal, msg.Answer) (msg.Receipt, error) {
	return msg.Receipt{}, msg.ErrNothing
}

// Keep keeps nothing: sessions are listed anew each time.
func (*Local) Keep(context.Context) error { return errDaemon }

// Changes is never ready.
func (*Local) Changes() <-chan struct{} { return nil }

// Close has nothing to let go of.
func (*Local) Close() error { return nil }

// RunHelper is never called here, see IsHelper.
func RunHelper(func(context.Context, msg.Answer) error) int {
	fmt.Fprintln(os.Stderr, "msg: helpers are used on Linux only")
	return 1
}
