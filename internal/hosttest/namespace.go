package hosttest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// InNamespaces runs this program once more in new mount, network and PID
// namespaces, and those that more names as options of unshare(1), and returns
// its exit code. script is for sh(1): it prepares the namespaces, runs its
// arguments, and ends with its standard input, which ends with this process.
// The program gets these arguments and this environment.
func InNamespaces(script string, arguments, environment []string, more ...string) int {
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "namespaces of a test:", err)
		return 1
	}
	args := append([]string{"--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"}, more...)
	args = append(args, "sh", "-c", script, "namespace.sh", self)
	cmd := exec.Command("unshare", append(args, arguments...)...)
	cmd.Env = environment
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	hold, err := cmd.StdinPipe() // it ends with this process, however that ends
	if err == nil {
		defer hold.Close()
		err = cmd.Run()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "namespaces of a test:", err)
		return 1
	}
	return 0
}
