package lab

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

//go:embed build.sh
var buildScript string

// An image is the root filesystem of a release, and the key that opens its
// accounts.
type image struct{ dir string }

func (i image) root() string { return filepath.Join(i.dir, "root") }
func (i image) key() string  { return filepath.Join(i.dir, "key") }

// getImage returns the image of a release from the cache. It takes about half a
// minute to build it if it is not there, or was built from a different list of
// packages and settings.
func getImage(t testing.TB, suite string) image {
	t.Helper()
	cache, err := cacheDir()
	if err != nil {
		t.Fatalf("lab: %v", err)
	}
	img := image{filepath.Join(cache, suite+"-"+fingerprint(buildScript))}
	if _, err := os.Stat(img.dir); err == nil {
		return img
	}
	t.Logf("lab: building the root filesystem of %s", suite)
	out, err := exec.Command("sh", "-c", buildScript, "build.sh", suite, img.dir).CombinedOutput()
	if err != nil {
		t.Fatalf("lab: build of %q: %v\n%s", suite, err, tail(string(out)))
	}
	return img
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
