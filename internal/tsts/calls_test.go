package tsts

import (
	"bytes"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"msg/internal/ndr"
)

// FuzzUnmarshal reads anything as any body: what can be read is written and
// read again as the same, and nothing is much larger than what it came from.
func FuzzUnmarshal(f *testing.F) {
	for i, c := range bodies {
		f.Add(uint8(i), Marshal(c.body))
	}
	f.Add(uint8(6), []byte{0, 0, 2, 0, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		kind := bodies[int(which)%len(bodies)].body
		b := blank(kind)
		if Unmarshal(data, b) != nil {
			return
		}
		again := blank(kind)
		written := Marshal(b)
		if len(written) > 4*len(data)+256 {
			t.Errorf("%d bytes became %d", len(data), len(written))
		}
		if err := Unmarshal(written, again); err != nil {
			t.Fatalf("%+v, written as %x, cannot be read: %v", b, written, err)
		}
		if !bytes.Equal(Marshal(again), written) {
			t.Fatalf("%+v is written as %x, and read again is %+v", b, written, again)
		}
	})
}

// FuzzInformation does the same with the structure of IcaQueryResult. Five sixths
// of it are counters, which are skipped: they are put in here, so that all that is
// tried out, and made shorter, is what is read.
func FuzzInformation(f *testing.F) {
	const counters = 112 // where they begin
	whole := Information{ID: 1, Name: "console", User: "bob", Logon: when, Current: when}.Bytes()
	f.Add(slices.Delete(whole, counters, counters+status))
	f.Add([]byte{1})
	filler := bytes.Repeat([]byte{0xa5}, status)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= counters {
			data = slices.Insert(slices.Clone(data), counters, filler...)
		}
		i, err := ParseInformation(data)
		if (err == nil) != (len(data) >= InformationSize) {
			t.Fatalf("%d bytes: %v", len(data), err)
		}
		if err != nil {
			return
		}
		if again, err := ParseInformation(i.Bytes()); err != nil || !reflect.DeepEqual(again, i) {
			t.Fatalf("%+v is read again as %+v, %v", i, again, err)
		}
	})
}

func TestInformation(t *testing.T) {
	i := Information{4, "console", 1, when, when.Add(1), time.Time{}, when, "CORP", "bob", when}
	i.Disconnect = i.Disconnect.Truncate(100)
	b := i.Bytes()
	if got, err := ParseInformation(b); err != nil || !reflect.DeepEqual(got, i) || len(b) != InformationSize {
		t.Errorf("%+v, %v, %d bytes", got, err, len(b))
	}
	// Where the header's structure has them.
	for at, want := range map[int]byte{0: 4, 4: 'c', 72: 1, 80: b[104], 1124: 'C', 1160: 'b', 1208: b[80]} {
		if b[at] != want {
			t.Errorf("byte %d is %d, want %d", at, b[at], want)
		}
	}
}

func TestTimes(t *testing.T) {
	for _, v := range []uint64{0, 1, epoch*1e7 - 1, epoch * 1e7, epoch*1e7 + 1, never - 1} {
		if got := fileTime(timeOf(v)); got != v {
			t.Errorf("%d is %v, which is %d", v, timeOf(v), got)
		}
	}
	for _, v := range []uint64{never, never + 1, math.MaxUint64} {
		if got := timeOf(v); !got.IsZero() {
			t.Errorf("%x is %v", v, got)
		}
	}
	if got := fileTime(time.Date(1500, 1, 1, 0, 0, 0, 0, time.UTC)); got != 0 {
		t.Errorf("1500 is %d", got)
	}
}

// TestRefused has data that a strict reader must not take.
func TestRefused(t *testing.T) {
	chars := func(room, length uint32) []byte {
		var w ndr.Writer
		w.Bytes(handle[:])
		w.U32(1)
		w.U32(room)
		w.Zero(int(2 * room))
		w.U32(length)
		w.U32(0)
		w.U32(0)
		w.U32(0)
		w.U32(0)
		w.U8(1)
		return w.Data()
	}
	box := func(title, body int) []byte {
		return Marshal(&BoxArgs{Title: strings.Repeat("x", title), Text: strings.Repeat("x", body)})
	}
	for _, c := range []struct {
		name string
		data []byte
		into Body
		ok   bool
	}{
		{"a legacy title of 1,024 bytes", chars(1024, 1024), &IcaSendArgs{}, true},
		{"a legacy title of 1,025", chars(1025, 1025), &IcaSendArgs{}, false},
		{"a length that is not the array's", chars(10, 12), &IcaSendArgs{}, false},
		{"the longest text", box(1, maxText), &BoxArgs{}, true},
		{"a longer text", box(1, maxText+1), &BoxArgs{}, false},
		{"the longest title", box(maxTitle, 1), &BoxArgs{}, true},
		{"a longer title", box(maxTitle+1, 1), &BoxArgs{}, false},
		{"a list of another level", Marshal(&AllResult{Level: 3}), &AllResult{}, true}, // which is empty
		{"a list that counts itself wrongly", append(Marshal(&EnumResult{Level: 1, Entries: []Entry{{}}})[:92], 2, 0, 0, 0, 0, 0, 0, 0), &EnumResult{}, false},
		{"more entries than bytes", []byte{0, 0, 2, 0, 255, 0, 0, 0}, &EnumResult{}, false},
		{"a buffer that is too long", Marshal(&IcaEnumArgs{Room: maxIcaBytes + 1}), &IcaEnumArgs{}, false},
		{"an address of no family", make([]byte, 24), &AddressResult{}, false},
	} {
		if err := Unmarshal(c.data, c.into); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestPaddedChars has what Impacket sends: all the room that there is, and a
// length of characters.
func TestPaddedChars(t *testing.T) {
	var w ndr.Writer
	w.Bytes(handle[:])
	w.U32(1)
	for _, s := range []string{"Title", "Hello"} {
		w.U32(1024)
		w.Fixed16(s, 1024)
		w.U32(1024)
	}
	w.U32(0)
	w.U32(0)
	w.U8(1)
	var b IcaSendArgs
	if err := Unmarshal(w.Data(), &b); err != nil || b.Title != "Title" || b.Text != "Hello" || !b.DoNotWait {
		t.Errorf("%+v, %v", b, err)
	}
}
