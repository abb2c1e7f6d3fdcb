// Package ssh reaches the msgd of another computer through the system's
// ssh(1), with the keys and the configuration of whoever runs it.
//
// It promises that nothing in the name of a host can become an option or a
// command, that no ssh is left behind, and that whatever ssh and the other
// computer say comes back as one line. Start with Parse, then Dial.
package ssh

import (
	"errors"
	"net"
	"strconv"
	"strings"
	"unicode"
)

// Host is another computer, as ssh knows it: its name may be an alias that
// the user's configuration explains.
type Host struct {
	User string // empty: what the configuration says
	Name string
	Port string // empty: what the configuration says
}

// Errors of Parse. They do not repeat what was written.
var (
	errNoHost = errors.New("no host is named")
	errHost   = errors.New("that is not the name of a host")
	errUser   = errors.New("that is not the name of a user")
	errPort   = errors.New("its port is not a number from 1 to 65535")
)

// Parse reads [USER@]HOST[:PORT]; an IPv6 address with a port is in brackets.
//
// ssh puts names into commands of the user's configuration (ProxyCommand,
// Match exec), where a shell would act on some characters. None of these is in
// the name of a host or a user (CVE-2023-51385).
func Parse(s string) (Host, error) {
	var h Host
	if i := strings.LastIndexByte(s, '@'); i >= 0 { // a user may be bob@corp
		if h.User, s = s[:i], s[i+1:]; !isName(h.User, `._-+\@`) {
			return Host{}, errUser
		}
	}
	h.Name = s
	if name, port, err := net.SplitHostPort(s); err == nil {
		h.Name, h.Port = name, port
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return Host{}, errPort
		}
	} else if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
		h.Name = s[1 : len(s)-1]
	}
	if h.Name == "" {
		return Host{}, errNoHost
	}
	if !isName(h.Name, "._-:%") || strings.ContainsFunc(h.Name, func(r rune) bool { return r > unicode.MaxASCII }) {
		return Host{}, errHost
	}
	return h, nil
}

// isName accepts letters, digits and the marks; a name that begins with a
// hyphen would be an option.
func isName(s, marks string) bool {
	strange := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(marks, r)
	}
	return s != "" && s[0] != '-' && !strings.ContainsFunc(s, strange)
}

// destination is the part of the command line that says where to.
func (h Host) destination() []string {
	var args []string
	if h.Port != "" {
		args = append(args, "-p", h.Port)
	}
	if h.User != "" {
		args = append(args, "-l", h.User)
	}
	return append(args, "--", h.Name)
}

// args is the command line that connects to msgd. Where nobody can be asked
// for a password, ssh must not wait for one.
func (h Host) args(ask bool) []string {
	args := []string{
		"-T", "-a", "-x",
		"-o", "ClearAllForwardings=yes",
		"-o", "RemoteCommand=none", // of the configuration: it would be run in place of ours
		"-o", "ConnectTimeout=" + strconv.Itoa(int(connectTimeout.Seconds())),
		"-o", "ServerAliveInterval=10", // a connection that is dead is noticed after 30 s
		"-o", "ServerAliveCountMax=3",
	}
	if !ask {
		args = append(args, "-o", "BatchMode=yes")
	}
	return append(append(args, h.destination()...), "msgd", "relay")
}
