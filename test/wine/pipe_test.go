package wine_test

import (
	"bufio"
	"io"
	"os/exec"
	"strings"
	"testing"

	"msg/test/wine"
)

// TestPipe runs msgd by hand: msg and query find it at its pipe, and it knows
// who asks.
func TestPipe(t *testing.T) {
	p := wine.Boot(t)
	desk := p.Desk(t)
	desk.Sessions(".|1|Console|active|bob|VM||resp=1", ".|2|RDP-Tcp#1|active|carol|VM||resp=1")
	msg, query, msgd := wine.Build(t, "msg/cmd/msg"), wine.Build(t, "msg/cmd/query"), wine.Build(t, "msg/cmd/msgd")

	daemon := desk.Command(msgd, "serve")
	stderr, err := daemon.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = daemon.Process.Kill()
		_ = daemon.Wait()
	}()
	log := bufio.NewScanner(stderr)
	for log.Scan() && !strings.Contains(log.Text(), "msgd serves") {
		t.Log(log.Text())
	}
	go func() { _, _ = io.Copy(io.Discard, stderr) }()

	run := func(cmd *exec.Cmd) string {
		t.Helper()
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%q: %v", cmd.Args[1:], err)
		}
		return string(out)
	}
	t.Log(run(desk.Command(msg, "/doctor")))
	t.Log(run(desk.Command(query, "session")))
	t.Log(run(desk.Command(msg, "/v", "bob", "hello from the pipe")))
	t.Log(run(desk.Command(query, "message")))
	// A second one does not get the name.
	if out, err := desk.Command(msgd, "serve").CombinedOutput(); err == nil {
		t.Errorf("a second msgd serves: %s", out)
	} else {
		t.Logf("%s", out)
	}
}
