package tsts

import (
	"fmt"
	"net/netip"

	"msg/internal/ndr"
)

// DataResult is the data of a client, which begins with WINSTATIONCLIENT.
type DataResult struct {
	Data   []byte
	Status uint32
}

func (b *DataResult) encode(w *ndr.Writer) {
	w.Pointer(b.Data != nil)
	encodeBytes(w, b.Data)
	w.U32(uint32(len(b.Data)))
	w.U32(b.Status)
}

func (b *DataResult) decode(r *ndr.Reader) error {
	if r.Pointer() {
		b.Data = decodeBytes(r, r.Len())
	}
	if n := r.Count(r.Len()); n != len(b.Data) {
		return fmt.Errorf("%d bytes are called %d: %w", len(b.Data), n, ndr.ErrRange)
	}
	b.Status = r.U32()
	return nil
}

// encodeBytes writes what a pointer to bytes points to; nil has no pointer.
func encodeBytes(w *ndr.Writer, data []byte) {
	if data != nil {
		w.U32(uint32(len(data)))
		w.Bytes(data)
		w.Align(4)
	}
}

// decodeBytes reads up to max bytes.
func decodeBytes(r *ndr.Reader, max int) []byte {
	b := r.Take(r.Count(min(max, r.Len())))
	if b != nil {
		b = append([]byte{}, b...)
	}
	r.Align(4)
	return b
}

// The families of an address, as Windows numbers them.
const (
	familyIPv4 = 2
	familyIPv6 = 23
)

// AddressResult is where the client of a session is. The zero Addr is not
// known.
type AddressResult struct {
	Addr   netip.AddrPort
	Status uint32
}

// encode puts the number of the union right behind the family. The interface
// can also be read so that both are aligned to 4; programs that were tried
// against Windows read it so.
func (b *AddressResult) encode(w *ndr.Writer) {
	a := b.Addr.Addr().Unmap()
	family := uint16(familyIPv4)
	if a.Is6() {
		family = familyIPv6
	}
	w.U16(family)
	w.U16(family)
	w.U16(b.Addr.Port())
	w.Align(4)
	if a.Is6() {
		w.U32(0)
		w.Bytes(a.AsSlice())
		w.U32(0)
	} else {
		four := [4]byte{}
		if a.IsValid() {
			four = a.As4()
		}
		w.Bytes(four[:])
		w.Zero(8)
	}
	w.U32(b.Status)
}

func (b *AddressResult) decode(r *ndr.Reader) error {
	family, tag, port := r.U16(), r.U16(), r.U16()
	r.Align(4)
	var a netip.Addr
	switch {
	case family != tag || family != familyIPv4 && family != familyIPv6:
		return fmt.Errorf("an address of family %d and kind %d: %w", family, tag, ndr.ErrRange)
	case family == familyIPv4:
		a, _ = netip.AddrFromSlice(r.Take(4))
		r.Take(8)
	default:
		r.U32()
		a, _ = netip.AddrFromSlice(r.Take(16))
		a = a.Unmap()
		r.U32()
	}
	if a.IsValid() && (a != netip.IPv4Unspecified() || port != 0) {
		b.Addr = netip.AddrPortFrom(a, port)
	}
	b.Status = r.U32()
	return nil
}
