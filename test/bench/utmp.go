package main

import (
	"bytes"
	"encoding/binary"
)

// farmHost marks the farm's records in utmp, so that they, and no others, are taken
// out again, even those of a farm that was killed.
const farmHost = "msg-bench"

// recordSize is sizeof(struct utmp) in glibc where times are kept in 32 bits: x86 and
// most others. On arm64 glibc uses 400 bytes, and the farm refuses to write there.
const recordSize = 384

// userProcess is the ut_type of a login.
const userProcess = 7

// A record is struct utmp of glibc, utmp(5), field for field.
type record struct {
	Type    int16
	_       [2]byte
	Pid     int32
	Line    [32]byte
	ID      [4]byte
	User    [32]byte
	Host    [256]byte
	Exit    [2]int16
	Session int32
	Sec     int32
	Usec    int32
	Addr    [4]int32
	_       [20]byte
}

// login returns the record of a login of user on line ("pts/3"), which is the number'th
// of the farm.
func login(number int, line, user string, pid int, sec int64) record {
	r := record{Type: userProcess, Pid: int32(pid), Session: int32(pid), Sec: int32(sec)}
	copy(r.Line[:], line)
	copy(r.ID[:], uniqueID(number))
	copy(r.User[:], user)
	copy(r.Host[:], farmHost)
	return r
}

// uniqueID returns a ut_id that no login program uses: theirs end in the number of
// the line ("ts/3", "/3", "s/12") or are digits.
func uniqueID(number int) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	id := []byte("b000")
	for i := 3; i > 0; i-- {
		id[i] = digits[number%len(digits)]
		number /= len(digits)
	}
	return string(id)
}

// appendTo appends the record as it stands in the file.
func (r record) appendTo(b []byte) []byte {
	b, err := binary.Append(b, binary.LittleEndian, r)
	if err != nil {
		panic(err) // only if record stops being of fixed size
	}
	return b
}

// parseRecord reads the record at the start of b, which holds at least recordSize bytes.
func parseRecord(b []byte) record {
	var r record
	if _, err := binary.Decode(b[:recordSize], binary.LittleEndian, &r); err != nil {
		panic(err) // only if record stops being of fixed size
	}
	return r
}

// ours tells whether a farm wrote the record.
func (r record) ours() bool {
	return string(bytes.TrimRight(r.Host[:], "\x00")) == farmHost
}

// replaceOurs returns the content of utmp with the records of farms replaced by add.
// An incomplete record at the end stays at the end, and every other byte where it is.
func replaceOurs(content []byte, add []record) []byte {
	var out []byte
	for ; len(content) >= recordSize; content = content[recordSize:] {
		if !parseRecord(content).ours() {
			out = append(out, content[:recordSize]...)
		}
	}
	for _, r := range add {
		out = r.appendTo(out)
	}
	return append(out, content...)
}

// farmPids returns the processes whose farm records are in the content of utmp.
func farmPids(content []byte) map[int]bool {
	pids := make(map[int]bool)
	for ; len(content) >= recordSize; content = content[recordSize:] {
		if r := parseRecord(content); r.ours() {
			pids[int(r.Pid)] = true
		}
	}
	return pids
}

// anyLogin tells whether the content of utmp has a login that no farm made.
func anyLogin(content []byte) bool {
	for ; len(content) >= recordSize; content = content[recordSize:] {
		if r := parseRecord(content); r.Type == userProcess && !r.ours() {
			return true
		}
	}
	return false
}
