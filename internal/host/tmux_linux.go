package host

import (
	"context"
	"errors"
	"msg/internal/account"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"msg"
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

// popupResult is what became of one tmux client.
type popupResult struct {
	place place
	err   error
}

// showPopups shows m over each of the clients, through one helper for each
// user, and closes results after the last.
func showPopups(ctx context.Context, users *account.DB, clients []place, m msg.Message, results chan<- popupResult) {
	byUser := map[uint32][]place{}
	for _, p := range clients {
		byUser[p.uid] = append(byUser[p.uid], p)
	}
	limit := make(chan struct{}, maxHelpers)
	var wg sync.WaitGroup
	for uid, places := range byUser {
		wg.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			userPopups(ctx, users, uid, places, m, results)
		})
	}
	wg.Wait()
	close(results)
}

// userPopups runs the helper of one user and reports each place once.
func userPopups(ctx context.Context, users *account.DB, uid uint32, places []place, m msg.Message, results chan<- popupResult) {
	request := popupRequest{Popup: newPopup(m)}
	for _, p := range places {
		request.Clients = append(request.Clients, popupClient{PID: p.client.pid, TTY: p.tty})
	}
	replies, err := asUser(ctx, users, uid, request)
	for _, p := range places {
		problem, answered := replies[p.tty]
		switch {
		case answered && problem == "":
			results <- popupResult{place: p}
		case answered:
			results <- popupResult{p, errors.New(problem)}
		case err != nil:
			results <- popupResult{p, err}
		default:
			results <- popupResult{p, errors.New("no reply")}
		}
	}
}

// popupRequest is what the helper of one user is asked to do.
type popupRequest struct {
	Clients []popupClient `json:"clients"`
	Popup   popup         `json:"popup"`
}

type popupClient struct {
	PID int    `json:"pid"`
	TTY string `json:"tty"`
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
