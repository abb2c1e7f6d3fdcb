package lab

import (
	"context"
	_ "embed"
	"fmt"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"
)

//go:embed network.sh
var networkScript string

// A network is the place from which the people of the tests sign in: namespaces
// with a bridge that every host is plugged into.
type network struct {
	cell *cell
	pid  int
}

// shared is the network of this process. It exists while there is a host in it.
var shared struct {
	sync.Mutex
	network *network
	users   int
	hosts   int // counts up, for names and addresses that are not used twice
}

// joinNetwork returns the network, and a number for a new host in it, until the
// test ends.
func joinNetwork(t testing.TB) (n *network, number int) {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.users == 0 {
		shared.network = startNetwork(t)
	}
	shared.users++
	shared.hosts++
	t.Cleanup(func() { leaveNetwork(t) })
	return shared.network, shared.hosts
}

func leaveNetwork(t testing.TB) {
	shared.Lock()
	defer shared.Unlock()
	if shared.users--; shared.users > 0 {
		return
	}
	if err := shared.network.cell.close(); err != nil {
		t.Errorf("lab: network: %v", err)
	}
}

func startNetwork(t testing.TB) *network {
	t.Helper()
	c, err := startCell("unshare", "--fork", "--kill-child", "--pid", "--mount-proc", "--mount", "--net", "--",
		"sh", "-c", networkScript, "network.sh")
	if err != nil {
		t.Fatalf("lab: network: %v", err)
	}
	ctx, cancel := within(t, 10*time.Second)
	defer cancel()
	err = c.out.wait(ctx, contains("up\n"))
	pid, ok := c.init(1)
	if err != nil || !ok {
		_ = c.close()
		t.Fatalf("lab: network: %v\n%s", err, tail(c.out.String()))
	}
	return &network{cell: c, pid: pid}
}

// address is that of a host with this number.
func address(number int) string { return fmt.Sprintf("10.77.%d.%d", 1+number/250, 1+number%250) }

// command is a program of the test computer with the network of the clients. It
// is in the mount namespace too, although all files are the same there: that is
// how one tells that a terminal belongs to somewhere else, so that a message to
// everybody on the test computer leaves the lab alone.
func (n *network) command(args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"-t", strconv.Itoa(n.pid), "-n", "-m", "--"}, args...)...)
}

// heldCommand is like command, for a program that leaves its parent: it ends
// with the network.
func (n *network) heldCommand(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "nsenter", append([]string{"-t", strconv.Itoa(n.pid), "-a", "--"}, args...)...)
}
