package lab_test

import (
	"strings"
	"testing"

	"msg/test/lab"
)

// TestPackages installs a package of each kind that has scripts and units, and
// removes it.
func TestPackages(t *testing.T) {
	eachSuite(t, func(t *testing.T, host *lab.Host) {
		host.CopyTree("testdata/hello", "/root/hello")
		if got := host.Must("stat", "--format=%U %a", "/root", "/root/hello/DEBIAN/postinst"); got != "root 700\nroot 755\n" {
			t.Errorf("owner and mode of what was there, and of what was copied: %q", got)
		}
		host.Must("dpkg-deb", "--build", "/root/hello", "/root/hello.deb")
		host.Must("rpmbuild", "-bb", "--define", "_rpmdir /root", "/root/hello/hello-lab.spec")

		for _, c := range []struct{ install, remove string }{
			{"dpkg --install /root/hello.deb", "dpkg --purge hello-lab"},
			{"rpm --install --nodeps /root/noarch/hello-lab-1-1.noarch.rpm", "rpm --erase hello-lab"},
		} {
			host.Must(strings.Fields(c.install)...)
			testUnits(t, host)
			host.Must(strings.Fields(c.remove)...)
			for _, path := range []string{"/usr/bin/hello-lab", "/run/hello-lab.sock"} {
				if r := host.Run(t.Context(), "test", "-e", path); r.Code != 1 {
					t.Errorf("after %s there is still %s", c.remove, path)
				}
			}
		}
	})
}

// testUnits has systemd start a program for a connection, and one again that
// was killed.
func testUnits(t *testing.T, host *lab.Host) {
	t.Helper()
	greeting := host.Must("perl", "-MIO::Socket::UNIX", "-e",
		`print IO::Socket::UNIX->new("/run/hello-lab.sock")->getline`)
	if greeting != "hello from a package\n" {
		t.Errorf("the socket says %q", greeting)
	}
	mainPID := func() string {
		return strings.TrimSpace(host.Must("systemctl", "show", "-p", "MainPID", "--value", "hello-lab-daemon"))
	}
	first := mainPID()
	host.Must("kill", "-KILL", first)
	host.Must("sh", "-c", `until pid=$(systemctl show -p MainPID --value hello-lab-daemon) && [ "$pid" != 0 ] && [ "$pid" != "$1" ] &&
		systemctl is-active --quiet hello-lab-daemon; do sleep 0.05; done`, "sh", first)
	if second := mainPID(); second == first || second == "0" {
		t.Errorf("the main process was %s, and is %s after it was killed", first, second)
	}
}
