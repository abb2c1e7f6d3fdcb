package wine_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"msg/test/wine"
)

// accounts is a domain with a group whose name is that of another one
// elsewhere, and a computer whose Windows speaks German. The domain controller
// does not say what mallory is in.
func accounts(d *wine.Desk) {
	d.Accounts(
		`CORP|bob|S-1-5-21-1-2-3-1001|user|S-1-1-0,S-1-5-32-545,S-1-5-21-1-2-3-2001`,
		`CORP|carol|S-1-5-21-1-2-3-1002|user|S-1-1-0,S-1-5-32-545`,
		`CORP|dora|S-1-5-21-1-2-3-1003|user|S-1-1-0,S-1-5-32-545,S-1-5-21-1-2-3-2001`,
		`CORP|eve|S-1-5-21-1-2-3-1005|user|S-1-1-0,S-1-5-32-545`,
		`CORP|mallory|S-1-5-21-1-2-3-1004|user|err=5`,
		`CORP|Helpdesk|S-1-5-21-1-2-3-2001|group`,
		`CORP|Führung|S-1-5-21-1-2-3-2002|group`,
		`PC|Helpdesk|S-1-5-21-9-9-9-2001|alias`,
		`VORDEFINIERT|Benutzer|S-1-5-32-545|alias`,
	)
}

func corpSessions(more ...string) []string {
	return append([]string{".|0|Services|disconnected||||", ".|1|Console|active|bob|CORP||resp=1", ".|2|RDP-Tcp#1|active|carol|CORP||resp=1",
		".|3|RDP-Tcp#2|active|mallory|CORP||resp=1"}, more...)
}

// configured writes a msgd.toml with these rules, whose journal is beside it,
// and returns its name on Windows.
func configured(t *testing.T, rules string) string {
	t.Helper()
	dir := t.TempDir()
	// TempDir itself has to be taken away by this system, and Wine has its files
	// open for a moment longer than the process is there: the folder is Windows'.
	journal := wine.Path(filepath.Join(dir, "data", "journal.db"))
	file := filepath.Join(dir, "msgd.toml")
	if err := os.WriteFile(file, []byte("[journal]\npath = '"+journal+"'\n"+rules), 0o600); err != nil {
		t.Fatal(err)
	}
	return wine.Path(file)
}

// serveConfigured runs msgd with this configuration, until the test ends. It is
// restricted where its clients are not to be administrators: Wine takes msgd for
// the one who has connected.
func (r runner) serveConfigured(msgd, msg, config string, restricted bool) (stop func()) {
	r.Helper()
	cmd := r.desk.Command(msgd, "serve", "--config", config)
	if restricted {
		cmd = r.desk.Command(wine.Shim(r.T, "restricted.exe"), msgd, "serve", "--config", config)
	}
	stop = r.serve(cmd)
	r.first(msg)
	return stop
}

// sent are the sessions that messages with this text went to.
func (r runner) sent(text string) (sessions []uint32) {
	r.Helper()
	for _, c := range wine.Sent(r.desk.Calls()) {
		if strings.Contains(c.Text, text) {
			sessions = append(sessions, c.Session)
		}
	}
	return sessions
}

// TestGroups has rules about who is in a group that somebody of a domain is in.
func TestGroups(t *testing.T) {
	p := wine.Boot(t)
	r := runner{t, p.Desk(t)}
	r.desk.Sessions(corpSessions()...)
	accounts(r.desk)
	msg, msgd := wine.Build(t, "msg/cmd/msg"), wine.Build(t, "msg/cmd/msgd")
	for i, c := range []struct {
		to   string
		want []uint32
	}{
		{`['@corp\helpdesk']`, []uint32{1}},
		{`['@Benutzer']`, []uint32{1, 2}},
		{`['@S-1-5-32-545']`, []uint32{1, 2}}, // the same, whatever its name is
		{`['@PC\Helpdesk', '@CORP\Führung', '@nobody-of-that-name']`, nil},
	} {
		text := "number " + string(rune('0'+i))
		stop := r.serveConfigured(msgd, msg, configured(t, "[[rule]]\nfrom = ['*']\nto = "+c.to+"\n"), true)
		for _, user := range []string{"bob", `CORP\carol`, "mallory"} {
			_ = r.desk.Command(msg, user, text).Run()
		}
		if got := r.sent(text); !slices.Equal(got, c.want) {
			t.Errorf("to %s: sessions %v were sent it, want %v", c.to, got, c.want)
		}
		stop()
	}
}

// TestGroupRefused: a sender is told why, and an administrator may all the same.
func TestGroupRefused(t *testing.T) {
	p := wine.Boot(t)
	r := runner{t, p.Desk(t)}
	r.desk.Sessions(corpSessions()...)
	accounts(r.desk)
	msg, msgd := wine.Build(t, "msg/cmd/msg"), wine.Build(t, "msg/cmd/msgd")
	config := configured(t, "[[rule]]\nfrom = ['*']\nto = ['@CORP\\Helpdesk']\nallow = false\nreason = 'they sleep'\n[[rule]]\nfrom = ['*']\n")
	stop := r.serveConfigured(msgd, msg, config, true)
	r.fails(`they sleep`, msg, "bob", "hello")
	r.prints(``, msg, "carol", "hello")
	stop()
	r.serveConfigured(msgd, msg, config, false)
	r.prints(`Async message sent to session Console`, msg, "/v", "bob", "hello")
	if got := r.sent("hello"); !slices.Equal(got, []uint32{1, 2}) {
		t.Errorf("sessions %v were sent it", got)
	}
}

