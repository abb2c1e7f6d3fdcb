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
	for _, f := range []string{"/tmp/pk/msg_1.0.0_amd64.deb", "/tmp/pk2/msg_1.0.1_amd64.deb","/tmp/pk/msg-1.0.0-1.x86_64.rpm","/tmp/pk2/msg-1.0.1-1.x86_64.rpm"} {
		host.Copy(f, "/root/"+f[len(f)-10:])
	}
	host.Must("sh", "-c", "mv /root/_amd64.deb /root/2.deb; true")
	host.Copy("/tmp/pk/msg_1.0.0_amd64.deb", "/root/1.deb")
	host.Copy("/tmp/pk2/msg_1.0.1_amd64.deb", "/root/2.deb")
	host.Copy("/tmp/pk/msg-1.0.0-1.x86_64.rpm", "/root/1.rpm")
	host.Copy("/tmp/pk2/msg-1.0.1-1.x86_64.rpm", "/root/2.rpm")
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
