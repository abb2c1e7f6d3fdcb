package host

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"
)

// Sizes and offsets of struct utmp on 64-bit Linux, see utmp(5). The time is
// 32 bits on every architecture where glibc keeps one format for all; it is
// read without a sign and so lasts until 2106.
const (
	utmpSize    = 384
	utmpLine    = 8
	utmpUser    = 44
	utmpHost    = 76
	utmpSeconds = 340

	utmpUserProcess = 7
	utmpMaxFile     = 4 << 20
)

// utmpEntry is one login that utmp tells of.
type utmpEntry struct {
	pid              int
	line, user, host string
	since            time.Time
}

// parseUtmp reads the records of logins; the others, and half a record at the
// end of a file that is being written, are left out.
func parseUtmp(b []byte) []utmpEntry {
	var entries []utmpEntry
	for ; len(b) >= utmpSize; b = b[utmpSize:] {
		if binary.NativeEndian.Uint16(b) != utmpUserProcess {
			continue
		}
		e := utmpEntry{
			pid:   int(int32(binary.NativeEndian.Uint32(b[4:]))),
			line:  field(b[utmpLine : utmpLine+32]),
			user:  field(b[utmpUser : utmpUser+32]),
			host:  field(b[utmpHost : utmpHost+256]),
			since: time.Unix(int64(binary.NativeEndian.Uint32(b[utmpSeconds:])), 0),
		}
		if e.line != "" && e.user != "" {
			entries = append(entries, e)
		}
	}
	return entries
}

// field is a string that ends at the first NUL or fills its place.
func field(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// graphical reports whether the entry stands for a display, as display
// managers write them: line "tty7" or ":0", host ":0".
func (e utmpEntry) graphical() bool {
	return strings.HasPrefix(e.host, ":") || strings.HasPrefix(e.line, ":")
}

// multiplexed reports whether the entry is a window of tmux or screen, which
// is inside a terminal that has an entry of its own.
func (e utmpEntry) multiplexed() bool {
	return strings.HasPrefix(e.host, "tmux(") || strings.Contains(e.host, ":S.")
}

// readUtmp reads the first of the files that exists. None at all is normal:
// Debian 13 and Alpine have none.
func readUtmp(paths []string) ([]utmpEntry, error) {
	for _, path := range paths {
		b, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, err
		}
		return parseUtmp(b[:min(len(b), utmpMaxFile)]), nil
	}
	return nil, nil
}
