package tsts

import (
	"encoding/binary"
	"errors"
	"net"
)

// errGuest is why a sign-in that works is not taken: a computer lets anybody in
// as a guest, so it has not shown that it knows the account.
var errGuest = errors.New("it signs this account in as a guest or anonymously, and not as itself")

// guard watches the sign-in of SMB2 and fails if it makes a guest or anonymous
// session of it. The library leaves that to its user, and does not tell.
type guard struct {
	net.Conn
	seen []byte // what was read of the frame that is being read
	done bool   // the sign-in is over
	err  error
}

// Offsets within a frame of SMB2 ([MS-SMB2] 2.2.1.2, 2.2.6), which has a length
// of four bytes in front.
const (
	frameHead     = 4
	statusAt      = frameHead + 8
	commandAt     = frameHead + 12
	flagsAt       = frameHead + 64 + 2
	guardedBytes  = flagsAt + 2
	sessionSetup  = 1
	guestFlags    = 0x1 | 0x2 // SMB2_SESSION_FLAG_IS_GUEST, _IS_NULL
	maxSignInSize = 1 << 17
)

// Read reads, and looks at each frame until the one that ends the sign-in.
func (g *guard) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	if !g.done {
		g.seen = append(g.seen, b[:n]...)
		g.look()
	}
	if g.err != nil {
		return 0, g.err
	}
	return n, err
}

// look takes whole frames off what was read.
func (g *guard) look() {
	for len(g.seen) >= frameHead && !g.done {
		size := int(binary.BigEndian.Uint32(g.seen)) + frameHead
		if size > maxSignInSize {
			g.err = errors.New("it sends too much while signing in")
			g.done = true
			return
		}
		if len(g.seen) < size {
			return
		}
		f := g.seen[:size]
		g.seen = g.seen[size:]
		g.frame(f)
	}
}

func (g *guard) frame(f []byte) {
	if len(f) < guardedBytes || binary.LittleEndian.Uint16(f[commandAt:]) != sessionSetup || binary.LittleEndian.Uint32(f[statusAt:]) != 0 {
		return
	}
	g.done, g.seen = true, nil
	if binary.LittleEndian.Uint16(f[flagsAt:])&guestFlags != 0 {
		g.err = errGuest
	}
}
