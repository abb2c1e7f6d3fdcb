package host

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"
)

// utmpxRecord writes a record by the lengths of its fields, one after another,
// and so knows nothing of the offsets that the reader has.
func utmpxRecord(typ uint16, e utmpxEntry) []byte {
	var b bytes.Buffer
	text := func(s string, size int) { b.Write(append([]byte(s), make([]byte, size)...)[:size]) }
	number := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) }
	text(e.user, 256)
	text("/", 4)
	text(e.line, 32)
	number(uint32(e.pid))
	number(typ)
	number(uint16(0)) // padding
	number(uint32(e.since.Unix()))
	number(uint32(e.since.Nanosecond() / 1000))
	text(e.host, 256)
	text("", 64)
	return b.Bytes()
}

// utmpxFile is a whole file, with the signature in front.
func utmpxFile(entries ...utmpxEntry) []byte {
	b := utmpxRecord(10, utmpxEntry{user: "utmpx-1.00"})
	for _, e := range entries {
		b = append(b, utmpxRecord(utmpxUserProcess, e)...)
	}
	return b
}

func TestParseUtmpx(t *testing.T) {
	alice := utmpxEntry{pid: 97, line: "console", user: "alice", since: time.Unix(1767225600, 123456000)}
	full := utmpxEntry{pid: 1<<31 - 1, line: strings.Repeat("l", 32), user: strings.Repeat("u", 256), host: strings.Repeat("h", 256), since: time.Unix(1<<32-1, 0)}
	b := utmpxFile(alice, utmpxEntry{pid: 3, line: "ttys001"}, utmpxEntry{pid: 4, user: "nowhere"}, full)
	b = append(b, utmpxRecord(8, utmpxEntry{pid: 9, line: "ttys002", user: "gone"})...) // DEAD_PROCESS
	b = append(b, utmpxRecord(2, utmpxEntry{user: "reboot", line: "~"})...)
	b = append(b, "half a record"...)
	got := parseUtmpx(b)
	if len(got) != 2 || got[0] != alice || got[1] != full {
		t.Errorf("logins = %+v", got)
	}
	negative := utmpxRecord(utmpxUserProcess, alice)
	negative[utmpxPID+3] = 0xff // a process group, to kill(2)
	if got := parseUtmpx(negative); len(got) != 0 {
		t.Errorf("a negative process ID is %+v", got)
	}
}

func FuzzParseUtmpx(f *testing.F) {
	f.Add(utmpxFile(utmpxEntry{pid: 1, line: "ttys000", user: "bob", host: "192.0.2.1", since: time.Unix(1e9, 0)}))
	f.Add([]byte("short"))
	f.Add(utmpxFile(utmpxEntry{pid: 1, line: "../passwd", user: "bob"})[1:])
	f.Add(bytes.Repeat([]byte{7, 0}, utmpxSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		entries := parseUtmpx(b)
		if len(entries) > len(b)/utmpxSize {
			t.Fatalf("%d entries in %d bytes", len(entries), len(b))
		}
		for _, e := range entries {
			if e.line == "" || e.user == "" || e.pid < 0 || len(e.line) > 32 || len(e.user) > 256 || len(e.host) > 256 {
				t.Fatalf("entry %+v", e)
			}
			if again := parseUtmpx(utmpxRecord(utmpxUserProcess, e)); len(again) != 1 || again[0] != e {
				t.Fatalf("%+v reads back as %+v", e, again)
			}
		}
	})
}
