package lab_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"msg/test/lab"
)

// versions are those of the packages that the tests build: what is there, and
// what comes after it.
var versions = []string{"1.0.0", "1.0.1"}

// packed is where the packages are, which "make packages" makes once.
var packed struct {
	once sync.Once
	dir  string
	err  error
}

func makePackages() {
	if packed.dir, packed.err = os.MkdirTemp("", "msg-lab-packages"); packed.err != nil {
		return
	}
	for _, version := range versions {
		out, err := exec.Command("make", "--directory=../..", "packages", "VERSION="+version, "BIN="+packed.dir).CombinedOutput()
		if err != nil {
			packed.err = fmt.Errorf("make packages: %v\n%s", err, out)
			return
		}
	}
}

// removePackages undoes makePackages.
func removePackages() {
	if packed.dir != "" {
		_ = os.RemoveAll(packed.dir)
	}
}

// copyPackages puts all packages on a host, as /root/VERSION.deb and .rpm.
func copyPackages(t *testing.T, host *lab.Host) {
	t.Helper()
	for _, tool := range []string{"make", "scdoc"} {
		if _, err := exec.LookPath(tool); err != nil && !lab.Require {
			t.Skipf("packages need the program %q", tool)
		}
	}
	packed.once.Do(makePackages)
	if packed.err != nil {
		t.Fatal(packed.err)
	}
	for _, v := range versions {
		host.Copy(filepath.Join(packed.dir, "msg_"+v+"_amd64.deb"), "/root/"+v+".deb")
		host.Copy(filepath.Join(packed.dir, "msg-"+v+"-1.x86_64.rpm"), "/root/"+v+".rpm")
	}
}

// installPackage installs msg and msgd as an administrator of Debian does, and
// lets alice send to everybody.
func installPackage(t *testing.T, host *lab.Host) {
	t.Helper()
	copyPackages(t, host)
	host.Must("dpkg", "--install", "/root/"+versions[0]+".deb")
	host.Must("usermod", "--append", "--groups", "msg", "alice")
}

// property is one property of a unit, as systemctl show has it.
func property(host *lab.Host, unit, name string) string {
	return strings.TrimSpace(host.Must("systemctl", "show", "--property="+name, "--value", unit))
}

// wantUnits compares the states of both units.
func wantUnits(t *testing.T, host *lab.Host, when, want string) {
	t.Helper()
	for _, unit := range []string{"msgd.socket", "msgd.service"} {
		if got := property(host, unit, "ActiveState"); got != want {
			t.Errorf("%s: %s is %s, not %s", when, unit, got, want)
		}
	}
}

// wantPaths looks for files that have to be there, or must not be.
func wantPaths(t *testing.T, host *lab.Host, when string, there bool, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if r := host.Run(t.Context(), "test", "-e", path); (r.Code == 0) != there {
			t.Errorf("%s: %s is there: %v", when, path, r.Code == 0)
		}
	}
}

// wantVersion asks the program that is installed, and the one that runs.
func wantVersion(t *testing.T, host *lab.Host, version string) {
	t.Helper()
	if got := host.Must("msgd", "version"); got != "msgd "+version+"\n" {
		t.Errorf("installed is %q", got)
	}
	log := host.Must("journalctl", "--unit=msgd.service", "--output=cat", "_PID="+property(host, "msgd.service", "MainPID"))
	if !strings.Contains(log, "version="+version+" ") {
		t.Errorf("version %s does not run: %s", version, log)
	}
}

// bothSignIn gives alice and bob a terminal each, and returns bob's.
func bothSignIn(host *lab.Host) *lab.Term {
	return signIn(host, 2)[1]
}

// inUse has alice, of group msg, send to bob's terminal, and refuses bob.
func inUse(t *testing.T, host *lab.Host, bob *lab.Term, text string) {
	t.Helper()
	host.Must("runuser", "-u", "alice", "--", "msg", "bob", text)
	waitFor(t, bob, text)
	r := host.Run(t.Context(), "runuser", "-u", "bob", "--", "msg", "alice", text)
	if r.Code != 1 || !strings.Contains(r.Stderr, "bob is not in group msg") {
		t.Errorf("bob sends to alice: %+v", r)
	}
}

