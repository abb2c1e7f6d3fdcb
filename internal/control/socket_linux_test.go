package control

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"msg/internal/hosttest"
)

// asUser calls f on a thread that has another effective user ID, so that the
// kernel takes what f connects or listens to for that user's. It is skipped
// where that cannot be done.
func asUser(t testing.TB, uid int, f func()) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("acting as another user needs root")
	}
	runtime.LockOSThread()
	// The raw call is for this thread only; the package's is for all of them.
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), uintptr(uid), ^uintptr(0)); errno != 0 {
		t.Fatal(errno)
	}
	defer func() {
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), 0, ^uintptr(0)); errno != 0 {
			t.Fatal(errno) // the thread ends, as it is locked
		}
		runtime.UnlockOSThread()
	}()
	f()
}

// listening starts a server on a socket of its own, which has ended when the
// test has.
func listening(t testing.TB, s *Server) (path string) {
	t.Helper()
	path = filepath.Join(folder(t), "s")
	l, err := Listen(path, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	serving(t, s, l)
	return path
}

func serving(t testing.TB, s *Server, l net.Listener) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// TestContract holds a client and a server together to the contract of Host.
func TestContract(t *testing.T) {
	hosttest.Contract(t, func(t *testing.T) hosttest.Fixture {
		f := newService()
		c := NewClient(DialLocal(listening(t, &Server{Service: f, Host: "test"})), "")
		return hosttest.Fixture{Host: c, Screen: f.Screen, Waits: true}
	})
}
