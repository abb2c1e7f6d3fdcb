package wine_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"msg/test/wine"
)

// TestPlanting puts a wtsapi32.dll beside the programs, as somebody does who
// can write to a folder of downloads: it is never loaded. The probe, which looks
// beside itself, shows that it could be.
func TestPlanting(t *testing.T) {
	p := wine.Boot(t)
	for name, c := range map[string]struct {
		pkg    string
		args   []string
		loaded bool
	}{
		"probe.exe": {"msg/test/wine/probe", nil, true},
		"msg.exe":   {"msg/cmd/msg", []string{"bob", "hello"}, false},
		"query.exe": {"msg/cmd/query", []string{"session"}, false},
	} {
		desk := p.Desk(t)
		desk.Sessions(".|1|Console|active|bob|VM||resp=1")
		folder := t.TempDir()
		exe := filepath.Join(folder, name)
		copyFile(t, wine.Build(t, c.pkg), exe)
		copyFile(t, wine.Shim(t, "planted.bin"), filepath.Join(folder, "wtsapi32.dll"))
		cmd := desk.Command(exe, c.args...)
		cmd.Dir = folder // the current folder is no better
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		_, err := os.Stat(filepath.Join(desk.Folder, "planted.txt"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if loaded := err == nil; loaded != c.loaded {
			t.Errorf("%s loads what was planted: %v, want %v", name, loaded, c.loaded)
		}
		if !c.loaded && len(desk.Calls()) == 0 {
			t.Errorf("%s has called nothing", name)
		}
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestSize holds the programs to what a download may weigh.
func TestSize(t *testing.T) {
	if testing.Short() {
		t.Skip("wine: not with -short")
	}
	const most = 12 << 20
	for _, pkg := range []string{"msg/cmd/msg", "msg/cmd/query"} {
		info, err := os.Stat(wine.Build(t, pkg))
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > most {
			t.Errorf("%s has %d bytes for Windows, want %d at most", pkg, info.Size(), most)
		}
		t.Logf("%s has %d bytes", pkg, info.Size())
	}
}
