package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"
)

// Socket is where msgd listens if nothing else is said.
const Socket = `\\.\pipe\msgd`

// absent reports whether the error of a dial means that nobody listens.
func absent(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// dial connects, and waits its turn where all instances of the pipe are taken.
// The server may learn who this is, and can do nothing in this account's name.
func dial(ctx context.Context, path string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, greetTimeout)
	defer cancel()
	return winio.DialPipeAccessImpLevel(ctx, path, pipeRights, winio.PipeImpLevelIdentification)
}

// checkServer looks who owns the pipe. While no msgd runs, any program could
// have made one of its name.
func checkServer(conn net.Conn, path string) error {
	handle, err := handleOf(conn)
	if err != nil {
		return err
	}
	sd, err := windows.GetSecurityInfo(handle, windows.SE_KERNEL_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return fmt.Errorf("finding out who listens on %q: %w", path, err)
	}
	owner, _, err := sd.Owner()
	if err != nil {
		return fmt.Errorf("finding out who listens on %q: %w", path, err)
	}
	self, err := ownSID()
	if err != nil {
		return fmt.Errorf("finding out the account of this process: %w", err)
	}
	if !mayServe(owner.String(), self) {
		return fmt.Errorf("%s listens on %q: msgd must be the system's or your own", owner, path)
	}
	return nil
}

// handleOf is the handle of a pipe.
func handleOf(c net.Conn) (windows.Handle, error) {
	f, ok := c.(interface{ Fd() uintptr })
	if !ok {
		return 0, fmt.Errorf("a %T is not a pipe", c)
	}
	return windows.Handle(f.Fd()), nil
}