// TestDenyOnly: who is an administrator and has not started msg as one has the
// group for what is forbidden, and not for what is allowed.
func TestDenyOnly(t *testing.T) {
	p := wine.Boot(t)
	r := runner{t, p.Desk(t)}
	r.desk.Sessions(corpSessions()...)
	accounts(r.desk)
	msg, msgd := wine.Build(t, "msg/cmd/msg"), wine.Build(t, "msg/cmd/msgd")
	const rule = "[[rule]]\nfrom = ['@S-1-5-32-544']\n"
	stop := r.serveConfigured(msgd, msg, configured(t, rule), true)
	r.fails(`no rule lets`, msg, "carol", "hello")
	stop()
	r.serveConfigured(msgd, msg, configured(t, rule+"allow = false\nreason = 'not they'\n[[rule]]\nfrom = ['*']\n"), true)
	r.fails(`not they`, msg, "carol", "hello")
	if got := r.sent("hello"); len(got) > 0 {
		t.Errorf("sessions %v were sent it", got)
	}
}

// TestCheckAccounts: what exists is not called missing.
func TestCheckAccounts(t *testing.T) {
	p := wine.Boot(t)
	r := runner{t, p.Desk(t)}
	r.desk.Sessions(corpSessions()...)
	accounts(r.desk)
	msgd := wine.Build(t, "msg/cmd/msgd")
	config := configured(t, `[[rule]]
from = ['@CORP\Helpdesk', '@Benutzer', '@S-1-5-32-545', '@Administrators', 'CORP\bob', '@CORP\bob', 'CORP\zoe']
to = ['@CORP\Führung', '@Gäste', 'carol']
`)
	out, _ := r.desk.Command(msgd, "check", "--config", config).Output()
	var got []string
	for line := range strings.Lines(string(out)) {
		if about, found := strings.CutPrefix(line, "warning  configuration: "); found {
			got = append(got, strings.TrimSpace(about))
		}
	}
	want := []string{`user "CORP\\zoe" does not exist`, `group "CORP\\bob" does not exist`, `group "Gäste" does not exist`}
	if !slices.Equal(got, want) {
		t.Errorf("warnings %q, want %q, in\n%s", got, want, out)
	}
	if strings.Contains(string(out), "error") {
		t.Errorf("something is wrong:\n%s", out)
	}
	if out, _ := r.desk.Command(msgd, "check").Output(); strings.Contains(string(out), "does not exist") {
		t.Errorf("without a configuration:\n%s", out)
	}
	if err := wine.Untidy(r.desk.Calls()); err != nil {
		t.Error(err)
	}
}

// TestDoctorGroups has the report say how much of the own token Windows tells.
// The SID is that of Wine's user.
func TestDoctorGroups(t *testing.T) {
	p := wine.Boot(t)
	r := runner{t, p.Desk(t)}
	r.desk.Sessions(corpSessions()...)
	r.desk.Accounts(`CORP|bob|S-1-5-21-0-0-0-1000|user|S-1-1-0,S-1-5-21-1-2-3-2001`)
	msg := wine.Build(t, "msg/cmd/msg")
	r.prints(`groups +1 of \d+ of the token, and 1 others, after `, msg, "/doctor")
	r.desk.Accounts(`CORP|bob|S-1-5-21-0-0-0-1000|user|err=5`)
	r.prints(`groups +AuthzInitializeContextFromSid: error 5: `, msg, "/doctor")
	if err := wine.Untidy(r.desk.Calls()); err != nil {
		t.Error(err)
	}
}

// TestKept sends to somebody who signs in later, also after a restart of msgd.
func TestKept(t *testing.T) {
	p := wine.Boot(t)
	r := runner{t, p.Desk(t)}
	r.desk.Sessions(corpSessions()...)
	accounts(r.desk)
	msg, query, msgd := wine.Build(t, "msg/cmd/msg"), wine.Build(t, "msg/cmd/query"), wine.Build(t, "msg/cmd/msgd")
	config := configured(t, "[[rule]]\nfrom = ['*']\nto = ['@CORP\\Helpdesk']\n")
	stop := r.serveConfigured(msgd, msg, config, true)
	r.prints(`Message for (CORP\\)?dora is kept until the next sign-in`, msg, "/v", "/queue", "dora", "the first")
	r.prints(`Message for (CORP\\)?dora is kept until the next sign-in`, msg, "/v", "/queue", `corp\DORA`, "the second")
	r.fails(`no rule lets`, msg, "/queue", "eve", "never")
	r.fails(`(?i)zoe`, msg, "/queue", "zoe", "never")
	r.fails(`(?i)helpdesk`, msg, "/queue", `CORP\Helpdesk`, "never")
	stop()
	r.serveConfigured(msgd, msg, config, true)
	r.prints(`dora +1 queued`, query, "message")
	r.desk.Sessions(corpSessions(".|7|RDP-Tcp#3|active|dora|OTHER||resp=1")...)
	r.prints(`dora +7`, query, "session")
	r.desk.Sessions(corpSessions(".|7|RDP-Tcp#3|active|dora|OTHER||resp=1", ".|8|RDP-Tcp#4|active|dora|CORP||resp=1")...)
	for begin := time.Now(); len(r.sent("the second")) == 0 && time.Since(begin) < 30*time.Second; {
		_ = exec.Command("sleep", "0.2").Run()
	}
	for _, text := range []string{"the first", "the second"} {
		if got := r.sent(text); !slices.Equal(got, []uint32{8}) {
			t.Errorf("%s: sessions %v were sent it", text, got)
		}
	}
	r.prints(`dora +1 accepted`, query, "message")
}
