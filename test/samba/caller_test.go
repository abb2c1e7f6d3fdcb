package samba

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"msg"
)

// Levels of the security of calls ([MS-RPCE] 2.2.1.1.8).
const (
	levelNone      = 1
	levelConnect   = 2
	levelPacket    = 4
	levelIntegrity = 5
	levelPrivacy   = 6
)

// caller is what caller.py is told: somebody who makes calls by Impacket.
type caller struct {
	Host     string   `json:"host"`
	Session  string   `json:"session"`
	Text     string   `json:"text"`
	SMB      []string `json:"smb"` // user, password, domain
	RPC      []string `json:"rpc"`
	Level    int      `json:"level"`
	Kerberos string   `json:"kerberos,omitempty"`
}

// known is the account of one of Users.
func known(user, domain string) []string { return []string{user, Password(user), domain} }

// call makes the calls, and returns what came of them.
func (c caller) call(t *testing.T) string {
	t.Helper()
	in, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/bin/python3", "caller.py")
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// needsImpacket skips a test where there is none.
func needsImpacket(t testing.TB) {
	t.Helper()
	if out, err := exec.Command("/usr/bin/python3", "-c", "import impacket.dcerpc.v5.transport").CombinedOutput(); err != nil {
		t.Skipf("needs Impacket (Debian: python3-impacket): %v\n%s", err, out)
	}
}

// serviceTickets has Impacket find the tickets that it needs in KRB5CCNAME. MIT's
// KDC gives none to Impacket itself, up to 0.12 at least, whose requests have no
// checksum that it takes (RFC 4120 5.4.1).
func (o *office) serviceTickets(t *testing.T, user string) {
	t.Helper()
	t.Setenv("KRB5CCNAME", o.CCache(t, user))
	if err := run("", "kvno", "cifs/"+FQDN, "host/"+FQDN); err != nil {
		t.Fatal(err)
	}
}

// TestImpacket has calls by a client that was not written here: who is proved
// gets the answer of the box, and everybody else is refused, whoever has signed
// in to SMB.
func TestImpacket(t *testing.T) {
	needsImpacket(t)
	o := open(t, nil, seat("1", "pts/1", "bob", msg.OutcomeAnswered, msg.LabelOK))
	alice, ticket := known("alice", "LINUXBOX"), []string{"alice", "", Realm}
	o.serviceTickets(t, "alice")
	for _, c := range []struct {
		name string
		caller
		want string // printed
		log  string
	}{
		{"NTLM", caller{RPC: alice, Level: levelPrivacy}, "answer 1, result 0x0", `smb=LINUXBOX\alice user=LINUXBOX\alice by=ntlm`},
		{"somebody else", caller{RPC: known("mallory", "LINUXBOX"), Level: levelPrivacy}, "answer", `smb=LINUXBOX\alice user=LINUXBOX\mallory by=ntlm`},
		{"Kerberos", caller{Host: FQDN, SMB: ticket, RPC: ticket, Level: levelPrivacy, Kerberos: "127.0.0.1"}, "answer 1, result 0x0", `user=MSG.TEST\alice by=kerberos`},

		{"wrong password", caller{RPC: []string{"alice", "falsch", "LINUXBOX"}, Level: levelPrivacy}, "rpc_s_access_denied", "winbind does not accept it"},
		{"no such account", caller{RPC: []string{"nobody-there", "falsch", "LINUXBOX"}, Level: levelPrivacy}, "rpc_s_access_denied", "winbind does not accept it"},
		{"guest", caller{RPC: []string{"guest", "", "LINUXBOX"}, Level: levelPrivacy}, "rpc_s_access_denied", "remote caller refused"},
		{"anonymous", caller{RPC: []string{"", "", ""}, Level: levelPrivacy}, "rpc_s_access_denied", "or is anonymous"},
		{"no security", caller{RPC: alice, Level: levelNone}, "rpc_s_access_denied", "has not proved who it is at level 6"},
		{"connect", caller{RPC: alice, Level: levelConnect}, "rpc_s_access_denied", "a call at level 2 by a client"},
		{"packet", caller{RPC: alice, Level: levelPacket}, "rpc_s_access_denied", "a call at level 4 by a client"},
		{"integrity", caller{RPC: alice, Level: levelIntegrity}, "rpc_s_access_denied", "a call at level 5 by a client"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.Session, c.Text = "1", "by Impacket: "+c.name
			if c.Host == "" {
				c.Host, c.SMB = Name, alice
			}
			before := len(o.log.String())
			got := c.call(t)
			logged := o.log.String()[before:]
			if !strings.Contains(got, c.want) || !strings.Contains(logged, c.log) {
				t.Errorf("%s, want %q; logged, want %q:\n%s", got, c.want, c.log, logged)
			}
			right := c.want == "answer 1, result 0x0"
			if shown := strings.Contains(o.Screen(msg.Session{ID: "1"}).String(), c.Text+"\n"); shown != right {
				t.Errorf("shown: %v; want %v", shown, right)
			}
		})
	}
}
