package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestLogNobodyReads: whoever reads the log may end before msgd does, journald
// as well, and what msgd does must not end with it.
func TestLogNobodyReads(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Skip("msgd runs on Linux")
	}
	dir, err := os.MkdirTemp("", "msgd") // the path of a socket has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	config, socket := filepath.Join(dir, "msgd.toml"), filepath.Join(dir, "s")
	if err := os.WriteFile(config, []byte("[journal]\npath = '"+filepath.Join(dir, "journal.db")+"'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	msgd := exec.Command("msgd", "serve", "--config", config, "--socket", socket)
	log, err := msgd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := msgd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = msgd.Process.Kill() }()
	for lines := bufio.NewScanner(log); lines.Scan() && !strings.Contains(lines.Text(), "msgd serves"); {
	}
	log.Close()
	for range 2 { // each is a line of the log
		client := exec.Command("msgd", "relay", "--socket", socket)
		in, err := client.StdinPipe() // the end of it would end the request
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Write([]byte(`{"version":1,"op":"dnd","dnd":{"on":true}}` + "\n")); err != nil {
			t.Fatal(err)
		}
		if out, err := client.CombinedOutput(); err != nil || !strings.Contains(string(out), `{"done":{}}`) {
			t.Errorf("%v: %s", err, out)
		}
	}
	if err := msgd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	if err := msgd.Wait(); err != nil {
		t.Errorf("msgd ends: %v", err)
	}
}
