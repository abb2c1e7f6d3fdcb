package host

import (
	"context"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"msg"
	"msg/internal/account"
)

// helperCommand prepares this program to run again with one user's rights:
// credentials before exec, an environment that nobody chose, no terminal, no
// descriptor but the connection.
//
// It does not end with this process: a window stays while msgd is restarted,
// and a message without an answer stays until its time is over. That gives its
// user nothing. The process has that user's rights only, and its user could
// start one like it and keep it for as long as the system lets him.
func helperCommand(a account.Account) (*exec.Cmd, error) {
	// Whatever this process was started with stays here.
	if err := unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return nil, fmt.Errorf("closing what the helper must not have: %w", err)
	}
	// By this name it is the same version, even if another was installed.
	cmd := exec.Command("/proc/self/exe", helperUser)
	cmd.Args[0] = "msg"
	cmd.Dir = "/"
	cmd.Env = []string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + a.Home, "USER=" + a.Name,
		"LOGNAME=" + a.Name, "LANG=C.UTF-8",
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	switch me := uint32(os.Getuid()); {
	case me == 0:
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: a.UID, Gid: a.GID, Groups: a.Groups}
	case me != a.UID:
		return nil, fmt.Errorf("acting for %s: %w", a.Name, os.ErrPermission)
	}
	return cmd, nil
}

// RunHelper is the whole life of a helper process; it returns the exit code.
// The program that started it may end before its windows do. An answer that
// comes after that is given to late, as the user whose answer it is; late is
// called again for a while if it fails. Without late such an answer is lost.
func RunHelper(late func(ctx context.Context, a msg.Answer) error) int {
	if address, ok := strings.CutPrefix(os.Args[1], helperPopup); ok {
		return runPopup(address, os.Stdin, os.Stdout)
	}
	conn, err := net.FileConn(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "msg: a helper is started by msg itself")
		return 1
	}
	self, err := os.Executable()
	if err != nil {
		return 1
	}
	return newServant(conn, self, late).serve()
}
