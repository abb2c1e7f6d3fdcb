//go:build !linux

package host

import (
	"fmt"
	"os"
	"os/user"
	"runtime"

	"msg"
)

// Open says that this system is not supported.
func Open() (msg.Host, error) {
	return nil, msg.UnsupportedError("sessions of " + runtime.GOOS + " are not supported by this version")
}

// Caller names who runs this process.
func Caller() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

// RunHelper is never called here, see IsHelper.
func RunHelper() int {
	fmt.Fprintln(os.Stderr, "msg: helpers are used on Linux only")
	return 1
}
