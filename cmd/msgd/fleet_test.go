package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestNotIn holds that a computer which has joined is not told to join because
// msgd cannot read its folder.
func TestNotIn(t *testing.T) {
	m := &member{dir: t.TempDir()}
	if _, err := m.get(); !errors.Is(err, errNotJoined) {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(m.dir, "node.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := m.get(); !errors.Is(err, errNotIn) {
		t.Error(err)
	}
}
