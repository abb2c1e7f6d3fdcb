package host

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// folder is one in which changes tell of sessions.
type folder struct {
	path string
	mask uint32                 // of inotify(7)
	is   func(name string) bool // whether an entry is one that counts
}

// appears is when an entry comes, goes, or gets another owner or other rights:
// a terminal gets its user as owner, or the group, when somebody signs in.
const appears = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_TO | unix.IN_ATTRIB

func ptsFolder(path string) folder {
	return folder{path, appears, func(name string) bool { return ttyName("pts/" + name) }}
}

func devFolder(path string) folder { return folder{path, appears, ttyName} }

// utmpFolder is watched for the file in it, which may not be there yet.
func utmpFolder(path string) folder {
	return folder{path, appears | unix.IN_MODIFY, func(name string) bool { return name == "utmp" }}
}

// folderWatch watches folders.
type folderWatch struct {
	file *os.File // of inotify
	is   map[int32][]func(string) bool
}

// watchFolders begins to watch those of the folders that are there.
func watchFolders(folders []folder) (*folderWatch, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watching folders (fs.inotify.max_user_instances bounds how many can): %w", err)
	}
	w := &folderWatch{os.NewFile(uintptr(fd), "inotify"), map[int32][]func(string) bool{}}
	for _, f := range folders {
		// Two names of one folder, /run and /var/run, are one watch.
		wd, err := unix.InotifyAddWatch(fd, f.path, f.mask|unix.IN_ONLYDIR|unix.IN_MASK_ADD)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			continue
		}
		if err != nil {
			w.close()
			return nil, fmt.Errorf("watching %s: %w", f.path, err)
		}
		w.is[int32(wd)] = append(w.is[int32(wd)], f.is)
	}
	return w, nil
}

func (w *folderWatch) close() { _ = w.file.Close() }

var errFolderGone = errors.New("a folder that tells of sessions is gone")

// run calls changed for what counts until the watch is closed.
func (w *folderWatch) run(changed func()) error {
	buf := make([]byte, 16<<10)
	for {
		n, err := w.file.Read(buf)
		if errors.Is(err, os.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading what has changed in folders: %w", err)
		}
		for _, e := range parseInotify(buf[:n]) {
			switch {
			case e.mask&(unix.IN_IGNORED|unix.IN_UNMOUNT) != 0:
				return errFolderGone
			case e.mask&unix.IN_Q_OVERFLOW != 0 || w.counts(e):
				changed()
			}
		}
	}
}

func (w *folderWatch) counts(e inotifyEvent) bool {
	for _, is := range w.is[e.wd] {
		if is(e.name) {
			return true
		}
	}
	return false
}

// inotifyEvent is struct inotify_event without the cookie.
type inotifyEvent struct {
	wd   int32
	mask uint32
	name string
}

// parseInotify reads whole events.
func parseInotify(b []byte) []inotifyEvent {
	var events []inotifyEvent
	for len(b) >= unix.SizeofInotifyEvent {
		e := inotifyEvent{wd: int32(binary.NativeEndian.Uint32(b)), mask: binary.NativeEndian.Uint32(b[4:])}
		size := uint64(unix.SizeofInotifyEvent) + uint64(binary.NativeEndian.Uint32(b[12:]))
		if size > uint64(len(b)) {
			break
		}
		name, _, _ := bytes.Cut(b[unix.SizeofInotifyEvent:size], []byte{0})
		e.name = string(name)
		events, b = append(events, e), b[size:]
	}
	return events
}
