package samba

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestMain(m *testing.M) { Main(m) }

// TestHarness shows that smbd knows the accounts by password and by ticket, and
// that winbind checks both.
func TestHarness(t *testing.T) {
	s := Get(t)
	for _, user := range Users {
		out, err := exec.Command("smbclient", "-L", Name, "-U", user+"%"+Password(user)).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "IPC$") {
			t.Errorf("smbclient as %s: %v\n%s", user, err, out)
		}
		if out, err := exec.Command("wbinfo", "-a", `LINUXBOX\`+user+"%"+Password(user)).CombinedOutput(); err != nil {
			t.Errorf("wbinfo as %s: %v\n%s", user, err, out)
		}
	}
	if out, err := exec.Command("smbclient", "-L", Name, "-U", "alice%wrong").CombinedOutput(); err == nil {
		t.Errorf("smbclient with a wrong password:\n%s", out)
	}
	cmd := exec.Command("smbclient", "-L", FQDN, "--use-kerberos=required")
	cmd.Env = append(os.Environ(), "KRB5CCNAME="+s.CCache(t, "alice"))
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "IPC$") {
		t.Errorf("smbclient with a ticket: %v\n%s", err, out)
	}
	s.RestartSmbd(t)
	conn, err := net.Dial("tcp", "h200:445") // every name is the same computer
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}
