package host

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// tmuxClient is the program that shows tmux on a terminal.
type tmuxClient struct{ pid int }

// isTmuxClient goes by the name that tmux gives itself; "tmux" is the one it
// was started with, which it has for a moment.
func isTmuxClient(p process) bool {
	return p.comm == "tmux: client" || p.comm == "tmux"
}

// isMultiplexer reports whether a process is a server that shows terminals of
// its own inside another one.
func isMultiplexer(p process) bool {
	return p.comm == "tmux: server" || p.comm == "screen" || p.comm == "SCREEN"
}

// mayHaveTmux reports whether a tmux may be running, by the list of sockets in
// /proc/net/unix (unix(7)), which is far cheaper than looking at all processes.
// A server listens below a folder tmux-UID, or where its user wants it
// (tmux -S), which is hardly among the system's own.
func mayHaveTmux(sockets string) bool {
	b, err := os.ReadFile(sockets)
	if err != nil {
		return true
	}
	for line := range strings.Lines(string(b)) {
		// Num RefCount Protocol Flags Type St Inode Path
		f := strings.Fields(line)
		if len(f) < 8 || f[3] != listening {
			continue
		}
		if path := f[7]; path[0] == '/' && (strings.Contains(path, "/tmux") || !ofSystem(path)) {
			return true
		}
	}
	return false
}

// listening is the flag of a socket that accepts connections, __SO_ACCEPTCON.
const listening = "00010000"

// ofSystem reports whether a socket is in a folder that services use.
func ofSystem(path string) bool {
	for _, dir := range []string{"/run/", "/var/", "/dev/", "/tmp/.X11-unix/", "/tmp/.ICE-unix/", "/tmp/ssh-"} {
		if strings.HasPrefix(path, dir) {
			return true
		}
	}
	return false
}

// tmuxSocket works out which server a tmux client talks to, from its command
// line and environment, as tmux(1) describes: -S, else -L, else the server it
// runs in, else "default"; names are below TMUX_TMPDIR or /tmp.
func tmuxSocket(cmdline, environ string, uid int) string {
	env := map[string]string{}
	for _, v := range strings.Split(environ, "\x00") {
		if name, value, ok := strings.Cut(v, "="); ok {
			env[name] = value
		}
	}
	label := "default"
	path, name := tmuxFlags(strings.Split(strings.TrimSuffix(cmdline, "\x00"), "\x00"))
	inside, _, _ := strings.Cut(env["TMUX"], ",")
	switch {
	case filepath.IsAbs(path):
		return path
	case name != "":
		label = name
	case inside != "":
		return inside
	}
	dir := env["TMUX_TMPDIR"]
	if dir == "" {
		dir = "/tmp"
	}
	return filepath.Join(dir, "tmux-"+strconv.Itoa(uid), label)
}

// tmuxFlags finds the values of -S and -L among tmux's own flags; the first
// word that is no flag begins a command.
func tmuxFlags(argv []string) (path, name string) {
	const withValue = "cfLST"
	for i := 1; i < len(argv); i++ {
		flags, ok := strings.CutPrefix(argv[i], "-")
		if !ok || flags == "" || flags == "-" {
			return path, name
		}
		for j, f := range flags {
			if !strings.ContainsRune(withValue, f) {
				continue
			}
			value := flags[j+1:]
			if value == "" && i+1 < len(argv) {
				i++
				value = argv[i]
			}
			switch f {
			case 'S':
				path = value
			case 'L':
				name = value
			}
			break
		}
	}
	return path, name
}
