package main

import (
	"bytes"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"msg/internal/hosttest"
)

// finding is a line of msgd check.
type finding struct{ level, about, text string }

// checkIn runs msgd check for what is in a folder, and returns its exit code
// and what it found.
func checkIn(t *testing.T, dir string) (int, []finding) {
	t.Helper()
	var out bytes.Buffer
	p := program{out: &out, err: &out, open: func() (computer, error) { return fake{hosttest.NewFake()}, nil }}
	t.Setenv("MSGD_TEST_SCREENS", t.TempDir())
	c := &checkup{program: p, seats: filepath.Join(dir, "seats"), bus: filepath.Join(dir, "bus"), ask: winbindOf(dir)}
	code := c.all(options{config: filepath.Join(dir, "msgd.toml"), socket: filepath.Join(dir, "run/s")})
	var found []finding
	for line := range strings.Lines(out.String()) {
		m := regexp.MustCompile(`^(ok|warning|error) +([a-z]+): (.*)\n$`).FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("%q is no finding", line)
		}
		found = append(found, finding{m[1], m[2], m[3]})
	}
	return code, found
}

// TestCheck breaks one thing after another.
func TestCheck(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("what belongs to whom can be tried by root only")
	}
	for _, c := range []struct {
		name         string
		breakIt      func(t *testing.T, dir string)
		level, about string
		text         string // as a regular expression
	}{
		{"nothing", func(*testing.T, string) {}, "ok", "journal", "journal.db$"},
		{"no configuration", func(t *testing.T, dir string) { remove(t, dir, "msgd.toml") }, "error", "configuration", "no such file"},
		{"wrong configuration", func(t *testing.T, dir string) { write(t, dir, "msgd.toml", "[limits]\nburst = 0\n") }, "error", "configuration", "limits.burst = 0"},
		{"another's configuration", func(t *testing.T, dir string) { chown(t, dir, "msgd.toml") }, "error", "configuration", "belongs to user 70001.*chown root"},
		{"open configuration", func(t *testing.T, dir string) { chmod(t, dir, "msgd.toml", 0o666) }, "error", "configuration", "open to others.*chmod 644 "},
		{"open folder of the configuration", func(t *testing.T, dir string) { chmod(t, dir, ".", 0o777) }, "error", "configuration", "open to others.*chmod 755 "},
		{"a user who does not exist", func(t *testing.T, dir string) {
			write(t, dir, "msgd.toml", "[[rule]]\nfrom = [\"nobody-of-that-name\"]\nto = [\"*\"]\nallow = true\n")
		}, "warning", "configuration", `"nobody-of-that-name" does not exist`},
		{"no journal", func(t *testing.T, dir string) { remove(t, dir, "lib") }, "ok", "journal", "msgd makes it"},
		{"open journal", func(t *testing.T, dir string) { chmod(t, dir, "lib", 0o755) }, "error", "journal", "chmod 700 "},
		{"another's journal", func(t *testing.T, dir string) { chown(t, dir, "lib") }, "error", "journal", "chown root"},
		{"a file in place of the folder", func(t *testing.T, dir string) {
			remove(t, dir, "lib")
			write(t, dir, "lib", "")
		}, "error", "journal", "no folder"},
		{"journal file that others read", func(t *testing.T, dir string) {
			write(t, dir, "lib/journal.db", "")
			chmod(t, dir, "lib/journal.db", 0o644)
		}, "error", "journal", "chmod 600 .*journal.db"},
		{"no socket", func(t *testing.T, dir string) { remove(t, dir, "run/s") }, "warning", "socket", "systemctl start msgd.socket"},
		{"nobody at the socket", func(*testing.T, string) {}, "warning", "socket", "no msgd is running.*systemctl start msgd.socket"},
		{"no folder of the socket", func(t *testing.T, dir string) { remove(t, dir, "run") }, "warning", "socket", "systemctl start msgd.socket"},
		{"open folder of the socket", func(t *testing.T, dir string) { chmod(t, dir, "run", 0o777) }, "error", "socket", "chmod 755 "},
		{"another's folder of the socket", func(t *testing.T, dir string) { chown(t, dir, "run") }, "error", "socket", "chown root"},
		{"socket that is closed to others", func(t *testing.T, dir string) { chmod(t, dir, "run/s", 0o600) }, "error", "socket", "chmod 666 "},
		{"no Samba wanted", func(t *testing.T, dir string) {}, "ok", "configuration", ""},
		{"Samba", func(t *testing.T, dir string) { withSamba(t, dir) }, "ok", "samba", "msgd is where smbd looks"},
		{"winbind", func(t *testing.T, dir string) { withSamba(t, dir) }, "ok", "samba", "winbind knows THISBOX"},
		{"keytab", func(t *testing.T, dir string) { withSamba(t, dir) }, "ok", "samba", "keytab"},
		{"no keytab", func(t *testing.T, dir string) {
			withSamba(t, dir)
			remove(t, dir, "keytab")
		}, "warning", "samba", "Kerberos is not offered"},
		{"open keytab", func(t *testing.T, dir string) {
			withSamba(t, dir)
			chmod(t, dir, "keytab", 0o644)
		}, "error", "samba", "chmod 600 .*keytab"},
		{"closed folder of Samba", func(t *testing.T, dir string) {
			withSamba(t, dir)
			chmod(t, dir, "ncalrpc", 0o700)
		}, "error", "samba", "chmod 755 .*ncalrpc"},
		{"open folder of pipes", func(t *testing.T, dir string) {
			withSamba(t, dir)
			chmod(t, dir, "ncalrpc/np", 0o755)
		}, "error", "samba", "chmod 700 .*np"},
		{"no sockets for smbd", func(t *testing.T, dir string) {
			withSamba(t, dir)
			remove(t, dir, "ncalrpc/np/lsm_api_service")
		}, "error", "samba", "lsm_api_service.*systemctl enable msgd-windows.socket"},
		{"no winbind", func(t *testing.T, dir string) {
			withSamba(t, dir)
			remove(t, dir, "winbind")
		}, "error", "samba", "winbind does not answer.*systemctl start winbind"},
		{"another name", func(t *testing.T, dir string) {
			withSamba(t, dir)
			write(t, dir, "winbind", "BUILTIN\nOTHERBOX\n")
		}, "error", "samba", "does not know THISBOX.*windows.name"},
		{"no logind", func(t *testing.T, dir string) { remove(t, dir, "seats") }, "warning", "logind", "it does not run"},
		{"no bus", func(t *testing.T, dir string) { remove(t, dir, "bus") }, "error", "logind", "the system bus cannot be reached"},
		{"link in the socket's place", func(t *testing.T, dir string) {
			remove(t, dir, "run/s")
			if err := os.Symlink("/dev/null", filepath.Join(dir, "run/s")); err != nil {
				t.Fatal(err)
			}
		}, "error", "socket", "is no socket.*move it away"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := sound(t)
			c.breakIt(t, dir)
			code, found := checkIn(t, dir)
			seen, errors := false, 0
			for _, f := range found {
				if f.level == "error" {
					errors++
				}
				seen = seen || f.level == c.level && f.about == c.about && regexp.MustCompile(c.text).MatchString(f.text)
			}
			if !seen {
				t.Errorf("there is no %s about the %s that matches %q in %+v", c.level, c.about, c.text, found)
			}
			if (code != 0) != (c.level == "error") || (errors > 0) != (code != 0) {
				t.Errorf("exit code %d with %+v", code, found)
			}
		})
	}
}

// sound is a folder in which everything is as it should be, but that nobody
// listens at the socket.
func sound(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "msgd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for name, mode := range map[string]fs.FileMode{"run": 0o755, "lib": 0o700, "seats": 0o755} {
		if err := os.Mkdir(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	write(t, dir, "msgd.toml", "[journal]\npath = \""+dir+"/lib/journal.db\"\n")
	for _, name := range []string{"run/s", "bus"} {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, name), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		t.Cleanup(func() { l.Close() })
		if name == "run/s" {
			l.Close()
		}
	}
	chmod(t, dir, "run/s", 0o666)
	return dir
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, dir, name string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
		t.Fatal(err)
	}
}

func chown(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.Chown(filepath.Join(dir, name), 70001, 70001); err != nil {
		t.Fatal(err)
	}
}
