package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// Time-outs on a user's own bus. Whoever answers there is the user's choice,
// and may never do.
const (
	busDial = time.Second
	busCall = 1500 * time.Millisecond
)

// unixAddress reads a D-Bus address, see "Server Addresses" in the
// specification: the first that is a socket of this computer. Other ways, of
// which one runs a program, are not gone.
func unixAddress(address string) (name string, ok bool) {
	for one := range strings.SplitSeq(address, ";") {
		keys, ok := strings.CutPrefix(one, "unix:")
		if !ok {
			continue
		}
		for pair := range strings.SplitSeq(keys, ",") {
			key, value, _ := strings.Cut(pair, "=")
			value, err := url.PathUnescape(value) // the same %XX
			if err != nil || value == "" || strings.ContainsRune(value, 0) {
				continue
			}
			switch {
			case key == "path" && value[0] == '/':
				return value, true
			case key == "abstract":
				return "@" + value, true
			}
		}
	}
	return "", false
}

// dialOwnBus connects to a bus of the user of this process. name is a path, or
// begins with @ for an abstract name, which anybody might listen on: so the
// kernel is asked who does.
func dialOwnBus(ctx context.Context, name string) (*dbus.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, busDial)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", name)
	if err != nil {
		return nil, fmt.Errorf("connecting to the bus of the user: %w", err)
	}
	raw := c.(*net.UnixConn)
	if uid := peerUID(raw); uid != os.Getuid() && uid != 0 {
		raw.Close()
		return nil, fmt.Errorf("the bus at %q is one of user %d: %w", name, uid, os.ErrPermission)
	}
	conn, err := greetBus(raw)
	if err != nil {
		raw.Close()
		return nil, fmt.Errorf("greeting the bus of the user: %w", err)
	}
	return conn, nil
}

// greetBus makes a connection to a bus of what may be anything.
func greetBus(raw *net.UnixConn) (*dbus.Conn, error) {
	if err := raw.SetDeadline(time.Now().Add(busDial)); err != nil {
		return nil, err
	}
	conn, err := dbus.NewConn(patient{raw}, dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
	if err != nil {
		return nil, err
	}
	if err = conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Getuid()))}); err == nil {
		err = conn.Hello()
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, raw.SetDeadline(time.Time{})
}

// patient is a connection whose writes have a deadline: the library waits for
// them without one.
type patient struct{ *net.UnixConn }

// Write writes within busCall.
func (p patient) Write(b []byte) (int, error) {
	if err := p.SetWriteDeadline(time.Now().Add(busCall)); err != nil {
		return 0, err
	}
	return p.UnixConn.Write(b)
}
