package main

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// TestRecordLayout checks the offsets of utmp(5) that wall and msg rely on.
func TestRecordLayout(t *testing.T) {
	b := login(37, "pts/12", "alice", 0x01020304, 0x05060708).appendTo(nil)
	if len(b) != recordSize {
		t.Fatalf("a record of %d bytes, want %d", len(b), recordSize)
	}
	if got := binary.LittleEndian.Uint16(b); got != userProcess {
		t.Errorf("type %d", got)
	}
	if got := binary.LittleEndian.Uint32(b[4:]); got != 0x01020304 {
		t.Errorf("pid %#x", got)
	}
	if got := binary.LittleEndian.Uint32(b[340:]); got != 0x05060708 {
		t.Errorf("seconds %#x", got)
	}
	for _, field := range []struct {
		at   int
		want string
	}{{8, "pts/12\x00"}, {40, "b011"}, {44, "alice\x00"}, {76, farmHost + "\x00"}} {
		if got := string(b[field.at:][:len(field.want)]); got != field.want {
			t.Errorf("at %d: %q, want %q", field.at, got, field.want)
		}
	}
	if got := parseRecord(b).appendTo(nil); !bytes.Equal(got, b) {
		t.Error("parsed and written again, the record differs")
	}
}

func TestUniqueID(t *testing.T) {
	seen := make(map[string]bool)
	for i := range 2000 {
		id := uniqueID(i)
		if len(id) != 4 || seen[id] {
			t.Fatalf("number %d has ID %q", i, id)
		}
		seen[id] = true
	}
}

func TestReplaceOurs(t *testing.T) {
	other := login(0, "tty1", "bob", 7, 1)
	copy(other.Host[:], "elsewhere")
	// A foreign record, one that ends in the middle, and trailing rubbish.
	before := append(other.appendTo(nil), "short"...)

	with := replaceOurs(before, []record{login(0, "pts/1", "alice", 8, 1), login(1, "pts/2", "alice", 8, 1)})
	if want := len(before) + 2*recordSize; len(with) != want {
		t.Fatalf("%d bytes with two records added, want %d", len(with), want)
	}
	if pids := farmPids(with); len(pids) != 1 || !pids[8] {
		t.Errorf("farms %v, want process 8", pids)
	}
	later := login(2, "tty2", "eve", 9, 1)
	copy(later.Host[:], "elsewhere")
	late := append(with[:len(with)-5:len(with)-5], later.appendTo(nil)...)
	if got, want := replaceOurs(late, nil), later.appendTo(other.appendTo(nil)); !bytes.Equal(got, want) {
		t.Error("a login of the meantime was lost or changed")
	}
	if !anyLogin(late) || anyLogin(with[recordSize:]) {
		t.Error("the login that is not the farm's was not told from those that are")
	}
	if got := replaceOurs(with, nil); !bytes.Equal(got, before) {
		t.Error("the content is not what it was")
	}
}

func TestMatcher(t *testing.T) {
	tests := []struct {
		name   string
		pieces []string
		want   int // index of the piece that completes the token; -1: none
	}{
		{"whole", []string{"a line\r\n", "with TOKEN in it"}, 1},
		{"split", []string{"TO", "K", "EN"}, 2},
		{"split after a false start", []string{"TOKE TOK", "EN"}, 1},
		{"other", []string{"TOKE", "TOKE", "TOK\r\nEN"}, -1},
		{"long before", []string{string(bytes.Repeat([]byte("x"), 9000)) + "TOKE", "N"}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var m matcher
			got := -1
			for i, p := range tt.pieces {
				if m.feed([]byte("TOKEN"), []byte(p)) {
					got = i
					break
				}
			}
			if got != tt.want {
				t.Errorf("found in piece %d, want %d", got, tt.want)
			}
		})
	}
}
