// Package samba gives tests a real smbd with winbindd, and a Kerberos KDC, of
// the Debian packages, without touching those of the computer: the whole test
// process has namespaces of its own, in which port 445, /run/samba and
// /etc/passwd are its own.
//
// It promises that nothing of it outlives the test process, and that a computer
// without root or without Samba skips the tests with the reason. Start with
// Main in a TestMain, then Get in a test:
//
//	func TestMain(m *testing.M) { samba.Main(m) }
//
//	s := samba.Get(t)
//	conn, err := net.Dial("tcp", s.Addr)
//
// The computer is called linuxbox, as are h1 to h200, which are more names and
// addresses of it. It has the accounts alice (in group msg), bob (in group
// admins) and mallory, see Password.
package samba

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// What is the same in every test process.
const (
	Addr    = "127.0.0.1:445"
	Name    = "linuxbox"          // NetBIOS name, and the domain of its accounts, in lower case
	FQDN    = "linuxbox.msg.test" // as in the keytab
	Realm   = "MSG.TEST"
	Sockets = "/run/samba/ncalrpc/np" // where smbd looks for the sockets of pipes

	folder = "/run/msg-samba"
	// Keytab has the keys of host/ and cifs/ for linuxbox and its full name.
	Keytab = folder + "/linuxbox.keytab"
	// Krb5Conf is the configuration of Kerberos. KRB5_CONFIG says so already.
	Krb5Conf = folder + "/krb5.conf"
)

// Users are the accounts, of Samba and of the KDC.
var Users = []string{"alice", "bob", "mallory"}

// Password is the password of an account.
func Password(user string) string { return "Geheim-" + user + "-7!" }

// Samba is what runs. There is one in a test process.
type Samba struct {
	smbd, winbindd *process
}

var running struct {
	once  sync.Once
	samba *Samba
	err   error
}

// Get returns the Samba of this process, which is started by the first test
// that asks, or skips the test.
func Get(t testing.TB) *Samba {
	t.Helper()
	if reason := missing(); reason != "" {
		t.Skip("samba: " + reason)
	}
	if os.Getenv(marker) == "" {
		t.Fatal("samba: the package has no TestMain that calls samba.Main")
	}
	running.once.Do(func() { running.samba, running.err = start() })
	if running.err != nil {
		t.Fatal(running.err)
	}
	return running.samba
}

func start() (*Samba, error) {
	if err := os.WriteFile("/etc/samba/smb.conf", []byte(smbConf), 0o644); err != nil {
		return nil, err
	}
	if err := startKDC(); err != nil {
		return nil, err
	}
	for _, user := range Users {
		pw := Password(user) + "\n"
		if err := run(pw+pw, "smbpasswd", "-s", "-a", user); err != nil {
			return nil, err
		}
	}
	s := &Samba{}
	return s, s.start()
}

func (s *Samba) start() (err error) {
	if s.winbindd, err = launch("winbindd", "--foreground", "--no-process-group", "--debug-stdout"); err == nil {
		s.smbd, err = launchSmbd()
	}
	return err
}

// launchSmbd starts smbd, which says that it is ready a moment before it listens
// (source3/smbd/server.c); nothing tells of that.
func launchSmbd() (*process, error) {
	p, err := launch("smbd", "--foreground", "--no-process-group", "--debug-stdout")
	for until := time.Now().Add(launchLimit); err == nil; time.Sleep(5 * time.Millisecond) {
		conn, dialErr := net.Dial("tcp", Addr)
		if dialErr == nil {
			conn.Close()
			return p, nil
		}
		if time.Now().After(until) {
			p.stop()
			err = fmt.Errorf("samba: smbd does not listen: %w", dialErr)
		}
	}
	return nil, err
}

// RestartSmbd kills smbd and all that it serves, as a crash would, and starts
// another one.
func (s *Samba) RestartSmbd(t testing.TB) {
	t.Helper()
	s.KillSmbd(t)
	var err error
	if s.smbd, err = launchSmbd(); err != nil {
		t.Fatal(err)
	}
}

// KillSmbd kills smbd and all that it serves; RestartSmbd has to follow. No
// other smbd is in these namespaces.
func (s *Samba) KillSmbd(t testing.TB) {
	t.Helper()
	if err := run("", "killall", "-KILL", "--wait", "smbd"); err != nil {
		t.Fatal(err)
	}
	s.smbd.stop()
}

// stopAll ends what runs; the namespaces would end it as well.
func stopAll() {
	if s := running.samba; s != nil {
		s.smbd.stop()
		s.winbindd.stop()
	}
}

// CCache signs a user in to Kerberos, and returns the file with the ticket.
func (s *Samba) CCache(t testing.TB, user string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ccache")
	if err := run(Password(user)+"\n", "kinit", "-c", path, user+"@"+Realm); err != nil {
		t.Fatal(err)
	}
	return path
}

// run runs a program that has to succeed.
func run(stdin, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewBufferString(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("samba: %s: %v\n%s", name, err, out)
	}
	return nil
}
