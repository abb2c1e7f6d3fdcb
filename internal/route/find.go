package route

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"msg/internal/ssh"
	"msg/internal/text"
)

// probeTime is how long a port may take to answer.
const probeTime = time.Second

// smbPort is where Windows' remote calls come in.
const smbPort = "445"

// find takes the first way that works: Windows' remote calls, then ssh. Both
// ports are knocked at side by side, so that it is known within a second which
// are open; only then an account is shown to anybody, and only to this name.
//
// A fleet goes before both. Its members are known without asking anybody.
func (r Router) find(ctx context.Context, name string) (*Computer, error) {
	if r.Native {
		return r.overRPC(ctx, name, "the way of this system")
	}
	bare := strings.TrimPrefix(name, `\\`)
	h, err := ssh.Parse(bare)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", quote(name), err)
	}
	remote := make(chan error, 1)
	go func() { remote <- r.knock(ctx, h) }()
	shell := make(chan probed, 1)
	go func() {
		why, err := ssh.Probe(ctx, h)
		shell <- probed{why, err}
	}()
	c, noRPC := r.tryRPC(ctx, name, <-remote)
	if noRPC == nil {
		return c, nil
	}
	var refused *refusedError
	if errors.As(noRPC, &refused) {
		return nil, refused.error
	}
	s := <-shell
	if s.err != nil {
		return nil, fmt.Errorf("%s: no route: fleet: %s; Windows RPC: %s; ssh: %w", quote(name), r.noFleet(ctx, name), text.Line(noRPC.Error()), s.err)
	}
	if r.RPC != nil {
		s.why += "; Windows RPC: " + text.Line(noRPC.Error())
	}
	return r.overSSH(name, h, s.why), nil
}

// probed is what ssh.Probe says.
type probed struct {
	why string
	err error
}

// refusedError is a computer that has Windows' remote calls and refuses this
// one: the way is right, and another one would hide why.
type refusedError struct{ error }

// Reasons for not taking Windows' remote calls.
var (
	errNoRPC     = errors.New("msg-remote is not installed on this computer")
	errNoAccount = errors.New("port " + smbPort + " answers, but no account is given: sign in with kinit, or write /user:NAME")
)

// knock finds out whether the port of Windows' remote calls answers.
func (r Router) knock(ctx context.Context, h ssh.Host) error {
	if r.RPC == nil {
		return errNoRPC
	}
	if h.User != "" || h.Port != "" {
		return errors.New("the name has a user or a port, which are for ssh")
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	conn, err := r.connect(ctx, h.Name)
	if err != nil {
		return unanswered(err)
	}
	conn.Close()
	if !r.From.Given() {
		return errNoAccount
	}
	return nil
}

func (r Router) connect(ctx context.Context, name string) (net.Conn, error) {
	if r.Dial != nil {
		return r.Dial(ctx, name)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(name, smbPort))
}

// unanswered says in few words why a port does not answer.
func unanswered(err error) error {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return errors.New("there is no host of that name")
	case strings.Contains(err.Error(), "refused"):
		return errors.New("connection refused on port " + smbPort)
	}
	return errors.New("port " + smbPort + " does not answer")
}

// tryRPC goes by Windows' remote calls; err is why that is not tried at all. An
// error is a refusedError, unless the computer has no such calls.
func (r Router) tryRPC(ctx context.Context, name string, err error) (*Computer, error) {
	if err != nil {
		return nil, err
	}
	c, err := r.overRPC(ctx, name, "its port "+smbPort+" answers, and it has Terminal Services")
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return nil, &refusedError{err}
	}
	return c, plain(err)
}

// plain takes the name off an error of overRPC that becomes a part of another
// one.
func plain(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}
