package route

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"msg"
	"msg/internal/control"
	"msg/internal/hosttest"
)

// TestSplit holds which hosts go by the fleet, with a msgd that is a member and
// without any.
func TestSplit(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	r := Router{Socket: socket}
	hosts := []string{"*", "tag:lab", "lab-?", "fleet://Web1/", "LAB-07", "web2", "ssh://web3", "bob@web4", "localhost"}
	members, others := r.Split(t.Context(), hosts)
	if !slices.Equal(members, []string{"*", "tag:lab", "lab-?", "Web1"}) || !slices.Equal(others, []string{"LAB-07", "web2", "ssh://web3", "bob@web4", "localhost"}) {
		t.Errorf("without msgd: %q, %q", members, others)
	}
	if err := r.Fleet([]string{"*"}, nil).Send(t.Context(), msg.Target{msg.ParseSelector("*")}, hosttest.Message("x"), func(msg.Receipt) {}); !errors.Is(err, control.ErrNoDaemon) {
		t.Errorf("sending without msgd: %v", err)
	}
	l, err := control.Listen(socket, 0o666)
	if err != nil {
		t.Skipf("there are no such sockets on this system: %v", err)
	}
	server := control.Server{Service: answers{}, Host: "here", Fleet: &control.Fleet{
		Members: func(_ context.Context, _ msg.Principal, hosts []string) ([]msg.Member, error) {
			if slices.Equal(hosts, []string{"web9"}) {
				return nil, nil
			}
			if slices.Equal(hosts, []string{"secret"}) {
				return nil, fmt.Errorf("%w: the grant is not for you", msg.ErrRefused)
			}
			if !slices.Equal(hosts, []string{"lab-07", "web2"}) {
				t.Errorf("asked for %q", hosts)
			}
			return []msg.Member{{Name: "lab-07"}}, nil
		},
	}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, l) }()
	members, others = r.Split(t.Context(), hosts)
	if !slices.Equal(members, []string{"*", "tag:lab", "lab-?", "Web1", "lab-07"}) || !slices.Equal(others, []string{"web2", "ssh://web3", "bob@web4", "localhost"}) {
		t.Errorf("with msgd: %q, %q", members, others)
	}
	if why := r.noFleet(t.Context(), "Web9"); why != notMember {
		t.Errorf("of a name that is no member: %q", why)
	}
	if why := r.noFleet(t.Context(), "secret"); why != "not allowed: the grant is not for you" {
		t.Errorf("of a fleet that is for others: %q", why)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
