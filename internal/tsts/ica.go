package tsts

import (
	"fmt"

	"msg/internal/ndr"
	"msg/internal/wts"
)

// IcaApi returns a BOOLEAN, one byte behind all that a call gives, and the
// reason of a failure as an NTSTATUS in its first or second result.

// IcaOpenResult is a server that was opened.
type IcaOpenResult struct {
	Result uint32
	Handle Handle
	OK     bool
}

func (b *IcaOpenResult) encode(w *ndr.Writer) {
	w.U32(b.Result)
	b.Handle.encode(w)
	w.U8(uint8(number(b.OK)))
}

func (b *IcaOpenResult) decode(r *ndr.Reader) error {
	b.Result = r.U32()
	b.Handle.decode(r)
	b.OK = r.U8() != 0
	return nil
}

// IcaResult is the end of a call that gives nothing.
type IcaResult struct {
	Result uint32
	OK     bool
}

func (b *IcaResult) encode(w *ndr.Writer) {
	w.U32(b.Result)
	w.U8(uint8(number(b.OK)))
}

func (b *IcaResult) decode(r *ndr.Reader) error {
	b.Result, b.OK = r.U32(), r.U8() != 0
	return nil
}

// IcaCloseResult is the zero handle that is left of one that was closed.
type IcaCloseResult struct {
	Handle Handle
	Result uint32
	OK     bool
}

func (b *IcaCloseResult) encode(w *ndr.Writer) {
	b.Handle.encode(w)
	w.U32(b.Result)
	w.U8(uint8(number(b.OK)))
}

func (b *IcaCloseResult) decode(r *ndr.Reader) error {
	b.Handle.decode(r)
	b.Result, b.OK = r.U32(), r.U8() != 0
	return nil
}

// maxIcaBytes is the range of the buffers of IcaApi.
const maxIcaBytes = 0x8000

// IcaEnumArgs asks for what fits into Room bytes of the list, from Index on.
type IcaEnumArgs struct {
	Handle  Handle
	Entries uint32 // how many are wanted; Windows' own client says 0xFFFFFFFF
	Room    uint32 // bytes of a buffer; 0 has no buffer
	Index   uint32
}

func (b *IcaEnumArgs) encode(w *ndr.Writer) {
	b.Handle.encode(w)
	w.U32(b.Entries)
	w.Pointer(b.Room > 0)
	if b.Room > 0 {
		w.U32(b.Room)
		w.Zero(int(b.Room))
	}
	w.U32(b.Room)
	w.U32(b.Index)
}

func (b *IcaEnumArgs) decode(r *ndr.Reader) error {
	b.Handle.decode(r)
	b.Entries = r.U32()
	room := 0
	if r.Pointer() {
		room = r.Count(maxIcaBytes)
		r.Take(room)
	}
	if n := r.Count(maxIcaBytes); n != room {
		return fmt.Errorf("a buffer of %d bytes is called %d: %w", room, n, ndr.ErrRange)
	}
	b.Room, b.Index = uint32(room), r.U32()
	return nil
}

// IcaEntrySize is what a session takes in a list of IcaApi: LOGONID.
const IcaEntrySize = 76

// IcaEnumResult is a part of the list. Behind the last one comes a call that
// ends in NTNoMoreEntries.
type IcaEnumResult struct {
	Result  uint32
	Entries []Entry
	Index   uint32 // where the next part begins
	OK      bool
}

func (b *IcaEnumResult) encode(w *ndr.Writer) {
	size := uint32(len(b.Entries) * IcaEntrySize)
	w.U32(b.Result)
	w.U32(uint32(len(b.Entries)))
	w.Pointer(b.Entries != nil)
	if b.Entries != nil {
		w.U32(size)
	}
	for _, e := range b.Entries {
		w.I32(e.ID)
		w.Fixed16(e.Name, maxName+1)
		w.U32(uint32(e.State))
	}
	w.U32(size)
	w.U32(b.Index)
	w.U8(uint8(number(b.OK)))
}

func (b *IcaEnumResult) decode(r *ndr.Reader) error {
	b.Result = r.U32()
	n := r.Count(maxEntries)
	var list []byte
	if r.Pointer() {
		list = decodeBytes(r, maxIcaBytes)
	}
	r.U32() // the size of the buffer, or of what is in it
	b.Index, b.OK = r.U32(), r.U8() != 0
	if n*IcaEntrySize > len(list) {
		return fmt.Errorf("%d entries in %d bytes: %w", n, len(list), ndr.ErrShort)
	}
	if list != nil {
		b.Entries = make([]Entry, n)
	}
	in := ndr.NewReader(list)
	for i := range b.Entries {
		b.Entries[i] = Entry{ID: in.I32(), Name: in.Fixed16(maxName + 1), State: wts.State(in.U32())}
	}
	return in.Err()
}

// maxIcaChars is the range of the lengths of a title and a text.
const maxIcaChars = 1024

// IcaUnits is the longest title and text of IcaSendArgs, in UTF-16 units.
const IcaUnits = maxIcaChars / 2

// IcaSendArgs is a message box.
type IcaSendArgs struct {
	Handle      Handle
	ID          int32
	Title, Text string // of IcaUnits at most
	Style       uint32
	Timeout     uint32 // seconds; 0 has no end
	DoNotWait   bool
}

func (b *IcaSendArgs) encode(w *ndr.Writer) {
	b.Handle.encode(w)
	w.I32(b.ID)
	encodeChars(w, b.Title)
	encodeChars(w, b.Text)
	w.U32(b.Style)
	w.U32(b.Timeout)
	w.U8(uint8(number(b.DoNotWait)))
}

func (b *IcaSendArgs) decode(r *ndr.Reader) error {
	b.Handle.decode(r)
	b.ID = r.I32()
	var errs [2]error
	b.Title, errs[0] = decodeChars(r, maxIcaChars)
	b.Text, errs[1] = decodeChars(r, maxIcaChars)
	b.Style, b.Timeout, b.DoNotWait = r.U32(), r.U32(), r.U8() != 0
	if errs[0] != nil {
		return errs[0]
	}
	return errs[1]
}

// encodeChars writes a text and its length. The specification says of the same
// number that it counts bytes (3.7.4.1.8) and that it is the size of an array of
// WCHAR: so the array has twice the room that the text takes.
func encodeChars(w *ndr.Writer, s string) {
	u := units(s)
	w.U32(uint32(2 * len(u)))
	for _, c := range u {
		w.U16(c)
	}
	w.Zero(2 * len(u))
	w.U32(uint32(2 * len(u)))
}

// decodeChars reads both readings of that: a text ends at its length in bytes,
// or at a NUL. A length that is odd can only be a number of characters.
func decodeChars(r *ndr.Reader, max int) (string, error) {
	room := r.Count(max)
	chars := r.Take(2 * room)
	n := r.Count(max)
	if n != room {
		return "", fmt.Errorf("an array of %d characters is called %d: %w", room, n, ndr.ErrRange)
	}
	if n%2 == 0 {
		chars = chars[:min(n, len(chars))]
	}
	return ndr.NewReader(chars).Chars16(len(chars) / 2), nil
}

// IcaSendResult is what became of a box.
type IcaSendResult struct {
	Result   uint32
	Response wts.Response
	OK       bool
}

func (b *IcaSendResult) encode(w *ndr.Writer) {
	w.U32(b.Result)
	w.U32(uint32(b.Response))
	w.U8(uint8(number(b.OK)))
}

func (b *IcaSendResult) decode(r *ndr.Reader) error {
	b.Result, b.Response, b.OK = r.U32(), wts.Response(r.U32()), r.U8() != 0
	return nil
}
