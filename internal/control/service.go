// Package control is the protocol between msg and msgd: one line of JSON that
// asks, and lines of JSON that answer, over any stream. doc/protocol.md shows
// each of them.
//
// It promises that whoever asks is who the kernel says, that a client which is
// slow, silent or wrong costs the others nothing, and that what comes in is
// checked before anybody acts on it. Start with Service, which a Server offers
// and a Client uses.
package control

import (
	"context"

	"msg"
)

// Service is what can be asked for over a stream. Every method takes who asks;
// the service decides whether that is allowed, nobody else does.
//
// Errors that a client can tell apart are those of package msg: ErrMessage,
// ErrRefused, ErrLimit, ErrNothing, ErrButton, *NoSessionError and
// *UnsupportedError.
type Service interface {
	// Sessions lists the sessions that p may know of.
	Sessions(ctx context.Context, p msg.Principal) ([]msg.Session, error)

	// Send is msg.Host.Send on behalf of p. When ctx ends because the client
	// has gone, a message that waits is taken off the screens; one that does
	// not wait is delivered all the same.
	Send(ctx context.Context, p msg.Principal, t msg.Target, m msg.Message, report func(msg.Receipt)) error

	// Answer answers a message that was shown to p, and returns what is on
	// record for it then.
	Answer(ctx context.Context, p msg.Principal, a msg.Answer) (msg.Receipt, error)

	// SetDND changes p's own do-not-disturb; DND says what it is.
	SetDND(ctx context.Context, p msg.Principal, d msg.DND) error
	DND(ctx context.Context, p msg.Principal) (msg.DND, error)

	// Messages reports the newest messages that p may know of, the newest
	// first, at most limit; or, if id is not empty, those that it means (see
	// msg.IsID).
	Messages(ctx context.Context, p msg.Principal, id string, limit int, report func(msg.Record)) error
}
