package dialog

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

// Families of addresses in an authority file, see Xauth.h.
const (
	familyLocal = 256
	familyWild  = 65535
)

// magicCookie is the one kind of authority that local servers use.
const magicCookie = "MIT-MAGIC-COOKIE-1"

// cookieSize is the length of a magic cookie.
const cookieSize = 16

// maxAuthority bounds an authority file; each entry has about 60 bytes.
const maxAuthority = 1 << 20

// noCookie is sent where there is none. A server that lets this user in
// without one (xhost, Xwayland) does so with a wrong one as well.
var noCookie [cookieSize]byte

// readCookie returns the cookie for a display of this computer; without a file
// or an entry in it that is noCookie.
func readCookie(path, hostname, display string) ([]byte, error) {
	b, err := readRegular(path, maxAuthority)
	if os.IsNotExist(err) {
		return noCookie[:], nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the X authority: %w", err)
	}
	return findCookie(b, hostname, display), nil
}

// readRegular reads a file that is one, and not a pipe that could block.
func readRegular(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// findCookie searches an authority file, whose entries are a family and four
// strings, all with big-endian lengths of two bytes: address, display, name,
// data. An entry with this hostname wins over one with another: the name may
// have changed since the server was started.
func findCookie(b []byte, hostname, display string) []byte {
	other := noCookie[:]
	for {
		entry, rest, ok := cutEntry(b)
		if !ok {
			return other
		}
		b = rest
		number, name, data := string(entry.fields[1]), string(entry.fields[2]), entry.fields[3]
		if name != magicCookie || len(data) != cookieSize || number != "" && number != display {
			continue
		}
		if entry.family == familyWild || entry.family == familyLocal && string(entry.fields[0]) == hostname {
			return data
		}
		if entry.family == familyLocal {
			other = data
		}
	}
}

// authority is one entry of an authority file.
type authority struct {
	family uint16
	fields [4][]byte // address, display, name, data
}

// cutEntry cuts the first entry off b.
func cutEntry(b []byte) (entry authority, rest []byte, ok bool) {
	if len(b) < 2 {
		return entry, nil, false
	}
	entry.family, b = binary.BigEndian.Uint16(b), b[2:]
	for i := range entry.fields {
		if len(b) < 2 {
			return entry, nil, false
		}
		n := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; len(b) < n {
			return entry, nil, false
		}
		entry.fields[i], b = b[:n], b[n:]
	}
	return entry, b, true
}
