package dcerpc

import (
	"encoding/hex"
	"fmt"

	"msg/internal/ndr"
)

// UUID is the name of an interface, as it is on the wire: its first three
// fields little endian.
type UUID [16]byte

// swapped is where the bytes of the written form are on the wire.
var swapped = [16]int{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15}

// ParseUUID reads the usual form, 8-4-4-4-12 digits.
func ParseUUID(s string) (UUID, error) {
	var u UUID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return u, fmt.Errorf("reading the UUID %q: it is not of the form 8-4-4-4-12", s)
	}
	b, err := hex.DecodeString(s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:])
	if err != nil {
		return u, fmt.Errorf("reading the UUID %q: %v", s, err)
	}
	for i, at := range swapped {
		u[at] = b[i]
	}
	return u, nil
}

// mustUUID is for the names that are written in this package.
func mustUUID(s string) UUID {
	u, err := ParseUUID(s)
	if err != nil {
		panic(err)
	}
	return u
}

// String is the usual form, in lower case.
func (u UUID) String() string {
	var b [16]byte
	for i, at := range swapped {
		b[i] = u[at]
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Syntax is an interface and its version, or a form of data.
type Syntax struct {
	UUID         UUID
	Major, Minor uint16
}

// String is for logs.
func (s Syntax) String() string { return fmt.Sprintf("%v v%d.%d", s.UUID, s.Major, s.Minor) }

// ndr32 is the form of data that package ndr has, the only one spoken here.
var ndr32 = Syntax{mustUUID("8a885d04-1ceb-11c9-9fe8-08002b104860"), 2, 0}

// features begins the names of "forms of data" that are none: what they ask is
// which features of binding the server has ([MS-RPCE] 3.3.1.5.3).
var features = [8]byte{0x2c, 0x1c, 0xb7, 0x6c, 0x12, 0x98, 0x40, 0x45}

func (s Syntax) asksFeatures() bool { return [8]byte(s.UUID[:8]) == features && s.Major == 1 }

func (s Syntax) write(w *ndr.Writer) {
	w.Bytes(s.UUID[:])
	w.U16(s.Major)
	w.U16(s.Minor)
}

func readSyntax(r *ndr.Reader) (s Syntax) {
	copy(s.UUID[:], r.Take(16))
	s.Major, s.Minor = r.U16(), r.U16()
	return s
}
