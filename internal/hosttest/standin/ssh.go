package standin

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"msg/internal/route"
)

// Variables that the fakes find each other by.
const (
	workVar   = "MSG_TEST_WORK"
	openVar   = "OPEN"   // a port that answers
	closedVar = "CLOSED" // a port that does not
)

// socket is the name of the socket of a msgd.
const socket = "msgd.sock"

// Setup prepares a script: nothing that it runs can reach this computer's own
// msgd or another computer.
func Setup(env *testscript.Env) error {
	open, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	env.Defer(func() { open.Close() })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	closed.Close()
	env.Setenv(workVar, env.WorkDir)
	for name, l := range map[string]net.Listener{openVar: open, closedVar: closed} {
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			return err
		}
		env.Setenv(name, port)
	}
	return nil
}

// Environment is os.Getenv, which only a test and a command may call.
type Environment func(name string) string

// Router has the ways to the fake computers of the script.
func Router(env Environment) route.Router {
	run := filepath.Join(env(workVar), "run")
	r := route.Router{Socket: filepath.Join(run, socket), OwnDir: run}
	addRPC(&r, env)
	return r
}

// SSH is the main of a fake ssh. It knows the hosts of the folder ssh of the
// script:
//
//	ssh/HOST/           the msgd of the host is there, see Daemon
//	ssh/HOST/noise      it prints this first
//	ssh/HOST/error      or it prints this, and ends with the code in front of it
//	ssh/HOST/config     what ssh -G prints, with variables; a port that answers
//	                    if the host is known, else one that does not
func SSH(args []string, env Environment) int {
	if args[0] == "-G" {
		return sshConfig(args[len(args)-1], env)
	}
	host := args[len(args)-3] // in front of msgd relay
	if got := strings.Join(args[len(args)-2:], " "); got != "msgd relay" {
		fmt.Fprintf(os.Stderr, "ssh: nothing else than msgd relay is to be run, and not %s\r\n", got)
		return 255
	}
	dir := hostDir(host, env)
	if b, err := os.ReadFile(filepath.Join(dir, "error")); err == nil {
		var code int
		_, err := fmt.Sscan(string(b), &code)
		_, text, _ := strings.Cut(string(b), "\n")
		fmt.Fprint(os.Stderr, text)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		return code
	}
	noise, _ := os.ReadFile(filepath.Join(dir, "noise"))
	_, _ = os.Stdout.Write(noise)
	return relay(filepath.Join(dir, socket))
}

func hostDir(host string, env Environment) string { return filepath.Join(env(workVar), "ssh", host) }

func sshConfig(host string, env Environment) int {
	dir := hostDir(host, env)
	if b, err := os.ReadFile(filepath.Join(dir, "config")); err == nil {
		fmt.Print(os.Expand(string(b), env))
		return 0
	}
	port := env(closedVar)
	if _, err := os.Stat(dir); err == nil {
		port = env(openVar)
	}
	fmt.Printf("host %s\nhostname 127.0.0.1\nport %s\n", host, port)
	return 0
}

// relay is what msgd relay does.
func relay(socket string) int {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		fmt.Fprintln(os.Stderr, "msgd: no msgd is running here")
		return 1
	}
	go func() {
		_, _ = io.Copy(conn, os.Stdin)
		conn.Close()
	}()
	_, _ = io.Copy(os.Stdout, conn)
	return 0
}
