package ndr

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Reader reads the data of a call. After the first failure every read gives
// zero, so that a whole structure is read first and Err asked once.
type Reader struct {
	b   []byte
	at  int
	err error
}

// NewReader reads b, which it does not change.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Err is the first failure; it wraps ErrShort or ErrRange.
func (r *Reader) Err() error { return r.err }

// Len is the number of bytes that are left.
func (r *Reader) Len() int { return len(r.b) - r.at }

// take reads n bytes of what, or nil.
func (r *Reader) take(n int, what string) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > r.Len() {
		r.fail(ErrShort, what)
		return nil
	}
	b := r.b[r.at : r.at+n : r.at+n]
	r.at += n
	return b
}

func (r *Reader) fail(err error, what string) {
	if r.err == nil {
		r.err = fmt.Errorf("reading %s at byte %d of %d: %w", what, r.at, len(r.b), err)
	}
}

// Align skips what fills up to a multiple of n. What is skipped is not looked
// at: some programs leave old memory there.
func (r *Reader) Align(n int) {
	if over := r.at % n; over != 0 {
		r.take(n-over, "padding")
	}
}

// Take reads n bytes, which share the memory of the data. It is nil if there
// are not so many.
func (r *Reader) Take(n int) []byte { return r.take(n, "bytes") }

// U8 reads a byte.
func (r *Reader) U8() uint8 {
	if b := r.take(1, "a byte"); b != nil {
		return b[0]
	}
	return 0
}

// U16 reads 16 bits, aligned.
func (r *Reader) U16() uint16 {
	r.Align(2)
	if b := r.take(2, "16 bits"); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

// U32 reads 32 bits, aligned.
func (r *Reader) U32() uint32 {
	r.Align(4)
	if b := r.take(4, "32 bits"); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// U64 reads 64 bits, aligned.
func (r *Reader) U64() uint64 {
	r.Align(8)
	if b := r.take(8, "64 bits"); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// I32 reads a signed number of 32 bits, aligned.
func (r *Reader) I32() int32 { return int32(r.U32()) }

// Pointer reads a unique pointer, and reports whether it is there, not NULL.
func (r *Reader) Pointer() bool { return r.U32() != 0 }

// Count reads a count of 32 bits that may be max at most.
func (r *Reader) Count(max int) int {
	n := r.U32()
	if uint64(n) > uint64(max) {
		r.fail(fmt.Errorf("%w: %d is more than %d", ErrRange, n, max), "a count")
		return 0
	}
	return int(n)
}

// String16 reads a [string] of wchar_t with max units at most, not counting
// the NUL.
func (r *Reader) String16(max int) string {
	return fromUTF16(r.varying(max, 2))
}

// String8 reads a [string] of char in UTF-8 with max bytes at most, not
// counting the NUL.
func (r *Reader) String8(max int) string {
	b := r.varying(max, 1)
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	return strings.ToValidUTF8(string(b), string(utf8.RuneError))
}

// varying reads the three counts of a string, and its elements of size bytes
// without the last, which has to be NUL ([C706] 14.3.4).
func (r *Reader) varying(max, size int) []byte {
	room, offset, n := r.U32(), r.U32(), r.U32()
	switch {
	case r.err != nil:
		return nil
	case offset != 0 || n == 0 || n > room:
		r.fail(fmt.Errorf("%w: offset %d, %d of %d", ErrRange, offset, n, room), "a string")
		return nil
	case uint64(n) > uint64(max)+1:
		r.fail(fmt.Errorf("%w: %d is more than %d", ErrRange, n-1, max), "a string")
		return nil
	}
	b := r.take(int(n)*size, "a string")
	if b == nil {
		return nil
	}
	text, end := b[:len(b)-size], b[len(b)-size:]
	if !bytes.Equal(end, []byte{0, 0}[:size]) {
		r.fail(fmt.Errorf("%w: no NUL at its end", ErrRange), "a string")
		return nil
	}
	return text
}

// Fixed16 reads a WCHAR[n] up to its first NUL. The last place is for a NUL,
// whatever is in it.
func (r *Reader) Fixed16(n int) string {
	b := r.chars(n)
	return fromUTF16(b[:max(len(b)-2, 0)])
}

// Chars16 reads an array of n characters up to its first NUL, or all of it.
func (r *Reader) Chars16(n int) string { return fromUTF16(r.chars(n)) }

func (r *Reader) chars(n int) []byte {
	r.Align(2)
	if n > r.Len()/2 { // so that 2*n cannot overflow
		r.fail(ErrShort, "a fixed string")
		return nil
	}
	return r.take(2*n, "a fixed string")
}

// fromUTF16 reads up to the first NUL. Halves of a character become U+FFFD.
func fromUTF16(b []byte) string {
	out := make([]byte, 0, len(b))
	for ; len(b) >= 2; b = b[2:] {
		c := rune(binary.LittleEndian.Uint16(b))
		if c == 0 {
			break
		}
		if utf16.IsSurrogate(c) {
			var low rune
			if len(b) >= 4 {
				low = rune(binary.LittleEndian.Uint16(b[2:]))
			}
			if c = utf16.DecodeRune(c, low); c != utf8.RuneError {
				b = b[2:]
			}
		}
		out = utf8.AppendRune(out, c)
	}
	return string(out)
}
