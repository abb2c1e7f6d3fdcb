package samba

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"msg"
)

// tstoolPaths are where Impacket's program is: Debian 13 has it among the examples
// of python3-impacket, Debian 12's is older and has none; others have it in PATH.
var tstoolPaths = []string{"/usr/share/doc/python3-impacket/examples/tstool.py", "tstool.py", "impacket-tstool"}

// tstool is Impacket's program, or the test is skipped.
func tstool(t *testing.T) func(args ...string) string {
	t.Helper()
	for _, name := range tstoolPaths {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		return func(args ...string) string {
			out, err := exec.CommandContext(t.Context(), "/usr/bin/python3", append([]string{path}, args...)...).CombinedOutput()
			if err != nil {
				t.Errorf("tstool %q: %v", args, err)
			}
			return string(out)
		}
	}
	t.Skip("needs Impacket's tstool (Debian 13: python3-impacket)")
	return nil
}

// TestTstool lists and sends by Impacket's program as it is, with a ticket.
func TestTstool(t *testing.T) {
	tool := tstool(t)
	o := open(t, nil, seat("1", "pts/1", "bob", msg.OutcomeAnswered, msg.LabelOK))
	o.serviceTickets(t, "alice")
	who := []string{"-k", "-no-pass", "-dc-ip", "127.0.0.1", "MSG.TEST/alice@" + FQDN}
	list := tool(append(who, "qwinsta", "-v")...)
	if !regexp.MustCompile(`pts/1 .*LINUXBOX\\bob +1 +Active`).MatchString(list) {
		t.Errorf("bob's session is not in\n%s", list)
	}
	if out := tool(append(who, "msg", "-session", "1", "-title", "Hello", "-message", "by tstool")...); !strings.Contains(out, "OK") {
		t.Errorf("%s", out)
	}
	if out := tool(append(who, "msg", "-session", "777", "-message", "nobody")...); !strings.Contains(out, "Could not find SessionID: 777") {
		t.Errorf("no such session: %s", out)
	}
	if shown := o.Screen(msg.Session{ID: "1"}).String(); !strings.Contains(shown, "by tstool\n") {
		t.Errorf("shown: %q", shown)
	}
	if !strings.Contains(o.log.String(), `user=MSG.TEST\alice by=kerberos`) {
		t.Error("the log does not say that it was Kerberos")
	}
}
