//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package control

import (
	"io/fs"
	"net"

	"msg"
)

// Listen is for systems with unix sockets.
func Listen(path string, mode fs.FileMode) (net.Listener, error) {
	return nil, msg.UnsupportedError("msgd does not run on this system: run it on a Linux computer")
}
