package fleet

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/nats-io/nkeys"
)

// Files are written whole or not at all: beside the old one, to the disk, and
// then in its place.

func writeFile(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return fmt.Errorf("writing %q: %w", path, err)
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("writing %q: %w", path, err)
	}
	syncFolder(filepath.Dir(path))
	return nil
}

// syncFolder puts a new name on the disk. Not every system can do that with a
// folder, and those that cannot do it by themselves.
func syncFolder(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
}

func writeJSON(path string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("writing %q: %w", path, err)
	}
	return writeFile(path, b)
}

func readJSON(path string, into any) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := strict(b, into); err != nil {
		return fmt.Errorf("reading %q: %v", path, err)
	}
	return nil
}

// strict reads one JSON value with the fields that are known.
func strict(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("it cannot be read: %w", err)
	}
	if !utf8.Valid(b) || len(bytes.TrimSpace(b[d.InputOffset():])) > 0 {
		return errors.New("it is not one value in UTF-8")
	}
	return nil
}

// makeFolder makes a folder for nobody else's eyes.
func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	return nil
}

// saveKey writes the seed of a new key.
func saveKey(path string, key nkeys.KeyPair) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is a key in %q already, which must not be lost", path)
	}
	seed, err := key.Seed()
	if err != nil {
		return fmt.Errorf("writing a key: %w", err)
	}
	return writeFile(path, append(seed, '\n'))
}

// Key is a key that signs.
type Key = nkeys.KeyPair

// quickKey is a key whose private half is made from its seed once, and not for
// each signature, which takes as long as signing.
type quickKey struct {
	nkeys.KeyPair
	private ed25519.PrivateKey
}

// Sign signs a text, as RFC 8032 says.
func (k quickKey) Sign(text []byte) ([]byte, error) { return ed25519.Sign(k.private, text), nil }

// LoadKey reads a key from a file.
func LoadKey(path string) (Key, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading a key: %w", err)
	}
	key, err := nkeys.ParseDecoratedNKey(b)
	if err != nil {
		return nil, fmt.Errorf("reading a key: %q has none: %v", path, err)
	}
	seed, err := key.Seed()
	if err != nil {
		return nil, fmt.Errorf("reading a key: %q: %w", path, err)
	}
	_, raw, err := nkeys.DecodeSeed(seed)
	if err != nil {
		return nil, fmt.Errorf("reading a key: %q: %w", path, err)
	}
	return quickKey{key, ed25519.NewKeyFromSeed(raw)}, nil
}
