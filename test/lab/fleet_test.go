package lab_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/test/lab"
)

// joinLine is what msgd hub init prints for the other computers.
var joinLine = regexp.MustCompile(`msgd join (msg1\.\S+)`)

// makeFleet does what doc/fleet.md says: the first host is the hub and a
// member, and alice on it may send.
func makeFleet(t *testing.T, hosts ...*lab.Host) {
	t.Helper()
	hub := hosts[0]
	for _, h := range hosts {
		installPackage(t, h)
	}
	m := joinLine.FindStringSubmatch(hub.Must("msgd", "hub", "init", "--address", hub.Addr+":4222"))
	if m == nil {
		t.Fatal("msgd hub init prints no token")
	}
	hub.Must("systemctl", "enable", "--now", "msgd-hub.service")
	for _, h := range hosts {
		h.Must("msgd", "join", m[1])
	}
	online(t, hub, len(hosts))
	hub.Must("msgd", "operator", "add", "alice@"+hub.Name, "--may", "send, broadcast, query")
	eventually(hub, "runuser -u alice -- query host >/dev/null 2>&1")
}

// online waits until so many members are connected.
func online(t *testing.T, hub *lab.Host, n int) {
	t.Helper()
	script := fmt.Sprintf(`until [ "$(msgd members | awk '$2 == "on"' | wc -l)" = %d ]; do sleep 0.05; done`, n)
	if r := hub.Run(t.Context(), "timeout", "30", "sh", "-c", script); r.Code != 0 {
		t.Fatalf("%d members do not come:\n%s\n%s", n, hub.Must("msgd", "members"), hub.Must("journalctl", "--no-pager", "-u", "msgd*"))
	}
}

// wantForwarder holds that msgd reaches nobody, and a process without rights
// the hub for it.
func wantForwarder(t *testing.T, host, hub *lab.Host) {
	t.Helper()
	pid := property(host, "msgd-fleet.service", "MainPID")
	sockets := host.Must("ss", "--tcp", "--numeric", "--processes", "--no-header", "dst", hub.Addr, "dport", "=", "4222")
	if strings.Count(sockets, "\n") != 1 || !strings.Contains(sockets, "pid="+pid+",") {
		t.Errorf("%s: the connection to the hub is not that of process %s:\n%s", host.Name, pid, sockets)
	}
	if status := host.Must("cat", "/proc/"+pid+"/status"); strings.Contains(status, "Uid:\t0\t") || !strings.Contains(status, "CapBnd:\t0000000000000000\n") {
		t.Errorf("%s: it has rights:\n%s", host.Name, status)
	}
	if drop, deny := property(host, "msgd.service", "DropInPaths"), property(host, "msgd.service", "IPAddressDeny"); drop != "" || !strings.Contains(deny, "0.0.0.0/0") {
		t.Errorf("%s: msgd.service has the drop-ins %q and IPAddressDeny=%s", host.Name, drop, deny)
	}
}

// fromAlice is msg as alice runs it, with the receipts that it prints.
func fromAlice(t *testing.T, host *lab.Host, args ...string) <-chan lab.Result {
	sent := make(chan lab.Result, 1)
	go func() {
		sent <- host.Run(t.Context(), append([]string{"timeout", "60", "runuser", "-u", "alice", "--", "msg", "/json"}, args...)...)
	}()
	return sent
}

// outcomes are the last ones of each host.
func outcomes(t *testing.T, r lab.Result) map[string]string {
	t.Helper()
	last := map[string]string{}
	for _, x := range receiptsOf(t, r.Stdout) {
		if x.Session.Host != "" { // the last line has counts
			last[x.Session.Host] = strings.TrimSpace(string(x.Outcome) + " " + x.Answer)
		}
	}
	return last
}

// TestFleet joins three computers by a token, has people on each answer, and
// one computer miss a message that is kept for it.
func TestFleet(t *testing.T) {
	desk, server, front := withUsers(lab.Boot(t, "bookworm")), withUsers(lab.Boot(t, "trixie")), withUsers(lab.Desktop(t))
	hosts := []*lab.Host{desk, server, front}
	makeFleet(t, hosts...)
	for _, h := range hosts {
		wantForwarder(t, h, desk)
	}

	inTmux, bySSH, desktop := desk.Screen("bob"), server.SSH("bob"), front.XFCE("bob")
	await(t, inTmux, lab.Shows("lab[/dev/pts/"))
	inTmux.Type("tmux\n")
	eventually(desk, "runuser -u bob -- tmux list-clients 2>/dev/null | grep -q .")
	bySSH.TTY()

	sent := fromAlice(t, desk, "/w", "bob", "/server:*", "Save your work, please")
	desktop.WaitButton("OK", soon)
	desktop.Screenshot("fleet-message")
	await(t, inTmux, lab.Shows("Save your work"))
	desk.Must("sleep", "1.5") // keys before that were meant for something else
	inTmux.Press("Enter")
	waitFor(t, bySSH, "Message from alice@"+desk.Name)
	bySSH.Type("msg /ok\r")
	desktop.Click(must(t)(desktop.WaitButton("OK", soon)))
	result := <-sent
	got := outcomes(t, result)
	for _, h := range hosts {
		if got[h.Name] != "answered OK" {
			t.Errorf("%s: %q", h.Name, got[h.Name])
		}
	}
	if !strings.Contains(result.Stdout, `{"reach":{"hosts":3,"reached":3,"absent":0,"failed":0,"nobody":0,"sessions":3,"answered":3}}`) {
		t.Errorf("%+v", result)
	}
	missed(t, desk, server)
}

// missed sends to a computer that is off, which gets what was kept for it.
func missed(t *testing.T, desk, server *lab.Host) {
	t.Helper()
	server.PowerOff()
	online(t, desk, 2)
	now := <-fromAlice(t, desk, "bob", "/server:"+server.Name, "nobody-there")
	if now.Code != 1 || now.Took > 2*time.Second || !strings.Contains(now.Stdout, "not connected") {
		t.Errorf("without /queue: %+v", now)
	}
	kept := <-fromAlice(t, desk, "bob", "/server:"+server.Name, "/queue:1h", "Switched on again")
	t.Logf("absent after %v and %v: %s", now.Took, kept.Took, kept.Stdout)

	server.PowerOn()
	bob := server.SSH("bob")
	waitFor(t, bob, "Switched on again")
	// Nobody was signed in when it came: it was kept there for bob, and shown
	// when he was. Alice is told that, whose command has ended long before.
	const script = `until runuser -u alice -- query message /json | grep -F "Switched on again" | grep -q '"user":"bob",.*"surface":"terminal",.*"final":true'; do sleep 0.05; done`
	if r := desk.Run(t.Context(), "timeout", "15", "sh", "-c", script); r.Code != 0 {
		t.Errorf("alice is not told:\n%s", desk.Must("query", "message", "/json"))
	}
	if strings.Contains(bob.Output(), "nobody-there") {
		t.Error("what was not to be kept was shown")
	}
	wantForwarder(t, server, desk)

	asked := fromAlice(t, desk, "/w", "bob", "/server:"+server.Name, "Are you there?")
	waitFor(t, bob, "Are you there?")
	bob.Type("msg /ok\r")
	if got := outcomes(t, <-asked); got[server.Name] != string(msg.OutcomeAnswered)+" OK" {
		t.Errorf("after it was switched on: %v", got)
	}
}
