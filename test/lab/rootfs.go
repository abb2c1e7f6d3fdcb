package lab

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var (
	//go:embed build.sh
	buildScript string
	//go:embed server.sh
	serverRecipe string
	//go:embed desktop.sh
	desktopRecipe string
	//go:embed xfce.sh
	xfceRecipe string
	//go:embed gnome.sh
	gnomeRecipe string
)

// A rootfs is a root filesystem, and the key that opens its accounts.
type rootfs struct {
	name  string
	suite string // the Debian release
	dir   string
}

func (r rootfs) root() string { return filepath.Join(r.dir, "root") }
func (r rootfs) key() string  { return filepath.Join(r.dir, "key") }

// serverFS is a release without a desktop. It takes about half a minute to
// build.
func serverFS(t testing.TB, suite string) rootfs {
	t.Helper()
	return getRootfs(t, suite, suite, serverRecipe, suite)
}

// desktopFS is a server with a desktop by one more recipe. With XFCE and sway it
// takes about a minute to build.
func desktopFS(t testing.TB, name, recipe string) rootfs {
	t.Helper()
	base := serverFS(t, "bookworm")
	return getRootfs(t, name, base.suite, desktopRecipe+recipe, base.dir)
}

// getRootfs returns a root filesystem from the cache. It is built if it is not there, or
// was built by other scripts or from another one; args are for the recipe.
func getRootfs(t testing.TB, name, suite, recipe string, args ...string) rootfs {
	t.Helper()
	need(t)
	cache, err := cacheDir()
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	hash := fingerprint(buildScript + recipe + strings.Join(args, " "))
	fs := rootfs{name: name, suite: suite, dir: filepath.Join(cache, name+"-"+hash)}
	if _, err := os.Stat(fs.dir); err == nil {
		return fs
	}
	t.Logf("lab: building the root filesystem %s", name)
	script := append([]string{"-c", buildScript, "build.sh", fs.dir, recipe}, args...)
	if out, err := exec.Command("sh", script...).CombinedOutput(); err != nil {
		t.Fatalf("lab: build of %q: %v\n%s", name, err, tail(string(out)))
	}
	return fs
}

// cacheDir returns the directory of the images, which only root may enter: it
// holds private keys.
func cacheDir() (string, error) {
	dir := Cache
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		dir = filepath.Join(base, "msg-lab")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o700)
}

func fingerprint(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}
