package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"
)

// pipePrefix is how the names of local pipes begin.
const pipePrefix = `\\.\pipe\`

// pipeBuffer is how much waits in a pipe for the other end.
const pipeBuffer = 64 << 10

// Listen makes a named pipe, for clients of this computer only, see
// pipeDescriptor. It has to be the first of that name: two daemons can not have
// the same one, and nobody can have been there before.
func Listen(path string, mode fs.FileMode) (net.Listener, error) {
	if !strings.HasPrefix(strings.ToLower(path), pipePrefix) {
		return nil, fmt.Errorf(`listening on %q: it is not the name of a pipe, such as %s`, path, Socket)
	}
	own, err := ownSID()
	if err != nil {
		return nil, fmt.Errorf("finding out the account of this process: %w", err)
	}
	l, err := winio.ListenPipe(path, &winio.PipeConfig{
		SecurityDescriptor: pipeDescriptor(own, windows.GetCurrentProcessToken().IsElevated(), mode), InputBufferSize: pipeBuffer, OutputBufferSize: pipeBuffer,
	})
	switch {
	case errors.Is(err, windows.ERROR_ACCESS_DENIED), errors.Is(err, fs.ErrExist), errors.Is(err, windows.ERROR_PIPE_BUSY):
		return nil, fmt.Errorf("listening on %q: another msgd, or another program, has it: stop that one first (%w)", path, err)
	case err != nil:
		return nil, fmt.Errorf("listening on %q: %w", path, err)
	}
	return l, nil
}

// ownSID is the account of this process.
func ownSID() (string, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return "", err
	}
	return user.User.Sid.String(), nil
}
