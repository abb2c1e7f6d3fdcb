// Package route finds the way to a computer: this one through its msgd or, if
// none is running, directly; others by Windows' remote calls or by ssh to their
// msgd.
//
// It promises that a name goes the way that it says or, if it says none, one
// that answers within a second, and that an error names the computer and what
// was tried. Start with Router.To; Router.Answer is for whoever was asked.
package route

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"msg"
	"msg/internal/control"
	"msg/internal/hostname"
	"msg/internal/login"
	"msg/internal/ssh"
	"msg/internal/text"
)

// Router knows what is the same for all computers of a command.
type Router struct {
	Open   func() (msg.Host, error) // this computer, without msgd
	Sender func() string            // who sends, for messages that no msgd signs
	Socket string                   // where msgd listens; a msg that waits takes answers in the same folder, or in OwnDir
	OwnDir string                   // where this process may take answers itself; empty where they come in windows only

	// RPC opens a Windows computer by Windows' remote calls; nil where this
	// program has none. An error that is errors.ErrUnsupported says that the
	// computer has none, and that there is no harm in another way.
	RPC    func(ctx context.Context, name string, from *login.Source) (msg.Host, error)
	Native bool          // they are this system's own, and the way to all names that do not say another
	From   *login.Source // the account for them

	Dial func(ctx context.Context, name string) (net.Conn, error) // to the port of them; nil is the usual way

	Ask  bool        // ssh may ask for a password at the terminal
	Warn func(error) // what does not keep a message from being sent
}

// Computer is a way to one computer. It is a msg.Host that does what else its
// msgd can do.
type Computer struct {
	*control.Client
	By, Why string // how another computer is reached, and why so; empty for this one

	router Router
	here   bool
	rpc    msg.Host    // a Windows computer, without any msgd
	name   string      // of another computer, as it was written
	stream *ssh.Stream // the last one to it

	members []string // of the fleet, that it stands for
	reach   func(msg.Reach)
}

// notMember is why a name does not go by the fleet, see Split.
const notMember = "not a member"

// To finds the way to a computer: NAME, rpc://NAME, or
// ssh://[USER@]NAME[:PORT].
func (r Router) To(ctx context.Context, name string) (*Computer, error) {
	scheme, rest, forced := strings.Cut(name, "://")
	if !forced {
		if hostname.IsLocal(name) {
			return r.here(), nil
		}
		return r.find(ctx, name)
	}
	switch strings.ToLower(scheme) {
	case "ssh":
		h, err := ssh.Parse(strings.TrimSuffix(rest, "/"))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", quote(name), err)
		}
		return r.overSSH(name, h, "its name says so"), nil
	case "rpc":
		if r.RPC != nil {
			return r.overRPC(ctx, strings.TrimSuffix(rest, "/"), "its name says so")
		}
		return nil, fmt.Errorf("%s: no route: %w", quote(name), errNoRPC)
	case "fleet":
		member, _ := cutFleet(name)
		return r.Fleet([]string{member}, nil), nil
	}
	return nil, fmt.Errorf("%s: no route: there is none that is called %s", quote(name), quote(scheme))
}

// quote shows the name of a computer that somebody has typed.
func quote(name string) string { return `"` + text.Cut(text.Line(name), 60) + `"` }

func (r Router) overSSH(name string, h ssh.Host, why string) *Computer {
	c := &Computer{By: "ssh", Why: why, name: name, router: r}
	c.Client = control.NewClient(func(ctx context.Context) (io.ReadWriteCloser, error) {
		s, err := ssh.Dial(ctx, h, r.Ask)
		if err != nil {
			return nil, err
		}
		c.stream = s
		return s, nil
	}, "")
	return c
}

// explain makes an error that says which computer it is about, if it is
// another one. Where ssh has brought nobody to a msgd, it knows why.
func (c *Computer) explain(err error) error {
	switch {
	case err == nil || c.here:
		return err
	case errors.Is(err, control.ErrSilent) && c.stream.Err() != nil:
		err = fmt.Errorf("ssh: %w", c.stream.Err())
	}
	return fmt.Errorf("%s: %w", quote(c.name), err)
}

// answerTime is how long a computer may take to say what came of a message,
// beside the time that it waits for answers.
const answerTime = time.Minute

// limited ends a request that nothing else would end.
func (c *Computer) limited(ctx context.Context, m msg.Message) (context.Context, context.CancelFunc) {
	limit := answerTime
	if c.router.Ask {
		limit += ssh.AskTimeout
	}
	if m.Wait {
		if m.Timeout == 0 {
			return ctx, func() {}
		}
		limit += m.Timeout + m.Queue
	}
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("there was no reply for %v", limit))
}
