package host

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// devFS is /dev.
type devFS struct{ root string }

// device is a terminal device as it is now.
type device struct {
	name  string // below /dev
	rdev  uint64
	owner uint32
	idle  time.Duration // since somebody typed
}

// stat looks at one terminal by name.
func (fs devFS) stat(name string) (device, error) {
	if !ttyName(name) {
		return device{}, fmt.Errorf("%q is not the name of a terminal", name)
	}
	var st unix.Stat_t
	if err := unix.Lstat(fs.root+"/"+name, &st); err != nil {
		return device{}, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR {
		return device{}, fmt.Errorf("%q is not a device", name)
	}
	// The kernel sets the access time of a terminal when input is read, to
	// within 8 seconds; w(1) and who(1) use it too.
	idle := time.Since(time.Unix(st.Atim.Unix()))
	return device{name: name, rdev: uint64(st.Rdev), owner: st.Uid, idle: max(idle, 0)}, nil
}

// ttyName reports whether a name, which may come from a file that others
// write, is that of a terminal somebody signs in on: pts/3, tty2, ttyS0,
// ttyUSB0, hvc0, console. Other devices are not even opened: that alone starts
// a watchdog, for example.
func ttyName(s string) bool {
	if s == "console" {
		return true
	}
	number := strings.TrimLeft(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/")
	kind := strings.TrimSuffix(s, number)
	if number == "" || len(s) > 32 || strings.Trim(number, "0123456789") != "" {
		return false
	}
	return kind == "pts/" || kind == "hvc" || strings.HasPrefix(kind, "tty") && !strings.Contains(kind, "/")
}

// Majors of the devices whose names follow from their numbers
// (Documentation/admin-guide/devices.txt).
const (
	majorTTY      = 4
	majorPTYFirst = 136 // Unix98 pseudo-terminals: 136 to 143
	majorPTYLast  = 143
)

// nameOf finds the name of a terminal by its device number.
func (fs devFS) nameOf(rdev uint64) (string, bool) {
	major, minor := unix.Major(rdev), unix.Minor(rdev)
	switch {
	case major >= majorPTYFirst && major <= majorPTYLast:
		return fmt.Sprintf("pts/%d", (major-majorPTYFirst)<<20|minor), true
	case major == majorTTY && minor < 64:
		return fmt.Sprintf("tty%d", minor), true
	}
	b, err := os.ReadFile(fmt.Sprintf("/sys/dev/char/%d:%d/uevent", major, minor))
	if err != nil {
		return "", false
	}
	for _, line := range strings.Split(string(b), "\n") {
		if name, ok := strings.CutPrefix(line, "DEVNAME="); ok && ttyName(name) {
			return name, true
		}
	}
	return "", false
}
