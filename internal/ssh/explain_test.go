package ssh

import (
	"strings"
	"testing"

	"msg/internal/text"
)

// TestExplain has what OpenSSH 9.2 and 10.0 and the shells print.
func TestExplain(t *testing.T) {
	for _, c := range []struct {
		status  int
		printed string
		want    string
	}{
		{255, "ssh: connect to host web1 port 22: Connection refused\r\n", "connection refused"},
		{255, "ssh: connect to host web1 port 22: Connection timed out\r\n", "it does not answer"},
		{255, "ssh: connect to host web1 port 22: No route to host\r\n", "there is no route to it in the network"},
		{255, "ssh: Could not resolve hostname web1: Name or service not known\r\n", "there is no host of that name"},
		{255, "Connection timed out during banner exchange\r\nConnection to 10.0.0.9 port 22 timed out\r\n", "it does not answer"},
		{255, "Timeout, server web1 not responding.\r\n", "it does not answer any more"},
		{255, "No ED25519 host key is known for web1 and you have requested strict checking.\r\nHost key verification failed.\r\n",
			"its host key is not known here; connect once with ssh to compare it"},
		{255, "@@@@\r\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\r\n@@@@\r\nHost key for web1 has changed and you have requested strict checking.\r\nHost key verification failed.\r\n",
			"its host key has changed; if that is to be so, remove the old one with ssh-keygen -R"},
		{255, "Authorized use only\r\nbob@web1: Permission denied (publickey,password).\r\n", "permission denied"},
		{255, "Received disconnect from 10.0.0.9 port 22:2: Too many authentication failures\r\nDisconnected from 10.0.0.9 port 22\r\n",
			"permission denied: too many keys were tried"},
		{255, "kex_exchange_identification: Connection closed by remote host\r\nConnection closed by 10.0.0.9 port 22\r\n", "Connection closed by 10.0.0.9 port 22"},
		{255, "", "ssh ended with status 255"},
		{127, "bash: line 1: msgd: command not found\n", "msgd is not installed there, or not in the PATH of ssh"},
		{127, "sh: 1: msgd: not found\n", "msgd is not installed there, or not in the PATH of ssh"},
		{1, "msgd: Command not found.\n", "msgd is not installed there, or not in the PATH of ssh"}, // tcsh
		{126, "bash: line 1: /usr/bin/msgd: Permission denied\n", "msgd cannot be executed there"},
		{1, "motd\nmsgd: no msgd is running: /run/msg/msgd.sock: no such file\n", "msgd: no msgd is running: /run/msg/msgd.sock: no such file"},
		{1, "evil \x1b]0;owned\a\u202e line\n\n \r\n", "evil ^[]0;owned^G<U+202E> line"},
		{3, "", "ssh ended with status 3"},
		{-1, "", "ssh was ended"},
	} {
		if got := explain(c.status, c.printed).Error(); got != c.want {
			t.Errorf("%d, %q\n got %q\nwant %q", c.status, c.printed, got, c.want)
		}
	}
}

func FuzzExplain(f *testing.F) {
	f.Add(255, "ssh: Connection refused\r\n")
	f.Add(1, "a\x1b[2J\u202e\n\xff")
	f.Add(127, strings.Repeat("x", 5000))
	f.Fuzz(func(t *testing.T, status int, printed string) {
		line := explain(status, printed).Error()
		if line == "" || text.Line(line) != line || text.Width(line) > maxLine {
			t.Fatalf("%d, %q: %q", status, printed, line)
		}
	})
}
