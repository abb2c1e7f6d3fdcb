package lab_test

import (
	"strings"
	"testing"
	"time"

	"msg/test/lab"
)

// TestServer sends from one host to others by ssh: one with msgd, one without,
// one that is down.
func TestServer(t *testing.T) {
	from, to, bare := withUsers(lab.Boot(t, "bookworm")), withUsers(lab.Boot(t, "trixie")), withUsers(lab.Boot(t, "bookworm"))
	for _, host := range []*lab.Host{from, to} {
		install(t, host)
		startDaemon(t, host)
	}
	key := from.Must("runuser", "-u", "alice", "--", "sh", "-c",
		"mkdir -p -m 700 ~/.ssh && ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519 && cat ~/.ssh/id_ed25519.pub")
	from.Must("sh", "-c", "printf '%s web2\\n%s web3\\n10.77.250.250 web4\\n' "+to.Addr+" "+bare.Addr+" >>/etc/hosts")
	from.Must("runuser", "-u", "alice", "--", "sh", "-c",
		"printf 'Host *\\n StrictHostKeyChecking no\\n UserKnownHostsFile /dev/null\\n LogLevel ERROR\\n' >~/.ssh/config")
	for _, host := range []*lab.Host{to, bare} {
		host.Must("sh", "-c", "echo '"+strings.TrimSpace(key)+"' >>/etc/ssh/lab_keys")
	}
	bob := to.SSH("bob")
	bob.TTY()
	alice := from.SSH("alice")
	alice.TTY()

	alice.Type("msg /v /server:ssh://web2 bob over-ssh; echo one=$?\r")
	waitFor(t, bob, "over-ssh")
	waitFor(t, bob, "Message from alice@"+to.Name)
	waitFor(t, alice, "one=0")

	alice.Type("msg /v /w /server:web2 bob by-name; echo two=$?\r")
	waitFor(t, bob, "by-name")
	bob.Type("msg /ok\r")
	waitFor(t, alice, "was answered: OK (bob, after ")
	waitFor(t, alice, "two=0")

	alice.Type("msg /v /server:web2,web3,web4 bob to-$((40+2))-many; echo three=$?\r")
	began := time.Now()
	waitFor(t, bob, "to-42-many")
	waitFor(t, alice, `Async message sent to session `+to.Name+`\`+bob.TTY())
	if err := alice.WaitFor("three=1", 30*time.Second); err != nil {
		t.Fatal(err)
	}
	t.Logf("three hosts took %v", time.Since(began).Round(time.Millisecond))
	waitFor(t, alice, `msg: "web3": ssh: msgd is not installed there`)
	waitFor(t, alice, `msg: "web4": no route: `)
	alice.Type("query user /server:web2; echo four=$?\r")
	waitFor(t, alice, "four=0")
	waitFor(t, alice, " bob  ")
}
