package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// owned reports why something is not root's, or open to others: nobody else may
// have the rights in mask. Windows has neither root nor these rights.
func owned(path string, info fs.FileInfo, mask fs.FileMode) error {
	uid, known := ownerOf(info)
	switch {
	case !known:
		return nil
	case uid != 0:
		return fmt.Errorf("%s belongs to user %d, and has to be root's: chown root %[1]s", path, uid)
	case info.Mode().Perm()&mask != 0:
		return fmt.Errorf("%s is open to others (%v): chmod %03o %[1]s", path, info.Mode().Perm(), info.Mode().Perm()&^mask)
	}
	return nil
}

// ownedConfig reports how others could change the configuration: in its file, or
// by putting another in its place.
func ownedConfig(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if err := owned(path, info, 0o022); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if info, err = os.Stat(dir); err != nil || info.Mode()&fs.ModeSticky != 0 {
		return err
	}
	return owned(dir, info, 0o022)
}
