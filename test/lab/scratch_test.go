package lab_test

import (
	"context"
	"os"
	"testing"
	"time"

	"msg/test/lab"
)

func TestScratch(t *testing.T) {
	script, err := os.ReadFile(os.Getenv("SCRATCH"))
	if err != nil {
		t.Skip("no SCRATCH")
	}
	host := withUsers(lab.Boot(t, os.Getenv("SUITE")))
	for _, f := range []string{"msg", "msgd", "query"} {
		host.Copy("../../bin/"+f, "/usr/bin/"+f)
	}
	host.Copy("../../dist/sysusers.d/msg.conf", "/usr/lib/sysusers.d/msg.conf")
	for _, f := range []string{"msgd.service", "msgd.socket"} {
		host.Copy("../../dist/systemd/"+f, "/usr/lib/systemd/system/"+f)
	}
	alice := host.SSH("alice")
	alice.TTY()
	screen := host.Screen("bob")
	screen.Type("tmux\n")
	time.Sleep(3 * time.Second)
	r := host.Run(context.Background(), "bash", "-c", string(script))
	t.Logf("%d\n%s\n%s", r.Code, r.Stdout, r.Stderr)
	t.Log(alice.Output())
	t.Log(screen.Show())
}
