package samba

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"msg"
	"msg/internal/hosttest"
	"msg/internal/login"
	"msg/internal/tsts"
)

// kdcLog is what the KDC has logged.
func kdcLog(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(folder, "kdc.log"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// withPassword is one of Users, written as a person would, by its password.
func withPassword(t testing.TB, written string) login.Account {
	t.Helper()
	a, err := login.Parse(written)
	if err != nil {
		t.Fatal(err)
	}
	user, _, _ := strings.Cut(a.User, "@")
	a.Config = Krb5Conf
	return a.With(Password(user))
}

// how is what a computer that was opened says of the proof.
func how(h msg.Host) string { return h.(interface{ Proof() string }).Proof() }

// TestPasswordByKerberos proves a password by Kerberos, to SMB and in the calls.
// Of mallory the KDC wants no proof before it gives a ticket.
func TestPasswordByKerberos(t *testing.T) {
	for _, written := range []string{"alice@MSG.TEST", "alice@msg.test", `MSG\alice`, `msg.test\alice`, "mallory@MSG.TEST"} {
		t.Run(written, func(t *testing.T) {
			o := open(t, nil, seat("1", "pts/1", "mallory", msg.OutcomeAnswered, msg.LabelOK), seat("2", "pts/2", "alice", msg.OutcomeAnswered, msg.LabelOK))
			a := withPassword(t, written)
			before := len(kdcLog(t))
			h := host(t, a)
			m := hosttest.Message("by a password")
			m.Wait = true
			user, session := "alice", "1"
			if strings.HasPrefix(written, "mallory") {
				user = "mallory"
			}
			if got, err := send(t, t.Context(), h, session, m); err != nil || got[session].Outcome != msg.OutcomeAnswered {
				t.Errorf("%+v, %v", got, err)
			}
			if how(h) != "signed in by Kerberos, with the password" {
				t.Error(how(h))
			}
			if want := `user=MSG.TEST\` + user + ` by=kerberos`; !strings.Contains(o.log.String(), want) {
				t.Errorf("the log does not have %s", want)
			}
			asked := kdcLog(t)[before:]
			for _, service := range []string{"krbtgt/MSG.TEST@MSG.TEST", "cifs/" + FQDN, "host/" + FQDN} {
				if !strings.Contains(asked, user+"@MSG.TEST for "+service) {
					t.Errorf("the KDC has given no ticket for %s:\n%s", service, asked)
				}
			}
		})
	}
}

// TestWrongPasswordByKerberos tries a wrong password once, whatever the number of
// computers: no computer is called with it, so that no account is locked.
func TestWrongPasswordByKerberos(t *testing.T) {
	open(t, nil, seat("1", "pts/1", "bob", "", ""))
	for user, tried := range map[string]int{"alice": 1, "mallory": 0} { // the KDC does not see that of mallory
		var dialled atomic.Int32
		var all sync.WaitGroup
		before := len(kdcLog(t))
		var signIn tsts.SignIn
		for _, name := range []string{Name, FQDN, "h1", "h2", "h3"} {
			all.Go(func() {
				a := withPassword(t, user+"@MSG.TEST").With("falsch")
				_, err := tsts.Open(t.Context(), tsts.Options{Name: name, Account: a, SignIn: &signIn, Dial: func(context.Context) (net.Conn, error) {
					dialled.Add(1)
					return nil, errors.New("nobody is called")
				}})
				var e *msg.SystemError
				if !errors.As(err, &e) || e.Code != 1326 || !strings.Contains(e.Cure, "Kerberos says of "+user+"@MSG.TEST that the password is wrong; nothing else was tried") {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		all.Wait()
		asked := kdcLog(t)[before:]
		if n := strings.Count(asked, "PREAUTH_FAILED: "+user); n != tried {
			t.Errorf("the KDC was asked with a wrong password %d times, not %d:\n%s", n, tried, asked)
		}
		if n := strings.Count(asked, "ISSUE: "); tried == 0 && n != 1 {
			t.Errorf("the KDC was asked %d times:\n%s", n, asked)
		}
		if n := dialled.Load(); n != 0 {
			t.Errorf("%d computers were called", n)
		}
	}
}

// TestRefusedByKerberos has what else the KDC says of an account: it ends there.
func TestRefusedByKerberos(t *testing.T) {
	Get(t)
	t.Cleanup(func() {
		if err := run("modprinc -expire never -pwexpire never bob\n", "kadmin.local"); err != nil {
			t.Error(err)
		}
	})
	for change, code := range map[string]uint32{"-expire yesterday": 1793, "-expire never -pwexpire yesterday": 1330} {
		if err := run("modprinc "+change+" bob\n", "kadmin.local"); err != nil {
			t.Fatal(err)
		}
		_, err := tsts.Open(t.Context(), tsts.Options{Name: FQDN, Account: withPassword(t, "bob@MSG.TEST")})
		var e *msg.SystemError
		if !errors.As(err, &e) || e.Code != code {
			t.Errorf("%s: %v; want %d", change, err, code)
		}
	}
}

// TestPasswordByNTLM goes by NTLM where Kerberos cannot be, and says why.
func TestPasswordByNTLM(t *testing.T) {
	o := open(t, nil, seat("1", "pts/1", "bob", "", ""))
	conf := func(kdc string) string { // in which Kerberos has a realm for the accounts of Samba
		path := filepath.Join(t.TempDir(), "krb5.conf")
		text := fmt.Sprintf("[libdefaults]\n default_realm = LINUXBOX.TEST\n udp_preference_limit = 1\n[realms]\n LINUXBOX.TEST = {\n  kdc = %s\n }\n", kdc)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		name, computer, written, conf string
		why                           string
	}{
		{"an address", "127.0.0.1", `LINUXBOX\alice`, conf("127.0.0.1:88"), "a ticket needs the name of a computer and not its address"},
		{"an account of the computer", Name, `LINUXBOX\alice`, conf("127.0.0.1:88"), "the account is one of the computer itself (name@REALM is one of Kerberos)"},
		{"a name alone", FQDN, "alice", Krb5Conf, "the account is one of the computer itself (name@REALM is one of Kerberos)"},
		{"no realm", "h1", `LINUXBOX\alice`, Krb5Conf, `the configuration of Kerberos has no realm for "LINUXBOX"`},
		{"no configuration", "h1", `LINUXBOX\alice`, "/nonexistent/krb5.conf", "there is no configuration of Kerberos"},
		{"no KDC there", "h1", `LINUXBOX\alice`, conf("127.0.0.1:1"), "Kerberos does not answer"},
		{"no such account", "h1", `LINUXBOX\alice`, conf("127.0.0.1:88"), "Kerberos does not know this account"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(o.log.String())
			a := withPassword(t, c.written)
			a.Config = c.conf
			h, err := tsts.Open(t.Context(), tsts.Options{Name: c.computer, Account: a})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			if how(h) != "signed in by NTLM, because "+c.why {
				t.Error(how(h))
			}
			if _, err := h.Sessions(t.Context()); err != nil || !strings.Contains(o.log.String()[before:], `user=LINUXBOX\alice by=ntlm`) {
				t.Errorf("%v", err)
			}
		})
	}
	// The name of the computer is not known: what NTLM makes of the account is
	// for smbd, which knows none of the realm.
	_, err := tsts.Open(t.Context(), tsts.Options{Name: "h7", Account: withPassword(t, "alice@MSG.TEST")})
	var e *msg.SystemError
	if !errors.As(err, &e) || e.Code != 1326 || !strings.HasSuffix(e.Cure, "; Kerberos was not used: Kerberos does not know this computer by that name") {
		t.Errorf("%v", err)
	}
}
