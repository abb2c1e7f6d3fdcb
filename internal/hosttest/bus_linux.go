package hosttest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// everybody is a configuration of dbus-daemon that lets all users in, see
// dbus-daemon(1).
const everybody = `<busconfig>
<type>session</type>
<listen>unix:path=%s</listen>
<auth>EXTERNAL</auth>
<policy context="default">
<allow user="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy>
</busconfig>
`

// BusOf starts a bus for another user, with the socket "bus" in a folder, both
// of which it gives to that user; only root can. It lets root in as well, who
// plays the desktop.
func BusOf(t testing.TB, dir string, uid int) string {
	t.Helper()
	path := filepath.Join(dir, "bus")
	config := filepath.Join(t.TempDir(), "bus.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, everybody, path), 0o600); err != nil {
		t.Fatal(err)
	}
	address, _ := startBus(t, "--config-file="+config)
	for _, name := range []string{dir, path} {
		if err := os.Lchown(name, uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	return address
}
