// Command demo shows the main job working, for "make run". Where nobody is
// signed in it opens two terminals of its own, sends to them, and prints what
// each of them showed and what msg reported. Where the caller is signed in it
// sends to the caller's own terminals; it never disturbs anybody else.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"strings"
	"sync"
	"time"

	"github.com/creack/pty"

	"msg"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: demo path/to/msg path/to/query")
		os.Exit(2)
	}
	d := demo{msg: os.Args[1], query: os.Args[2]}
	if err := d.run(); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

type demo struct{ msg, query string }

// text is what is sent: with line breaks, wide characters, and an escape
// sequence that must do nothing.
const text = "Maintenance at 18:00, please save your work.^nGröße 測試 \x1b[2J"

func (d demo) run() error {
	sessions, err := d.sessions()
	if err != nil {
		return err
	}
	if len(sessions) == 0 {
		return d.onOwnTerminals()
	}
	me, err := user.Current()
	if err != nil {
		return err
	}
	for _, s := range sessions {
		if s.User == me.Username {
			return d.show("/v", me.Username+":", text)
		}
	}
	fmt.Println("Other people are signed in here, and are left in peace:")
	return d.command(d.query, "session")
}

// sessions asks query who is signed in; exit code 1 is nobody.
func (d demo) sessions() ([]msg.Session, error) {
	out, err := exec.Command(d.query, "session", "/json").Output()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		return nil, fmt.Errorf("query session: %w", err)
	}
	var sessions []msg.Session
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		var s msg.Session
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			return nil, err
		}
		sessions = append(sessions, s)
	}
	return sessions, nil
}

// onOwnTerminals opens two terminals with a program on each, as a login does.
func (d demo) onOwnTerminals() error {
	fmt.Println("Nobody is signed in: two terminals are opened for the demonstration.")
	var terminals []*terminal
	var names []string
	for range 2 {
		t, err := open()
		if err != nil {
			return err
		}
		defer t.close()
		terminals, names = append(terminals, t), append(names, t.name)
	}
	fmt.Println()
	if err := d.show("/v", strings.Join(names, ","), text); err != nil {
		return err
	}
	for _, t := range terminals {
		shown, err := t.wait("┘")
		if err != nil {
			return err
		}
		fmt.Printf("\nThe person at %s sees:\n%s", t.name, strings.ReplaceAll(strings.Trim(shown, "\a\r\n"), "\r\n", "\n")+"\n")
	}
	return nil
}

func (d demo) show(args ...string) error {
	if err := d.command(d.query, "session"); err != nil {
		return err
	}
	fmt.Println()
	return d.command(d.msg, args...)
}

// command prints a command and what it prints.
func (d demo) command(path string, args ...string) error {
	fmt.Printf("$ %s %s\n", path[strings.LastIndex(path, "/")+1:], strings.ReplaceAll(strings.Join(args, " "), "\x1b", "^["))
	cmd := exec.Command(path, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return cmd.Run()
}

// terminal is a pseudo-terminal with a program that waits.
type terminal struct {
	name   string
	master *os.File
	cmd    *exec.Cmd

	mu    sync.Mutex
	shown bytes.Buffer
}

func open() (*terminal, error) {
	t := &terminal{cmd: exec.Command("sleep", "60")}
	master, slave, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("opening a terminal: %w", err)
	}
	t.master, t.name = master, strings.TrimPrefix(slave.Name(), "/dev/")
	defer slave.Close()
	t.cmd.Stdin, t.cmd.Stdout, t.cmd.Stderr = slave, slave, slave
	if err := startSession(t.cmd); err != nil {
		return nil, err
	}
	go func() { _, _ = io.Copy(t, master) }()
	return t, nil
}

// Write collects what the terminal shows.
func (t *terminal) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.shown.Write(b)
}

// wait returns what the terminal shows when it shows the given text.
func (t *terminal) wait(text string) (string, error) {
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		t.mu.Lock()
		shown := t.shown.String()
		t.mu.Unlock()
		if strings.Contains(shown, text) {
			return shown, nil
		}
	}
	return "", fmt.Errorf("%s showed nothing", t.name)
}

func (t *terminal) close() {
	_ = t.cmd.Process.Kill()
	_ = t.cmd.Wait()
	t.master.Close()
}
