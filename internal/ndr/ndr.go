// Package ndr writes and reads the data of remote calls: NDR 2.0, little
// endian ([C706] chapter 14, [MS-RPCE] 2.2.5). It is pure, and knows the forms
// that Terminal Services and Samba's handshake need, not the whole of NDR:
// numbers, fixed and counted strings, and whether a pointer is there.
//
// It promises that no input makes a Reader panic, read outside of its data, or
// allocate more than a few times its length. Both ends align each value to its
// size, counted from the first byte of the data.
//
// Start with Writer, or NewReader.
package ndr

import "errors"

// Why a Reader gave up.
var (
	ErrShort = errors.New("the data ends too early")
	ErrRange = errors.New("the value is out of range")
)
