//go:build unix

package login

import (
	"io/fs"
	"syscall"
)

// owner is the user ID of the owner of a file.
func owner(info fs.FileInfo) (id int, ok bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(s.Uid), true
}
