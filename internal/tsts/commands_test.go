package tsts

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"msg/internal/wts"
	"msg/test/samba"
)

// TestCommands runs the programs themselves through smbd.
func TestCommands(t *testing.T) {
	s := samba.Get(t)
	dir := t.TempDir()
	for name, args := range map[string][]string{"msg": {"-tags", "remote", "msg/cmd/msg"}, "query": {"msg/cmd/query"}} {
		if out, err := exec.Command("go", append([]string{"build", "-o", filepath.Join(dir, name)}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	creds := "/user:@" + write("creds", "username=alice\npassword="+samba.Password("alice")+"\n")
	wrong := "/user:@" + write("wrong", "username=alice\npassword=falsch\n")
	bob := seat(2, "Console", "bob")
	bob.answers = wts.ResponseNo
	w := newWindows(t, seat(0, "Services", ""), seat(1, "RDP-Tcp#1", "carol"), bob)
	w.behind(t)
	for _, c := range []struct {
		name    string
		command []string
		tickets string
		code    int
		out     string // all of both outputs
	}{
		{"list", []string{"query", "session", "/server:h1", creds}, "", 0,
			` SESSIONNAME .*\n services +0  Active .*\n rdp-tcp#1 +carol +1  Active .*\n console +bob +2  Active .*\n`},
		{"list with a ticket", []string{"query", "user", "/server:rpc://" + samba.FQDN}, s.CCache(t, "alice"), 0,
			` USERNAME .*\n carol +rdp-tcp#1 +1  Active .* 2026-11-24 15:04\n bob +console .*\n`},
		{"send", []string{"msg", "/v", "/server:h1", creds, "carol", "hello"}, "", 0,
			`h1 is reached by Windows' remote calls: its port 445 answers, and it has Terminal Services; signed in by NTLM, because the account is one of the computer itself \(name@REALM is one of Kerberos\)\nSending message to session RDP-Tcp#1, display time 60\nAsync message sent to session RDP-Tcp#1\n`},
		{"ask", []string{"msg", "/v", "/buttons:yesno", "/server:rpc://linuxbox", creds, "bob", "Go?"}, "", 0,
			`(?s).*Message to session Console was answered: No \(bob, after .*`},
		{"nobody", []string{"msg", "/server:h1", creds, "dave", "hello"}, "", 1, `dave does not exist or is disconnected\n`},
		{"wrong password", []string{"msg", "/server:h1", wrong, "bob", "hello"}, "", 1,
			`Error 1326 getting session names\n  h1 does not know this account or its password: /user:NAME says which account \(one of its own is h1\\NAME\)\n`},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), filepath.Join(dir, c.command[0]), c.command[1:]...)
			cmd.Env = append(os.Environ(), "KRB5CCNAME="+c.tickets, "LC_ALL=C", "TZ=UTC")
			if c.tickets == "" {
				cmd.Env = append(cmd.Env, "KRB5CCNAME=KCM:")
			}
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			code := 0
			if errors.As(err, &exit) {
				code = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if code != c.code || !regexp.MustCompile(`\A`+c.out+`\z`).Match(out) {
				t.Errorf("exit code %d, want %d:\n%s", code, c.code, out)
			}
		})
	}
}
