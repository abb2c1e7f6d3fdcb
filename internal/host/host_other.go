//go:build !linux

package host

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"msg"
)

// Open says that this system is not supported.
func Open() (msg.Host, error) {
	return nil, msg.UnsupportedError("sessions of " + runtime.GOOS + " are not supported by this version")
}

// RunHelper is never called here, see IsHelper.
func RunHelper(func(context.Context, msg.Answer) error) int {
	fmt.Fprintln(os.Stderr, "msg: helpers are used on Linux only")
	return 1
}
