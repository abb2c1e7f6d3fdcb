package wine

import (
	"embed"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// compiler is mingw's, for 64-bit Windows.
const compiler = "x86_64-w64-mingw32-gcc"

//go:embed shim
var shimSources embed.FS

// products are what the C sources become, and with which arguments.
var products = [][]string{
	{"wtsapi32.dll", "-shared", "wtsapi32.c", "table.c", "log.c", "memory.c", "box.c"},
	{"bcryptprimitives.dll", "-shared", "bcryptprimitives.c", "names.c", "accounts.c", "log.c"},
	{"authz.dll", "-shared", "authz.c", "accounts.c", "log.c"},
	{"planted.bin", "-shared", "planted.c"}, // not a DLL's name: it goes into no prefix
	{"msgbox.exe", "-municode", "-mwindows", "msgbox.c"},
	{"launch.exe", "-municode", "launch.c"},
	{"restricted.exe", "-municode", "restricted.c"},
}

// flags are those of all products.
var flags = []string{"-std=gnu11", "-Os", "-s", "-Wall", "-Wextra", "-Werror"}

// shims compiles the C sources, unless that was done before, and returns the
// folder of what they became.
func shims(t testing.TB, cache string) string {
	t.Helper()
	key := append([]string(nil), flags...)
	for _, p := range products {
		key = append(key, p...)
	}
	files, err := fs.Glob(shimSources, "shim/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		key = append(key, name, read(t, name))
	}
	dir := filepath.Join(cache, "shim-"+fingerprint(key...))
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	compile(t, files, dir)
	return dir
}

func read(t testing.TB, name string) string {
	t.Helper()
	content, err := shimSources.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// compile works in a folder that gets its name when it is whole. If another
// process was quicker, its work is as good.
func compile(t testing.TB, files []string, dir string) {
	t.Helper()
	work, err := os.MkdirTemp(filepath.Dir(dir), "shim-new-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(work)
	for _, name := range files {
		if err := os.WriteFile(filepath.Join(work, path.Base(name)), []byte(read(t, name)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range products {
		cmd := exec.Command(compiler, append(append([]string{"-o", p[0]}, p[1:]...), flags...)...)
		cmd.Dir = work
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("wine: compiling %s: %v\n%s", p[0], err, out)
		}
	}
	if err := os.Rename(work, dir); err != nil {
		if _, there := os.Stat(dir); there != nil {
			t.Fatal(err)
		}
	}
}

// Shim is the path of one of the programs that the C sources become.
func Shim(t testing.TB, name string) string {
	t.Helper()
	cache, err := cacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(shims(t, cache), name)
}

// built are the programs of this process, by their package.
var built struct {
	sync.Mutex
	dir  string
	done map[string]string
}

// Build compiles a package of this module for Windows as a release is compiled
// and returns the program. It is done once for each; see [RemoveBuilt].
func Build(t testing.TB, pkg string) string {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	if built.done == nil {
		built.done = map[string]string{}
		dir, err := os.MkdirTemp("", "msg-wine-")
		if err != nil {
			t.Fatal(err)
		}
		built.dir = dir
	}
	if exe, ok := built.done[pkg]; ok {
		return exe
	}
	exe := filepath.Join(built.dir, path.Base(pkg)+".exe")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", exe, pkg)
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("wine: go build %s: %v\n%s", pkg, err, strings.TrimSpace(string(out)))
	}
	built.done[pkg] = exe
	return exe
}

// RemoveBuilt removes what Build has made.
func RemoveBuilt() {
	built.Lock()
	defer built.Unlock()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
		built.dir, built.done = "", nil
	}
}
