package control

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"msg"
)

// folder makes a folder with a short name that a socket may be in: the path of
// a socket has at most 107 bytes.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "msg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // for other users, see asUser
		t.Fatal(err)
	}
	return dir
}

// refuses wants Listen to fail with an error that says so, and what was in the
// socket's place to be as it was.
func refuses(t *testing.T, path, says string) {
	t.Helper()
	before, beforeErr := os.Lstat(path)
	l, err := Listen(path, 0o666)
	if err == nil {
		l.Close()
		t.Fatalf("Listen(%q) is no error, want %q", path, says)
	}
	if !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v, want %q and the path", err, says)
	}
	after, afterErr := os.Lstat(path)
	if (beforeErr == nil) != (afterErr == nil) || beforeErr == nil && !os.SameFile(before, after) {
		t.Errorf("what was in the socket's place is gone")
	}
}

func TestListenMode(t *testing.T) {
	for _, mask := range []int{0o022, 0o777, 0} {
		for _, mode := range []os.FileMode{0o666, 0o600} {
			func() {
				old := unix.Umask(mask)
				defer unix.Umask(old)
				path := filepath.Join(folder(t), "s")
				if mask == 0o777 { // the lock must be ours all the same
					if err := os.WriteFile(path+".lock", nil, 0o600); err != nil {
						t.Fatal(err)
					}
					if err := os.Chmod(path+".lock", 0o600); err != nil {
						t.Fatal(err)
					}
				}
				l, err := Listen(path, mode)
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				if info, err := os.Lstat(path); err != nil || info.Mode() != mode|os.ModeSocket {
					t.Errorf("umask %03o, wanted %v: %v, %v", mask, mode, info.Mode(), err)
				}
			}()
		}
	}
}

func TestListenPlace(t *testing.T) {
	dir := folder(t)
	target := filepath.Join(dir, "target")
	if err := os.WriteFile(target, []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	link, dangling, sub := filepath.Join(dir, "link"), filepath.Join(dir, "dangling"), filepath.Join(dir, "sub")
	if err := errors.Join(os.Symlink(target, link), os.Symlink(filepath.Join(dir, "none"), dangling), os.Mkdir(sub, 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{target, link, dangling, sub} {
		refuses(t, path, "not a socket")
	}
	if b, err := os.ReadFile(target); err != nil || string(b) != "keep" {
		t.Errorf("the file holds %q, %v", b, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "none")); err == nil {
		t.Error("something was made behind the link")
	}

	lock := filepath.Join(dir, "l")
	if err := os.Symlink(filepath.Join(dir, "none"), lock+".lock"); err != nil {
		t.Fatal(err)
	}
	refuses(t, lock, "lock")
	refuses(t, filepath.Join(dir, "missing", "s"), "missing")
	refuses(t, filepath.Join(target, "s"), "target")
	refuses(t, filepath.Join(dir, strings.Repeat("x", 120)), "xxx")
}

func TestListenFolder(t *testing.T) {
	for _, mode := range []os.FileMode{0o777 | os.ModeSticky, 0o777, 0o775} {
		dir := folder(t)
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		refuses(t, filepath.Join(dir, "s"), "written to by others")
	}
	if os.Getuid() != 0 {
		t.Skip("giving a folder away needs root")
	}
	dir := folder(t)
	if err := os.Chown(dir, 70001, 70001); err != nil {
		t.Fatal(err)
	}
	refuses(t, filepath.Join(dir, "s"), "belongs to user 70001")
}

// TestStale replaces the socket of a daemon that was killed.
func TestStale(t *testing.T) {
	path := filepath.Join(folder(t), "s")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	refuses(t, path, "listens there") // while it lives
	dead.SetUnlinkOnClose(false)
	dead.Close()
	l, err := Listen(path, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if c, err := net.Dial("unix", path); err != nil {
		t.Errorf("nobody can connect: %v", err)
	} else {
		c.Close()
	}
}

func TestTwoServers(t *testing.T) {
	path := filepath.Join(folder(t), "s")
	first, err := Listen(path, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	refuses(t, path, "another msgd")
	if err := os.Remove(path); err != nil { // the lock counts, not the socket
		t.Fatal(err)
	}
	refuses(t, path, "another msgd")
	if err := first.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	second, err := Listen(path, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("the socket is still there")
	}
}

// TestCloseForeign closes a listener whose place somebody else has taken.
func TestCloseForeign(t *testing.T) {
	path := filepath.Join(folder(t), "s")
	l, err := Listen(path, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the other file was removed: %v", err)
	}
}

func TestNoDaemon(t *testing.T) {
	dir := folder(t)
	path := filepath.Join(dir, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	for _, path := range []string{path, filepath.Join(dir, "none"), filepath.Join(path, "below")} {
		err := NewClient(DialLocal(path), "").SetDND(t.Context(), msg.DND{})
		if !errors.Is(err, ErrNoDaemon) || !strings.Contains(err.Error(), path) {
			t.Errorf("%v, want ErrNoDaemon and the path", err)
		}
	}
}

// TestForeignServer is a socket on which somebody else listens.
func TestForeignServer(t *testing.T) {
	path := filepath.Join(folder(t), "s")
	if err := os.Chmod(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	asUser(t, 70001, func() {
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	})
	if _, err := DialLocal(path)(t.Context()); err == nil || !strings.Contains(err.Error(), "user 70001 listens") {
		t.Errorf("%v", err)
	}
}

// TestBusy connects to a socket whose queue is full, until it moves.
func TestBusy(t *testing.T) {
	path := filepath.Join(folder(t), "s")
	l, err := Listen(path, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for {
		c, err := net.Dial("unix", path)
		if errors.Is(err, syscall.EAGAIN) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := DialLocal(path)(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("an ended context: %v", err)
	}
	go serveOnce(t, l)
	c, err := DialLocal(path)(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// serveOnce takes one connection, which makes room for another.
func serveOnce(t *testing.T, l net.Listener) {
	c, err := l.Accept()
	if err != nil {
		t.Error(err)
		return
	}
	c.Close()
}
