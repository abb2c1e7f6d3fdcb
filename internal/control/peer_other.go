//go:build !linux && !windows

package control

import (
	"net"

	"msg"
)

const errPeer = msg.UnsupportedError("who is at the other end of a socket is found out on Linux only: use an ssh:// route to a Linux computer")

// peer is nobody: this version asks the kernel of Linux only.
type peer struct{ uid uint32 }

func peerOf(net.Conn) (peer, error)            { return peer{}, errPeer }
func serverUID(net.Conn) (uint32, error)       { return 0, errPeer }
func (peer) groups() ([]uint32, error)         { return nil, errPeer }
func (peer) foreign() bool                     { return true }
func (peer) place() (terminal, session string) { return "", "" }
