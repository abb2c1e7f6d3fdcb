package host

import (
	"bytes"
	"encoding/binary"
	"math"
	"time"
)

// Offsets in a record of /var/run/utmpx, struct utmpx32 of Apple's libc: the
// times are of 32 bits on every Mac, and every Mac is little-endian.
const (
	utmpxUser    = 0
	utmpxLine    = 260
	utmpxPID     = 292
	utmpxType    = 296
	utmpxSeconds = 300
	utmpxMicros  = 304
	utmpxHost    = 308
	utmpxSize    = 628

	utmpxUserLen = 256
	utmpxLineLen = 32
	utmpxHostLen = 256

	utmpxUserProcess = 7
	utmpxMaxFile     = 4 << 20
)

// utmpxEntry is one login that utmpx tells of.
type utmpxEntry struct {
	pid              int // 0 if it is not known
	line, user, host string
	since            time.Time // zero if it is not known
}

// parseUtmpx reads all logins. The first record is a signature of another type;
// half a record at the end, of a file that is being written, is none.
func parseUtmpx(b []byte) []utmpxEntry {
	b = b[:min(len(b), utmpxMaxFile)]
	var entries []utmpxEntry
	for ; len(b) >= utmpxSize; b = b[utmpxSize:] {
		if e, ok := parseUtmpxRecord(b[:utmpxSize]); ok {
			entries = append(entries, e)
		}
	}
	return entries
}

// parseUtmpxRecord reads one record, if it is a login. The time is read without
// a sign, which lasts until 2106.
func parseUtmpxRecord(b []byte) (utmpxEntry, bool) {
	typ, pid := binary.LittleEndian.Uint16(b[utmpxType:]), binary.LittleEndian.Uint32(b[utmpxPID:])
	if typ != utmpxUserProcess || b[utmpxLine] == 0 || b[utmpxUser] == 0 || pid > math.MaxInt32 {
		return utmpxEntry{}, false
	}
	micros := binary.LittleEndian.Uint32(b[utmpxMicros:]) % 1e6
	return utmpxEntry{
		pid:   int(pid),
		line:  field(b[utmpxLine : utmpxLine+utmpxLineLen]),
		user:  field(b[utmpxUser : utmpxUser+utmpxUserLen]),
		host:  field(b[utmpxHost : utmpxHost+utmpxHostLen]),
		since: time.Unix(int64(binary.LittleEndian.Uint32(b[utmpxSeconds:])), int64(micros)*1000),
	}, true
}

// field is a string that ends at the first NUL or fills its place.
func field(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}
