package wine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Desk is a table of sessions and the log of what was asked of them. Programs
// of different desks know nothing of one another and may run at the same time.
type Desk struct {
	Folder string // has sessions.txt, accounts.txt and calls.jsonl
	prefix *Prefix
	t      testing.TB
}

// Desk makes a new desk. Without [Desk.Sessions] nobody is signed in.
func (p *Prefix) Desk(t testing.TB) *Desk {
	return &Desk{Folder: t.TempDir(), prefix: p, t: t}
}

// ServiceDesk is the only desk that services see.
func (p *Prefix) ServiceDesk(t testing.TB) *Desk {
	return &Desk{Folder: filepath.Join(p.Dir, "drive_c", "msgtest"), prefix: p, t: t}
}

// Sessions sets the table. Programs that run see it when they list sessions the
// next time.
func (d *Desk) Sessions(lines ...string) {
	d.t.Helper()
	d.write("sessions.txt", lines)
}

// Accounts sets who is known beside those whom Wine knows, for programs that
// start after that; what a line can say is in shim/accounts.h.
func (d *Desk) Accounts(lines ...string) {
	d.t.Helper()
	d.write("accounts.txt", lines)
}

// write makes a table that nobody sees half written.
func (d *Desk) write(name string, lines []string) {
	d.t.Helper()
	file := filepath.Join(d.Folder, name)
	if err := os.WriteFile(file+".new", []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		d.t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		d.t.Fatal(err)
	}
}

// Command is a program of Windows in front of this desk.
func (d *Desk) Command(program string, args ...string) *exec.Cmd {
	cmd := d.prefix.Command(program, args...)
	cmd.Env = append(cmd.Env, DeskEnv(d.Folder))
	return cmd
}

// DeskEnv tells programs the folder of their desk.
func DeskEnv(folder string) string { return "MSGTEST=" + Path(folder) }

// Call is one line of the log. Fn is the function that was called, "answer"
// for what WTSSendMessageW returned, or "exit" for the end of a program.
type Call struct {
	Fn         string
	Server     string
	Session    uint32
	Title      string
	TitleBytes int
	Text       string
	TextBytes  int
	Style      uint32
	Seconds    uint32
	Wait       uint32
	Answer     uint32
	Handle     uint32
	Class      uint32

	// Of "exit": the buffers that were given out and are not freed, the servers
	// that are not closed, and what was freed or closed without need.
	Buffers, Kept, BadFrees, Opened, Unclosed, BadCloses int
}

// Calls reads the log.
func (d *Desk) Calls() []Call {
	d.t.Helper()
	calls, err := ReadCalls(d.Folder)
	if err != nil {
		d.t.Fatal(err)
	}
	return calls
}

// ReadCalls reads the log of a folder; there is none before the first call.
func ReadCalls(folder string) ([]Call, error) {
	log, err := os.ReadFile(filepath.Join(folder, "calls.jsonl"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var calls []Call
	for line := range bytes.Lines(log) {
		var c Call
		if err := json.Unmarshal(line, &c); err != nil {
			return nil, fmt.Errorf("line %q of the log: %w", line, err)
		}
		calls = append(calls, c)
	}
	return calls, nil
}

// Sent are the messages of a log, by server and session.
func Sent(calls []Call) []Call {
	sent := slices.DeleteFunc(slices.Clone(calls), func(c Call) bool { return c.Fn != "WTSSendMessageW" })
	slices.SortStableFunc(sent, func(a, b Call) int {
		if a.Server != b.Server {
			return strings.Compare(a.Server, b.Server)
		}
		return int(a.Session) - int(b.Session)
	})
	return sent
}

// String is a message in one line, with every argument that the call had.
func (c Call) String() string {
	wait := ""
	if c.Wait != 0 {
		wait = " wait"
	}
	return fmt.Sprintf("%s %d: %d:%q %d:%q style %#x time %d%s",
		c.Server, c.Session, c.TitleBytes, c.Title, c.TextBytes, c.Text, c.Style, c.Seconds, wait)
}

// Untidy says what a program has left, or has freed that was not its own, as
// its "exit" in the log tells.
func Untidy(calls []Call) error {
	for _, c := range calls {
		if c.Fn == "exit" && c.Kept+c.BadFrees+c.Unclosed+c.BadCloses > 0 {
			return fmt.Errorf("of %d buffers %d are not freed, %d were freed that are none; of %d servers %d are not closed, %d were closed that are none",
				c.Buffers, c.Kept, c.BadFrees, c.Opened, c.Unclosed, c.BadCloses)
		}
	}
	return nil
}
