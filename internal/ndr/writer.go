package ndr

import (
	"encoding/binary"
	"unicode/utf16"
)

// Writer makes the data of a call. Its zero value is ready.
type Writer struct {
	b        []byte
	pointers uint32 // referents given so far
}

// Data is what was written. It is valid until the next write.
func (w *Writer) Data() []byte { return w.b }

// Align fills up with zeros until the length is a multiple of n.
func (w *Writer) Align(n int) {
	if over := len(w.b) % n; over != 0 {
		w.Zero(n - over)
	}
}

// Zero writes n zeros.
func (w *Writer) Zero(n int) { w.b = append(w.b, make([]byte, n)...) }

// Bytes writes b as it is.
func (w *Writer) Bytes(b []byte) { w.b = append(w.b, b...) }

// U8 writes a byte.
func (w *Writer) U8(v uint8) { w.b = append(w.b, v) }

// U16 writes 16 bits, aligned.
func (w *Writer) U16(v uint16) {
	w.Align(2)
	w.b = binary.LittleEndian.AppendUint16(w.b, v)
}

// U32 writes 32 bits, aligned.
func (w *Writer) U32(v uint32) {
	w.Align(4)
	w.b = binary.LittleEndian.AppendUint32(w.b, v)
}

// U64 writes 64 bits, aligned.
func (w *Writer) U64(v uint64) {
	w.Align(8)
	w.b = binary.LittleEndian.AppendUint64(w.b, v)
}

// I32 writes a signed number of 32 bits, aligned.
func (w *Writer) I32(v int32) { w.U32(uint32(v)) }

// Pointer writes a unique pointer: NULL, or a referent that no other pointer
// of this Writer has. What it points to is written later, where NDR has it.
func (w *Writer) Pointer(present bool) {
	if !present {
		w.U32(0)
		return
	}
	w.pointers++
	w.U32(0x20000 + 4*(w.pointers-1)) // Windows' own numbers begin there too
}

// String16 writes a [string] of wchar_t: conformant, varying, with a NUL.
func (w *Writer) String16(s string) {
	w.Align(4)
	counts := len(w.b)
	w.Zero(12)
	start := len(w.b)
	w.units(s)
	w.U16(0)
	n := uint32((len(w.b) - start) / 2)
	binary.LittleEndian.PutUint32(w.b[counts:], n)   // max_count
	binary.LittleEndian.PutUint32(w.b[counts+8:], n) // actual_count; the offset is 0
}

// Fixed16 writes a WCHAR[n], filled up with NULs. A string that is longer than
// n-1 units is cut after a whole character.
func (w *Writer) Fixed16(s string, n int) {
	w.Align(2)
	end := len(w.b) + 2*n
	for _, r := range s {
		if len(w.b)+2*utf16.RuneLen(r) > end-2 {
			break
		}
		w.unit(r)
	}
	w.Zero(end - len(w.b))
}

// units writes s in UTF-16. What is not UTF-8 in it becomes U+FFFD.
func (w *Writer) units(s string) {
	for _, r := range s {
		w.unit(r)
	}
}

func (w *Writer) unit(r rune) {
	if r < 0x10000 {
		w.b = append(w.b, byte(r), byte(r>>8))
		return
	}
	high, low := utf16.EncodeRune(r)
	w.b = append(w.b, byte(high), byte(high>>8), byte(low), byte(low>>8))
}
