package route

import (
	"context"
	"fmt"
	"io"
	"strings"
	"unicode"

	"msg"
	"msg/internal/control"
	"msg/internal/text"
)

// What a Windows computer without msgd does not do.
const (
	errNoMessages = msg.UnsupportedError("Windows keeps no messages: ask a computer that has msgd")
	errNoKeeping  = msg.UnsupportedError("Windows keeps no messages (/queue): that needs a computer that has msgd; nothing was sent")
)

// overRPC is a Windows computer by remote calls.
func (r Router) overRPC(ctx context.Context, name, why string) (*Computer, error) {
	bare := strings.TrimPrefix(name, `\\`)
	if bare == "" || strings.HasPrefix(bare, "-") || strings.ContainsFunc(bare, notInName) || text.Line(bare) != bare {
		return nil, fmt.Errorf("%s: that is not the name of a computer", quote(name))
	}
	h, err := r.RPC(ctx, bare, r.From)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", quote(name), err)
	}
	if p, ok := h.(interface{ Proof() string }); ok {
		why += "; " + p.Proof()
	}
	none := func(context.Context) (io.ReadWriteCloser, error) { return nil, errNoMessages }
	return &Computer{Client: control.NewClient(none, bare), By: "Windows' remote calls", Why: why, router: r, name: name, rpc: h}, nil
}

// notInName reports whether no name or address of a computer has r in it.
func notInName(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(`\/"*?<>|,;@`, r) }

func (c *Computer) sendRPC(ctx context.Context, t msg.Target, m msg.Message, report func(msg.Receipt)) error {
	if m.Queue > 0 {
		return fmt.Errorf("%s: %w", quote(c.name), errNoKeeping)
	}
	m.From = c.router.Sender()
	return c.rpc.Send(ctx, t, m, report)
}

// Close lets go of the computer.
func (c *Computer) Close() error {
	if c.rpc != nil {
		return c.rpc.Close()
	}
	return c.Client.Close()
}
