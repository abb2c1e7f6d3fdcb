package lab

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
)

// Copy copies a local file to a path on the host, with its mode.
func (h *Host) Copy(local, remote string) {
	h.t.Helper()
	f, err := os.Open(local)
	if err != nil {
		h.t.Fatalf("lab: copy: %v", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		h.t.Fatalf("lab: copy: %v", err)
	}
	// Through a program on the host: /run and /tmp there are mounts that cannot
	// be reached from here.
	mode := fmt.Sprintf("--mode=%o", info.Mode().Perm())
	h.must(f, "install", mode, "/dev/stdin", remote)
}

// CopyTree copies what is in a local directory into a directory on the host,
// which is made if it is not there. All of it belongs to root there.
func (h *Host) CopyTree(local, remote string) {
	h.t.Helper()
	archive, err := exec.Command("tar", "--create", "--owner=0", "--group=0", "--directory="+local, ".").Output()
	if err != nil {
		h.t.Fatalf("lab: copy of %q: %v", local, err)
	}
	h.must(bytes.NewReader(archive), "sh", "-c", `mkdir -p "$1" && tar --extract --no-overwrite-dir --directory="$1"`, "sh", remote)
}
