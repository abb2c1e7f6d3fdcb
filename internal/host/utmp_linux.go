package host

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"
)

// Offsets of struct utmp that are the same everywhere, see utmp(5).
const (
	utmpLine = 8
	utmpUser = 44
	utmpHost = 76

	utmpUserProcess = 7
	utmpMaxFile     = 4 << 20
)

// utmpLayout is what differs between architectures: most 64-bit ones keep the
// record of their 32-bit siblings, the newer ones do not (__WORDSIZE_TIME64_COMPAT32
// in glibc). The lower half of the time is read without a sign, which lasts
// until 2106.
type utmpLayout struct{ size, seconds int }

var (
	utmpCompat = utmpLayout{size: 384, seconds: 340}
	utmpLong   = utmpLayout{size: 400, seconds: 344}
	utmpLongBE = utmpLayout{size: 400, seconds: 348} // big-endian
)

// utmpOf returns the layout for a GOARCH.
func utmpOf(arch string) utmpLayout {
	switch arch {
	case "arm64", "loong64":
		return utmpLong
	case "s390x":
		return utmpLongBE
	}
	return utmpCompat
}

// utmpEntry is one login that utmp tells of.
type utmpEntry struct {
	pid              int
	line, user, host string
	since            time.Time
}

// utmpFile is the content of utmp.
type utmpFile struct {
	utmpLayout
	b []byte
}

// len is the number of whole records; half a record at the end of a file that
// is being written is none.
func (f utmpFile) len() int { return len(f.b) / f.size }

// login reads record i, if it is a login.
func (f utmpFile) login(i int) (utmpEntry, bool) {
	b := f.b[i*f.size : (i+1)*f.size]
	if binary.NativeEndian.Uint16(b) != utmpUserProcess || b[utmpLine] == 0 || b[utmpUser] == 0 {
		return utmpEntry{}, false
	}
	return utmpEntry{
		pid:   int(int32(binary.NativeEndian.Uint32(b[4:]))),
		line:  field(b[utmpLine : utmpLine+32]),
		user:  field(b[utmpUser : utmpUser+32]),
		host:  field(b[utmpHost : utmpHost+256]),
		since: time.Unix(int64(binary.NativeEndian.Uint32(b[f.seconds:])), 0),
	}, true
}

// logins reads all logins.
func (f utmpFile) logins() []utmpEntry {
	var entries []utmpEntry
	for i := range f.len() {
		if e, ok := f.login(i); ok {
			entries = append(entries, e)
		}
	}
	return entries
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
func readUtmp(paths []string) (utmpFile, error) {
	f := utmpFile{utmpLayout: utmpOf(runtime.GOARCH)}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return f, err
		}
		f.b = b[:min(len(b), utmpMaxFile)]
		break
	}
	return f, nil
}
