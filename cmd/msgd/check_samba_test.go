package main

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"msg/internal/tsts"
)

// winbindOf is wbinfo, whose domains are in a file; without it there is no
// winbind.
func winbindOf(dir string) func(string, ...string) (string, error) {
	return func(string, ...string) (string, error) {
		b, err := os.ReadFile(filepath.Join(dir, "winbind"))
		return string(b), err
	}
}

// withSamba adds to a folder what it takes to be reached from Windows.
func withSamba(t *testing.T, dir string) {
	t.Helper()
	np := filepath.Join(dir, "ncalrpc/np")
	if err := os.MkdirAll(np, 0o755); err != nil {
		t.Fatal(err)
	}
	chmod(t, dir, "ncalrpc/np", 0o700)
	for name := range tsts.Pipes {
		l, err := net.Listen("unix", filepath.Join(np, name))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	}
	write(t, dir, "winbind", "BUILTIN\nTHISBOX\n")
	write(t, dir, "keytab", "")
	chmod(t, dir, "keytab", 0o600)
	b, err := os.ReadFile(filepath.Join(dir, "msgd.toml"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "msgd.toml", string(b)+"\n[windows]\nlisten = true\nname = \"thisbox\"\nsockets = \""+np+"\"\nkeytab = \""+filepath.Join(dir, "keytab")+"\"\n")
}
