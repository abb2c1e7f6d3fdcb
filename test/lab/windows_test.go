package lab_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"msg/test/lab"
)

// smbPassword is that of the accounts of Samba on hosts of the lab.
const smbPassword = "Geheim-7!"

// smbConf is a computer that belongs to no domain.
const smbConf = `[global]
server role = standalone server
disable netbios = yes
load printers = no
map to guest = never
`

// offerWindows has a host with Samba offer itself to Windows: what doc/windows.md
// tells an administrator to do.
func offerWindows(t *testing.T, host *lab.Host) {
	t.Helper()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(host.Run(context.Background(), "journalctl", "--unit=msgd.service", "--output=cat", "--no-pager").Stdout)
		}
	})
	installPackage(t, host)
	host.Must("sh", "-c", `printf '%s' "$1" >/etc/samba/smb.conf`, "sh", smbConf)
	for _, user := range []string{"alice", "bob"} {
		host.Must("sh", "-c", `printf '%s\n%s\n' "$1" "$1" | smbpasswd -s -a "$2"`, "sh", smbPassword, user)
	}
	host.Must("sed", "-i", "/^.windows/,/^.log/s/^listen = false/listen = true/", configFile)
	host.Must("systemctl", "enable", "msgd-windows.socket")
	host.Must("systemctl", "restart", "msgd.service")
	host.Must("systemctl", "start", "winbind", "smbd")
}

// netbios is how Samba calls a host, if nothing else is said.
func netbios(host *lab.Host) string {
	name := strings.ToUpper(host.Name)
	return name[:min(len(name), 15)]
}

// tstool runs Impacket's program on the client, as a user of the host.
func tstool(t *testing.T, client, host *lab.Host, user string, args ...string) string {
	t.Helper()
	argv := append([]string{"timeout", "60", "python3", "/usr/share/doc/python3-impacket/examples/tstool.py",
		netbios(host) + "/" + user + ":" + smbPassword + "@" + host.Addr}, args...)
	r := client.Run(t.Context(), argv...)
	return r.Stdout + r.Stderr
}

// askBox shows a message box by Impacket, and returns what it answers.
func askBox(ctx context.Context, client, host *lab.Host, user, session, style, timeout, text string) lab.Result {
	return client.Run(ctx, "timeout", "60", "python3", "/root/askbox.py", host.Addr, netbios(host), user, smbPassword, session, style, timeout, "Question", text)
}

// sessionNumber finds a session in the list of tstool by its user.
func sessionNumber(t *testing.T, list, user string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)\\` + user + `\s+(\d+)\s`).FindStringSubmatch(list)
	if m == nil {
		t.Fatalf("%s is not in\n%s", user, list)
	}
	return m[1]
}

// TestWindowsProgram reaches a terminal by a program that was not written here:
// Impacket's tstool, through Debian 13's smbd.
func TestWindowsProgram(t *testing.T) {
	host := withUsers(lab.Samba(t, "trixie"))
	host.Copy("testdata/askbox.py", "/root/askbox.py")
	offerWindows(t, host)
	for path, want := range map[string]string{"/run/samba": "755", "/run/samba/ncalrpc": "755", "/run/samba/ncalrpc/np": "700", "/run/samba/ncalrpc/np/lsm_api_service": "600"} {
		if got := strings.TrimSpace(host.Must("stat", "--format=%a", path)); got != want {
			t.Errorf("%s has mode %s, want %s", path, got, want)
		}
	}
	if out := host.Must("sh", "-c", "msgd check"); !strings.Contains(out, "ok       samba") {
		t.Errorf("msgd check:\n%s", out)
	}
	bob := bothSignIn(host)
	list := tstool(t, host, host, "bob", "qwinsta")
	number := sessionNumber(t, list, "bob")

	if out := tstool(t, host, host, "alice", "msg", "-session", number, "-title", "Hello", "-message", "from-tstool"); !strings.Contains(out, "OK") {
		t.Errorf("tstool msg: %s", out)
	}
	waitFor(t, bob, "from-tstool")
	if shown := bob.Output(); !strings.Contains(shown, "Hello ("+netbios(host)+`\alice)`) {
		t.Errorf("the title does not name the sender:\n%s", shown)
	}
	if out := tstool(t, host, host, "alice", "msg", "-session", "777", "-message", "nobody"); !strings.Contains(out, "Could not find SessionID: 777") {
		t.Errorf("no such session: %s", out)
	}
	alice := sessionNumber(t, list, "alice")
	if out := tstool(t, host, host, "bob", "msg", "-session", alice, "-message", "not-allowed"); !strings.Contains(out, "FAIL") || !strings.Contains(strings.ToLower(out), "access") {
		t.Errorf("bob may not: %s", out)
	}

	answer := make(chan lab.Result, 1)
	go func() { answer <- askBox(t.Context(), host, host, "alice", number, "4", "60", "yes-or-no") }()
	waitFor(t, bob, "yes-or-no")
	bob.Type("msg /answer:No\r")
	if r := <-answer; r.Stdout != "7 0x0\n" {
		t.Errorf("the answer is %+v, want IDNO", r)
	}
	if r := askBox(t.Context(), host, host, "alice", number, "0", "1", "nobody-answers"); r.Stdout != "32000 0x0\n" {
		t.Errorf("nobody answered: %+v, want IDTIMEOUT", r)
	}

	// Samba's own pipes, which samba-dcerpcd serves in the same folder.
	host.Must("smbclient", "-L", "localhost", "-U", "alice%"+smbPassword)
	host.Must("systemctl", "restart", "msgd.service")
	if out := tstool(t, host, host, "alice", "msg", "-session", number, "-message", "after-a-restart"); !strings.Contains(out, "OK") {
		t.Errorf("after a restart of msgd: %s", out)
	}
	waitFor(t, bob, "after-a-restart")
}

// TestWindowsProgramDesktop asks somebody at a desktop of Debian 12, through its
// smbd, from another computer.
func TestWindowsProgramDesktop(t *testing.T) {
	client, host := lab.Samba(t, "trixie"), withUsers(lab.SambaDesktop(t))
	client.Copy("testdata/askbox.py", "/root/askbox.py")
	offerWindows(t, host)
	d := host.XFCE("alice")
	number := sessionNumber(t, tstool(t, client, host, "alice", "qwinsta"), "alice")
	answer := make(chan lab.Result, 1)
	go func() {
		answer <- askBox(t.Context(), client, host, "alice", number, "4", "60", "from-a-program-for-windows")
	}()
	d.Click(must(t)(d.WaitButton("Yes", soon)))
	select {
	case r := <-answer:
		if r.Stdout != "6 0x0\n" {
			t.Errorf("the answer is %+v, want IDYES", r)
		}
	case <-time.After(soon):
		t.Fatal("no answer")
	}
}
