package control

import (
	"os"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
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
