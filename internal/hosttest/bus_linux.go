package hosttest

import (
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// BusOf is BusIn for another user, which only root can start.
func BusOf(t testing.TB, dir string, uid uint32) string {
	t.Helper()
	return startBus(t, func(cmd *exec.Cmd) {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	}, "--address=unix:path="+filepath.Join(dir, "bus"))
}
