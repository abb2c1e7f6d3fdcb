package dcerpc

import (
	"context"
	"fmt"
)

// Initiator is the client's half of proving who is who. NewNTLM, NewKerberos
// and NewSPNEGO make one, which is good for one connection.
type Initiator interface {
	kind() uint8  // of authentication, in trailers
	mechs() []oid // its names in SPNEGO, the preferred one first
	// step takes what the server sent, nil at first, and gives what is to be
	// sent. It is called until session is not nil.
	step(ctx context.Context, in []byte) ([]byte, error)
	session() session
}

// acceptor is the server's half.
type acceptor interface {
	step(ctx context.Context, in []byte) ([]byte, error)
	session() session
	account() Account // valid once there is a session
}

// Account is who somebody has proved to be.
type Account struct {
	User, Domain string
	Guest        bool     // whoever could not be proved: refused by the Server
	SIDs         []string // of the account and its groups, if they are known
	mechanism    string
}

// session protects PDUs, once both halves are done. Its methods are called in
// the order in which PDUs are sent and received.
type session interface {
	// tokenSize is the length of what seal gives, which depends on nothing else.
	tokenSize(level uint8) int
	seal(p sealed) ([]byte, error)
	open(p sealed, token []byte) error
	// mic signs a list of mechanisms for SPNEGO; checkMIC is for the peer's.
	mic(data []byte) ([]byte, error)
	checkMIC(data, mic []byte) error
}

// sealed is a PDU without its token. Its body is sealed in place.
type sealed struct {
	pdu      []byte
	from, to int // the body with its padding
	level    uint8
	headers  bool // header signing was agreed on
}

func (p sealed) body() []byte { return p.pdu[p.from:p.to] }

// protection is the security of a connection in one place: how each PDU of it
// is protected. A nil session protects nothing.
type protection struct {
	session session
	kind    uint8
	level   uint8
	context uint32
	headers bool
}

// padding is a multiple of any block size. [MS-RPCE] 2.2.2.11 wants the
// trailer aligned to 4 only, but Kerberos seals in blocks of 16.
const padding = 16

// room is how much data fits in a fragment of size bytes.
func (s *protection) room(size int) int {
	size -= callHeader
	if s.session != nil {
		size -= trailerSize + s.session.tokenSize(s.level)
	}
	return size &^ (padding - 1)
}

// fragment makes a PDU out of a head of callHeader bytes, and a part of the
// data.
func (s *protection) fragment(head, part []byte) ([]byte, error) {
	if s.session == nil {
		b := append(append(make([]byte, 0, len(head)+len(part)), head...), part...)
		putLengths(b, len(b), 0)
		return b, nil
	}
	pad, token := -len(part)&(padding-1), s.session.tokenSize(s.level)
	end := len(head) + len(part) + pad
	b := make([]byte, end+trailerSize, end+trailerSize+token)
	copy(b, head)
	copy(b[len(head):], part)
	copy(b[end:], []byte{s.kind, s.level, byte(pad), 0,
		byte(s.context), byte(s.context >> 8), byte(s.context >> 16), byte(s.context >> 24)})
	putLengths(b, cap(b), token)
	sig, err := s.session.seal(sealed{b, len(head), end, s.level, s.headers})
	if err != nil {
		return nil, err
	}
	return append(b, sig...), nil
}

// open gives the data of a PDU, which begins at from. Without a session it is
// as it came.
func (s *protection) open(p pdu, from int) ([]byte, error) {
	if from > p.end {
		return nil, fmt.Errorf("%w: it is too short", errPDU)
	}
	if s.session == nil {
		return p.raw[from:p.end], nil
	}
	t := p.auth
	switch {
	case t == nil:
		return nil, fmt.Errorf("%w: a PDU is not protected", ErrSecurity)
	case t.kind != s.kind || t.level != s.level || t.context != s.context:
		return nil, fmt.Errorf("%w: a PDU is protected with kind %d at level %d, not %d at %d", ErrSecurity, t.kind, t.level, s.kind, s.level)
	case int(t.pad) > p.end-from:
		return nil, fmt.Errorf("%w: more padding than data", errPDU)
	}
	whole := sealed{p.raw[:p.end+trailerSize], from, p.end, s.level, s.headers}
	if err := s.session.open(whole, t.token); err != nil {
		return nil, err
	}
	return p.raw[from : p.end-int(t.pad)], nil
}
