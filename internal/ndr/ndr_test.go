package ndr

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// table has values and their bytes, for both ways. The layouts are those of
// [C706] 14.2 and 14.3.
var table = []struct {
	name  string
	hex   string
	write func(*Writer)
	read  func(*Reader) any
	want  any
}{
	{"numbers", "01 00 0200 03000000 0400000000000000",
		func(w *Writer) { w.U8(1); w.U16(2); w.U32(3); w.U64(4) },
		func(r *Reader) any { return []uint64{uint64(r.U8()), uint64(r.U16()), uint64(r.U32()), r.U64()} },
		[]uint64{1, 2, 3, 4}},
	{"hyper is aligned to 8", "01 00000000000000 ffffffffffffff7f",
		func(w *Writer) { w.U8(1); w.U64(1<<63 - 1) },
		func(r *Reader) any { return []uint64{uint64(r.U8()), r.U64()} },
		[]uint64{1, 1<<63 - 1}},
	{"negative", "fdffffff",
		func(w *Writer) { w.I32(-3) },
		func(r *Reader) any { return r.I32() },
		int32(-3)},
	{"pointers", "00000200 00000000 04000200",
		func(w *Writer) { w.Pointer(true); w.Pointer(false); w.Pointer(true) },
		func(r *Reader) any { return []bool{r.Pointer(), r.Pointer(), r.Pointer()} },
		[]bool{true, false, true}},
	{"string", "03000000 00000000 03000000 e400 4100 0000",
		func(w *Writer) { w.String16("äA") },
		func(r *Reader) any { return r.String16(2) },
		"äA"},
	{"string outside of the BMP, then aligned",
		"07000000 03000000 00000000 03000000 3dd800de 0000 0000 05000000",
		func(w *Writer) { w.U8(7); w.String16("😀"); w.U32(5) },
		func(r *Reader) any { r.U8(); s := r.String16(2); return []any{s, r.U32()} },
		[]any{"😀", uint32(5)}},
	{"empty string", "01000000 00000000 01000000 0000",
		func(w *Writer) { w.String16("") },
		func(r *Reader) any { return r.String16(0) },
		""},
	{"fixed", "6100 6200 0000 0000",
		func(w *Writer) { w.Fixed16("ab", 4) },
		func(r *Reader) any { return r.Fixed16(4) },
		"ab"},
	{"fixed is cut before a character that is too long", "6100 6200 0000 0000",
		func(w *Writer) { w.Fixed16("ab😀", 4) },
		func(r *Reader) any { return r.Fixed16(4) },
		"ab"},
	{"fixed is full", "6100 3dd800de 0000",
		func(w *Writer) { w.Fixed16("a😀b", 4) },
		func(r *Reader) any { return r.Fixed16(4) },
		"a😀"},
	{"a character in the place of the NUL", "6100 6200",
		func(w *Writer) { w.U16('a'); w.U16('b') },
		func(r *Reader) any { return r.Fixed16(2) },
		"a"},
	{"characters without a NUL", "6100 6200",
		func(w *Writer) { w.U16('a'); w.U16('b') },
		func(r *Reader) any { return r.Chars16(2) },
		"ab"},
	{"bytes", "01 000000 0203",
		func(w *Writer) { w.U8(1); w.Align(4); w.Bytes([]byte{2, 3}) },
		func(r *Reader) any { r.U8(); r.Align(4); return r.Take(2) },
		[]byte{2, 3}},
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBothWays(t *testing.T) {
	for _, c := range table {
		b := unhex(t, c.hex)
		var w Writer
		c.write(&w)
		if !bytes.Equal(w.Data(), b) {
			t.Errorf("%s: written %x, want %x", c.name, w.Data(), b)
		}
		r := NewReader(b)
		if got := c.read(r); !reflect.DeepEqual(got, c.want) || r.Err() != nil || r.Len() != 0 {
			t.Errorf("%s: read %v, %d left, %v, want %v", c.name, got, r.Len(), r.Err(), c.want)
		}
		for n := range len(b) {
			if r := NewReader(b[:n]); c.read(r) == nil || !errors.Is(r.Err(), ErrShort) {
				t.Errorf("%s: cut to %d bytes: %v, want ErrShort", c.name, n, r.Err())
			}
		}
	}
}

func TestStringRefused(t *testing.T) {
	read16 := func(r *Reader) string { return r.String16(2) }
	read8 := func(r *Reader) string { return r.String8(2) }
	for _, c := range []struct {
		name, hex string
		read      func(*Reader) string
		want      error
	}{
		{"one unit too long", "04000000 00000000 04000000 6100 6200 6300 0000", read16, ErrRange},
		{"offset", "03000000 01000000 02000000 6100 0000", read16, ErrRange},
		{"more than its room", "02000000 00000000 03000000 6100 6200 0000", read16, ErrRange},
		{"no NUL", "02000000 00000000 02000000 6100 6200", read16, ErrRange},
		{"nothing at all", "00000000 00000000 00000000", read16, ErrRange},
		{"count of everything", "ffffffff 00000000 ffffffff", read16, ErrRange},
		{"bytes: too long", "04000000 00000000 04000000 61626300", read8, ErrRange},
		{"bytes: cut", "03000000 00000000 03000000 6162", read8, ErrShort},
	} {
		r := NewReader(unhex(t, c.hex))
		if got := c.read(r); got != "" || !errors.Is(r.Err(), c.want) {
			t.Errorf("%s: %q, %v, want %v", c.name, got, r.Err(), c.want)
		}
	}
}

func TestStringOddities(t *testing.T) {
	for _, c := range []struct{ name, hex, want string }{
		{"NUL within ends it", "04000000 00000000 04000000 6100 0000 6200 0000", "a"},
		{"room to spare", "ff000000 00000000 02000000 6100 0000", "a"},
		{"half a character", "03000000 00000000 03000000 3dd8 6100 0000", "\ufffda"},
		{"the other half", "02000000 00000000 02000000 00de 0000", "\ufffd"},
		{"half at the end", "02000000 00000000 02000000 3dd8 0000", "\ufffd"},
	} {
		r := NewReader(unhex(t, c.hex))
		if got := r.String16(10); got != c.want || r.Err() != nil {
			t.Errorf("%s: %q, %v, want %q", c.name, got, r.Err(), c.want)
		}
	}
	r := NewReader(unhex(t, "04000000 00000000 04000000 c3a4 ff 00"))
	if got := r.String8(10); got != "ä\ufffd" || r.Err() != nil {
		t.Errorf("String8: %q, %v", got, r.Err())
	}
}

// TestSticky shows that the first failure stays, and where it was.
func TestSticky(t *testing.T) {
	r := NewReader([]byte{1, 2, 3})
	r.U16()
	if r.U32() != 0 || r.U8() != 0 || r.Take(1) != nil || r.Fixed16(1<<62) != "" || r.Chars16(1<<62) != "" || r.String16(9) != "" {
		t.Error("something was read after a failure")
	}
	const want = "reading padding at byte 2 of 3: the data ends too early"
	if r.Err() == nil || r.Err().Error() != want {
		t.Errorf("the error is %q, want %q", r.Err(), want)
	}
	if NewReader(nil).Take(-1) != nil {
		t.Error("a negative number of bytes was read")
	}
}

func TestCount(t *testing.T) {
	if r := NewReader([]byte{9, 0, 0, 0}); r.Count(9) != 9 || r.Err() != nil {
		t.Errorf("9 of 9: %v", r.Err())
	}
	r := NewReader([]byte{10, 0, 0, 0, 1, 0, 0, 0})
	if r.Count(9) != 0 || !errors.Is(r.Err(), ErrRange) {
		t.Errorf("10 of 9: %v", r.Err())
	}
}

// FuzzReader reads whatever it is told to: the first bytes are a program, the
// rest is data. Nothing panics, and nothing is made up after a failure.
func FuzzReader(f *testing.F) {
	for _, c := range table {
		f.Add([]byte{5, 6, 7, 8, 3, 0, 1, 2}, unhex(f, c.hex))
	}
	f.Fuzz(func(t *testing.T, program, data []byte) {
		r := NewReader(data)
		for _, op := range program {
			failed, left := r.Err() != nil, r.Len()
			switch n := int(op >> 4); op & 15 {
			case 0:
				r.U8()
			case 1:
				r.U16()
			case 2:
				r.U32()
			case 3:
				r.U64()
			case 4:
				r.Align(n + 1)
			case 5:
				checkText(t, r.String16(n), 3*n)
			case 6:
				checkText(t, r.String8(n), 3*n)
			case 7:
				checkText(t, r.Fixed16(n), 3*n)
			case 8:
				if c := r.Count(n); c < 0 || c > n {
					t.Fatalf("Count(%d) is %d", n, c)
				}
			case 9:
				r.Take(n)
			}
			if failed && r.Len() != left || r.Len() < 0 || r.Len() > left {
				t.Fatalf("%d bytes left, %d before", r.Len(), left)
			}
		}
	})
}

func checkText(t *testing.T, s string, most int) {
	t.Helper()
	if len(s) > most || strings.ContainsRune(s, 0) || strings.ToValidUTF8(s, "") != s {
		t.Fatalf("read %q", s)
	}
}

// FuzzString writes any text and reads it back.
func FuzzString(f *testing.F) {
	f.Add("Grüße ✓ 😀\nmehr", 5)
	f.Add("\xff\xf0\x9f", 2)
	f.Fuzz(func(t *testing.T, s string, n int) {
		s = strings.ReplaceAll(s, "\x00", "")
		want := strings.ToValidUTF8(mapInvalid(s), "")
		n = max(0, min(n, 1000))
		var w Writer
		w.String16(s)
		w.Fixed16(s, n)
		r := NewReader(w.Data())
		if got := r.String16(len(s)); got != want {
			t.Fatalf("String16: %q, want %q", got, want)
		}
		if got := r.Fixed16(n); !strings.HasPrefix(want, got) || r.Err() != nil || r.Len() != 0 {
			t.Fatalf("Fixed16: %q of %q, %v", got, want, r.Err())
		}
	})
}

// mapInvalid makes one U+FFFD of each byte that is not UTF-8, as range does.
func mapInvalid(s string) string { return string([]rune(s)) }
