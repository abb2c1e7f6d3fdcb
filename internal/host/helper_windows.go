package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/windows"

	"msg"
	"msg/internal/wts"
)

// A box in the session of this process is shown by a helper: the same program
// again, which stays as long as its box, and whose end closes it. That gives
// the box a time-out, and lets it outlive a msg that does not wait.

// exitNotShown is the exit code of a helper that cannot show its box; others
// are what the box says.
const exitNotShown = 255

// showByHelper shows a box and returns what came of it. The helper says when it
// has all that it needs, and this process may end.
func showByHelper(ctx context.Context, b wts.Box, shown func()) (wts.Response, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	request, err := json.Marshal(b)
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, self, helperUser)
	cmd.Stdin = bytes.NewReader(request)
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP}
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return 0, fmt.Errorf("starting a helper: %w", err)
	}
	if n, _ := out.Read(make([]byte, 1)); n > 0 {
		shown()
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, errors.New("the helper shows nothing")
	case !errors.As(err, &exit):
		return 0, fmt.Errorf("waiting for a helper: %w", err)
	case exit.ExitCode() == exitNotShown:
		return 0, errors.New("a box cannot be shown from here either")
	}
	return wts.Response(exit.ExitCode()), nil
}

// RunHelper is the helper: it shows the box that standard input describes, and
// returns what the box says. late is for systems where answers come otherwise.
func RunHelper(late func(context.Context, msg.Answer) error) int {
	var b wts.Box
	if err := json.NewDecoder(io.LimitReader(os.Stdin, 1<<20)).Decode(&b); err != nil {
		fmt.Fprintf(os.Stderr, "msg: helper: %v\n", err)
		return exitNotShown
	}
	fmt.Println() // see showByHelper
	closed := make(chan int, 1)
	go func() {
		response, err := wts.Show(wts.Box{Title: b.Title, Text: b.Text, Style: b.Style | wts.StyleForeground | wts.StyleTopmost})
		if err != nil {
			response = exitNotShown
		}
		closed <- int(response)
	}()
	var expired <-chan time.Time
	if b.Timeout > 0 {
		expired = time.After(b.Timeout)
	}
	select {
	case response := <-closed:
		return response
	case <-expired:
		return int(wts.ResponseTimeout)
	}
}
