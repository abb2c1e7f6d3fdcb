package host

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"msg/internal/hosttest"
)

// watching watches folders and returns a channel of what it tells, and of how
// it ends.
func watching(t *testing.T, folders ...folder) (told chan struct{}, ended chan error) {
	t.Helper()
	w, err := watchFolders(folders)
	if err != nil {
		t.Fatal(err)
	}
	told, ended = make(chan struct{}, 1), make(chan error, 1)
	go func() { ended <- w.run(func() { ready(told) }) }()
	t.Cleanup(w.close)
	return told, ended
}

// TestTerminalsTell has real terminals. Those of other programs may come and
// go meanwhile, so it looks only for events that have to come.
func TestTerminalsTell(t *testing.T) {
	told, _ := watching(t, ptsFolder("/dev/pts"))
	p := hosttest.OpenPTY(t, 80, 24)
	<-told
	if err := os.Chown("/dev/"+p.Name, os.Getuid(), -1); err != nil {
		t.Fatal(err)
	}
	<-told
	p.Hangup()
	<-told
}

func TestUtmpTells(t *testing.T) {
	dir := t.TempDir()
	told, ended := watching(t, utmpFolder(dir), folder{path: filepath.Join(dir, "none")}, utmpFolder(dir))
	path := filepath.Join(dir, "utmp")
	for _, change := range []func() error{
		func() error { return os.WriteFile(path, []byte("first"), 0o644) },
		func() error { return os.WriteFile(path, []byte("again"), 0o644) },
		func() error { return os.Remove(path) },
		func() error {
			return errors.Join(os.WriteFile(path+".new", nil, 0o644), os.Rename(path+".new", path))
		},
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		<-told
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, errFolderGone) {
		t.Errorf("without the folder: %v", err)
	}
}

// What does not tell of sessions is not passed on: the next thing that is told
// is what came after it.
func TestOtherFilesDoNotTell(t *testing.T) {
	dir := t.TempDir()
	w, err := watchFolders([]folder{devFolder(dir), utmpFolder(dir)})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"null", "utmp.lock", "ptmx", "sda1", "shm", "tty"} {
		write(t, filepath.Join(dir, name), nil)
	}
	buf := make([]byte, 4096)
	n, err := w.file.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	events := parseInotify(buf[:n])
	if len(events) < 6 || slices.ContainsFunc(events, w.counts) {
		t.Errorf("%+v count", events)
	}
	write(t, filepath.Join(dir, "tty3"), nil)
	if n, err = w.file.Read(buf); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(parseInotify(buf[:n]), w.counts) {
		t.Error("a terminal does not count")
	}
	w.close()
	if err := w.run(func() {}); err != nil {
		t.Errorf("closed: %v", err)
	}
}

func inotifyBytes(e inotifyEvent, pad int) []byte {
	var b []byte
	b = binary.NativeEndian.AppendUint32(b, uint32(e.wd))
	b = binary.NativeEndian.AppendUint32(b, e.mask)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = binary.NativeEndian.AppendUint32(b, uint32(len(e.name)+pad))
	return append(append(b, e.name...), make([]byte, pad)...)
}

func FuzzParseInotify(f *testing.F) {
	f.Add(slices.Concat(inotifyBytes(inotifyEvent{1, unix.IN_CREATE, "3"}, 15), inotifyBytes(inotifyEvent{-1, unix.IN_Q_OVERFLOW, ""}, 0)))
	f.Add(inotifyBytes(inotifyEvent{1, unix.IN_DELETE, "cut off"}, 9)[:20])
	f.Add([]byte("short"))
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	f.Fuzz(func(t *testing.T, b []byte) {
		left := len(b)
		for _, e := range parseInotify(b) {
			if left -= unix.SizeofInotifyEvent + len(e.name); left < 0 || bytes.IndexByte([]byte(e.name), 0) >= 0 {
				t.Fatalf("event %+v in %q", e, b)
			}
			if again := parseInotify(inotifyBytes(e, 1)); len(again) != 1 || again[0] != e {
				t.Fatalf("%+v reads back as %+v", e, again)
			}
		}
	})
}