// Files that a package brings, and that msgd makes.
var (
	packageFiles = []string{
		"/usr/bin/msg", "/usr/bin/qwinsta", "/usr/bin/msgd", "/usr/lib/systemd/system/msgd.socket",
		"/usr/share/man/man1/quser.1.gz", "/usr/share/man/man5/msgd.toml.5.gz", "/usr/share/man/man8/msgd.8.gz",
		"/usr/share/bash-completion/completions/query", "/usr/share/zsh/vendor-completions/_msg",
		"/usr/share/fish/vendor_completions.d/qwinsta.fish", "/usr/share/doc/msg/copyright",
	}
	configFile  = "/etc/msg/msgd.toml"
	journalFile = "/var/lib/msg/journal.db"
	socketFile  = "/run/msg/msgd.sock"
	enabled     = []string{
		"/etc/systemd/system/sockets.target.wants/msgd.socket",
		"/etc/systemd/system/multi-user.target.wants/msgd.service",
	}
)

// TestDebianPackage is the life of the package: installed, used, upgraded,
// removed, installed again, and purged.
func TestDebianPackage(t *testing.T) {
	eachSuite(t, func(t *testing.T, host *lab.Host) {
		installPackage(t, host)
		bob := bothSignIn(host)
		wantUnits(t, host, "installed", "active")
		wantPaths(t, host, "installed", true, append(append(packageFiles, enabled...), configFile, socketFile)...)
		wantVersion(t, host, versions[0])
		host.Must("msgd", "check")
		inUse(t, host, bob, "first version")

		host.Must("sh", "-c", "echo '# ours' >>"+configFile)
		host.Must("dpkg", "--install", "/root/"+versions[1]+".deb")
		wantUnits(t, host, "upgraded", "active")
		wantVersion(t, host, versions[1])
		host.Must("grep", "--line-regexp", "# ours", configFile)
		inUse(t, host, bob, "second version")
		if records := host.Must("query", "message"); strings.Count(records, "alice@") != 2 {
			t.Errorf("the journal has\n%s", records)
		}

		host.Must("dpkg", "--remove", "msg")
		wantUnits(t, host, "removed", "inactive")
		wantPaths(t, host, "removed", true, configFile, journalFile)
		wantPaths(t, host, "removed", false, append(packageFiles, socketFile)...)

		host.Must("dpkg", "--install", "/root/"+versions[1]+".deb")
		wantUnits(t, host, "installed again", "active")
		inUse(t, host, bob, "again")

		host.Must("dpkg", "--purge", "msg")
		wantUnits(t, host, "purged", "inactive")
		wantPaths(t, host, "purged", false, append(append(packageFiles, enabled...), "/etc/msg", "/var/lib/msg", "/run/msg")...)
	})
}

// TestDisabledUnits holds that an upgrade starts nothing that an administrator
// has stopped for good.
func TestDisabledUnits(t *testing.T) {
	host := withUsers(lab.Boot(t, "trixie"))
	installPackage(t, host)
	host.Must("systemctl", "disable", "--now", "msgd.socket", "msgd.service")
	host.Must("dpkg", "--install", "/root/"+versions[1]+".deb")
	wantUnits(t, host, "upgraded", "inactive")
	wantPaths(t, host, "upgraded", false, enabled...)
}

// TestRPM is the same for the other kind of package, as far as a Debian host can
// show it: no dependency is there by its name.
func TestRPM(t *testing.T) {
	eachSuite(t, func(t *testing.T, host *lab.Host) {
		copyPackages(t, host)
		bob := bothSignIn(host)
		host.Must("rpm", "--install", "--nodeps", "/root/"+versions[0]+".rpm")
		host.Must("usermod", "--append", "--groups", "msg", "alice")
		wantUnits(t, host, "installed", "active")
		wantPaths(t, host, "installed", true, append(append(packageFiles, enabled...), configFile, socketFile)...)
		inUse(t, host, bob, "first version")

		host.Must("sh", "-c", "echo '# ours' >>"+configFile)
		host.Must("rpm", "--upgrade", "--nodeps", "/root/"+versions[1]+".rpm")
		wantUnits(t, host, "upgraded", "active")
		wantVersion(t, host, versions[1])
		host.Must("grep", "--line-regexp", "# ours", configFile)
		inUse(t, host, bob, "second version")
		for _, folder := range []string{"/usr/bin", "/usr/lib/systemd/system", "/etc"} {
			if r := host.Run(t.Context(), "rpm", "--query", "--file", folder); r.Code == 0 {
				t.Errorf("the package says that %s is its own", folder)
			}
		}

		host.Must("rpm", "--erase", "msg")
		wantUnits(t, host, "removed", "inactive")
		wantPaths(t, host, "removed", false, append(append(packageFiles, enabled...), socketFile)...)
		wantPaths(t, host, "removed", true, journalFile)
	})
}
