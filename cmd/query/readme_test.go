package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"msg/internal/hosttest"
)

// readmePeople are the people of the README.
const readmePeople = `-- people.json --
{"session":{"host":"web1","id":"3","name":"pts/0","user":"alice","kind":"terminal","state":"active","type":"tty","idle_seconds":4800,"since":"2026-11-23T08:15:00Z","source":"logind"}}
{"session":{"host":"web1","id":"5","name":"pts/1","user":"bob","kind":"terminal","state":"active","type":"tty","idle_seconds":10,"since":"2026-11-23T09:02:00Z","source":"logind","own":true}}
`

// TestReadme runs the examples of the README.
func TestReadme(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Skip("the examples are for a Unix shell")
	}
	dir := t.TempDir()
	script := hosttest.ConsoleScript(t, "../../README.md", "query") + readmePeople
	if err := os.WriteFile(filepath.Join(dir, "readme.txtar"), []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: dir, Setup: setUp,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"shows": hosttest.Shows},
	})
}
