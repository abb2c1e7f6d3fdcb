package login

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for written, want := range map[string]string{
		"bob": "bob", `CORP\bob`: `CORP\bob`, "bob@CORP.EXAMPLE": "bob@CORP.EXAMPLE", "Jörg Müller": "Jörg Müller", `.\bob`: `.\bob`, `a\b.c-d_e`: `a\b.c-d_e`,
	} {
		if a, err := Parse(written); err != nil || a.String() != want {
			t.Errorf("%q: %v, %v", written, a, err)
		}
	}
	for _, written := range []string{"", `\bob`, `CORP\`, `a\b\c`, "a/b", "a\nb", "a\x1bb", "bob:2", "b*b", "a,b"} {
		if a, err := Parse(written); err == nil {
			t.Errorf("%q: %v", written, a)
		} else if strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("%q: %q", written, err)
		}
	}
}

// write makes a file of a mode.
func write(t *testing.T, mode os.FileMode, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "creds")
	if err := os.WriteFile(name, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestCredentialsFile(t *testing.T) {
	for _, c := range []struct {
		mode          os.FileMode
		content       string
		user, pass    string
		want, notWant string // in the error
	}{
		{0o600, "username=bob\npassword=pa=ss word \ndomain=CORP\n", `CORP\bob`, "pa=ss word ", "", ""},
		{0o400, "\ufeff# comment\r\n; another\r\n\r\nUserName = bob@CORP\r\nPASSWORD = secret\r\n", "bob@CORP", "secret", "", ""},
		{0o600, `username=CORP\bob` + "\npassword=x\ndomain=corp", `corp\bob`, "x", "", ""},
		{0o640, "username=bob\npassword=secret\n", "", "", "(mode 0640): chmod 600", "secret"},
		{0o604, "username=bob\npassword=secret\n", "", "", "(mode 0604)", "password=secret"},
		{0o600, "username=bob\nsecret\n", "", "", "line 2 has no =", "secret"},
		{0o600, "username=bob\npasswort=secret\n", "", "", "line 2 is none of", "secret"},
		{0o600, "username=bob\npassword=secret\npassword=x\n", "", "", "line 3 says password a second time", "secret"},
		{0o600, "password=secret\n", "", "", "is not the name of an account", "secret"},
		{0o600, `username=A\bob` + "\npassword=secret\ndomain=B\n", "", "", "two domains", "secret"},
		{0o600, "username=bob\npassword=\xff\n", "", "", "is not UTF-8", ""},
		{0o600, strings.Repeat("#", maxFile+1), "", "", "has more than 65536 bytes", ""},
	} {
		s := Source{User: "@" + write(t, c.mode, c.content)}
		a, err := s.Account()
		if c.want != "" {
			if err == nil || !strings.Contains(err.Error(), c.want) || c.notWant != "" && strings.Contains(err.Error(), c.notWant) {
				t.Errorf("%q: %v, want %q", c.content, err, c.want)
			}
			continue
		}
		if pass, passErr := a.Password(); err != nil || passErr != nil || a.String() != c.user || pass != c.pass {
			t.Errorf("%q: %v, %q, %v, %v", c.content, a, pass, err, passErr)
		}
		if shown := fmt.Sprintf("%v %s", a, a); strings.Contains(shown, c.pass) && c.pass != "x" {
			t.Errorf("printed: %q", shown)
		}
	}
}

func TestOwner(t *testing.T) {
	name := write(t, 0o600, "secret\n")
	for owner, ok := range map[int]bool{1000: true, 0: true, 1001: false} {
		s := Source{User: "bob", PasswordFile: name, Self: 1000, Owner: func(fs.FileInfo) (int, bool) { return owner, true }}
		a, err := s.Account()
		if err != nil {
			t.Fatal(err)
		}
		if p, err := a.Password(); (err == nil) != ok || ok && p != "secret" || !ok && !strings.Contains(err.Error(), "belongs to the user 1001") {
			t.Errorf("%d: %q, %v", owner, p, err)
		}
	}
	s := Source{User: "bob", PasswordFile: t.TempDir()}
	a, _ := s.Account()
	if _, err := a.Password(); err == nil || !strings.Contains(err.Error(), "is not a plain file") {
		t.Errorf("a folder: %v", err)
	}
}

func TestAsk(t *testing.T) {
	asked := 0
	s := Source{User: `CORP\bob`, CCache: "/tmp/cc", Config: "/etc/krb5.conf", Ask: func(prompt string) (string, error) {
		asked++
		if prompt != `Password of CORP\bob: ` {
			t.Errorf("prompt %q", prompt)
		}
		return "secret", nil
	}}
	for range 3 {
		a, err := s.Account()
		if err != nil || a.CCache != "/tmp/cc" || a.Config != "/etc/krb5.conf" {
			t.Fatalf("%+v, %v", a, err)
		}
		if asked > 1 {
			t.Error("asked before it is needed, or again")
		}
		if p, err := a.Password(); err != nil || p != "secret" {
			t.Errorf("%q, %v", p, err)
		}
	}
	for _, c := range []struct {
		source *Source
		want   string
	}{
		{&Source{User: "bob"}, "nobody can be asked"},
		{&Source{User: "bob", Ask: func(string) (string, error) { return "", nil }}, `no password was given for "bob"`},
		{&Source{User: "bob", Ask: func(string) (string, error) { return "", errors.New("no terminal") }}, "no terminal"},
		{&Source{User: "bob", Ask: func(string) (string, error) { return "", fmt.Errorf("%w: no /dev/tty", errNoTerminal) }}, "name that in MSG_PASSWORD_FILE"},
		{&Source{User: "bob", PasswordFile: "/nowhere/at/all"}, "no such file"},
		{&Source{User: "bob", PasswordFile: write(t, 0o600, "\n")}, "is empty"},
		{&Source{CCache: "/tmp/cc"}, errNoPassword.Error()},
	} {
		a, err := c.source.Account()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Password(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
	if _, err := new(Source).Account(); !errors.Is(err, ErrNone) {
		t.Errorf("no account: %v", err)
	}
}

func FuzzReadLines(f *testing.F) {
	f.Add("username=bob\npassword=x\n")
	f.Add("=\n#\n;\r\n")
	f.Add("domain = = \n\nusername\t=a")
	f.Fuzz(func(t *testing.T, content string) {
		values, err := readLines([]byte(content))
		if err != nil {
			return
		}
		for k, v := range values {
			if k != "username" && k != "password" && k != "domain" || strings.Contains(v, "\n") {
				t.Fatalf("%q=%q", k, v)
			}
		}
	})
}
