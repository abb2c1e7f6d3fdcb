package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"msg/internal/cli"
	"msg/internal/control"
	"msg/internal/daemon"
	"msg/internal/text"
)

// checkTimeout bounds each question to another program.
const checkTimeout = 5 * time.Second

// checkup looks at everything that has to be right for msgd to work, and
// prints what it finds.
type checkup struct {
	program
	seats string                                            // the folder that logind keeps while it runs, see sd-login(3)
	bus   string                                            // the socket of the system bus
	ask   func(name string, args ...string) (string, error) // runs a program
	wrong bool
}

// check is msgd check.
func (p program) check(o options) int {
	c := &checkup{program: p, seats: "/run/systemd/seats", bus: "/run/dbus/system_bus_socket", ask: runOther}
	return c.all(o)
}

func (c *checkup) all(o options) int {
	config, err := loadConfig(o.config)
	c.configuration(o.config, config, err)
	if runtime.GOOS == "windows" { // rights are not those of Unix: msgd looks at its folder when it starts
		c.answer(o.socket)
		c.sessions()
		return c.code()
	}
	c.rights()
	c.socket(o.socket)
	if err == nil {
		c.journal(config.Journal.Path)
		c.samba(config)
	}
	c.logind()
	c.sessions()
	return c.code()
}

func (c *checkup) code() int {
	if c.wrong {
		return cli.ExitFailed
	}
	return cli.ExitOK
}

func (c *checkup) ok(about, format string, args ...any)      { c.print("ok", about, format, args) }
func (c *checkup) warning(about, format string, args ...any) { c.print("warning", about, format, args) }
func (c *checkup) error(about, format string, args ...any) {
	c.wrong = true
	c.print("error", about, format, args)
}

func (c *checkup) print(level, about, format string, args []any) {
	fmt.Fprintf(c.out, "%-8s %s: %s\n", level, about, text.Line(fmt.Sprintf(format, args...)))
}

func (c *checkup) configuration(path string, config daemon.Config, err error) {
	const about = "configuration"
	if err != nil {
		for _, e := range parts(err) {
			c.error(about, "%v", e)
		}
		return
	}
	switch err := ownedConfig(path); {
	case errors.Is(err, fs.ErrNotExist):
		c.ok(about, "there is no %s: the defaults hold", path)
	case err != nil:
		c.error(about, "%v", err)
	default:
		c.ok(about, "%s", path)
	}
	for _, w := range config.Warnings(newAccounts()) {
		c.warning(about, "%s", w)
	}
}

// owned makes sure that something belongs to root, and that nobody else has
// the rights in mask.
func (c *checkup) owned(about, path string, info fs.FileInfo, mask fs.FileMode) bool {
	err := owned(path, info, mask)
	if err != nil {
		c.error(about, "%v", err)
	}
	return err == nil
}

func (c *checkup) rights() {
	if os.Geteuid() != 0 {
		c.error("rights", "msgd has to be run by root: others reach their own terminals only")
		return
	}
	c.ok("rights", "root")
}

func (c *checkup) socket(path string) {
	const about = "socket"
	info, err := os.Stat(filepath.Dir(path))
	if err == nil && !c.owned(about, filepath.Dir(path), info, 0o022) {
		return
	}
	info, err = os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.warning(about, "there is no %s: systemctl start msgd.socket", path)
	case err != nil:
		c.error(about, "%v", err)
	case info.Mode().Type() != fs.ModeSocket:
		c.error(about, "%s is no socket (%v): move it away", path, info.Mode())
	case info.Mode().Perm() != socketMode:
		c.error(about, "%s does not let everybody connect (%v): chmod %o %[1]s", path, info.Mode().Perm(), socketMode)
	default:
		c.answer(path)
	}
}

// answer asks msgd something, which starts it if systemd waits for that.
func (c *checkup) answer(path string) {
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	_, err := control.NewClient(control.DialLocal(path), "").DND(ctx)
	switch {
	case errors.Is(err, control.ErrNoDaemon):
		c.warning("socket", "%v; %s", err, startHint)
	case err != nil:
		c.error("socket", "%s: %v", path, err)
	default:
		c.ok("socket", "msgd answers at %s", path)
	}
}

// journal looks at the file and its folder, which hold what people were sent.
func (c *checkup) journal(path string) {
	const about = "journal"
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.ok(about, "there is no %s yet: msgd makes it", dir)
		return
	case err != nil:
		c.error(about, "%v", err)
		return
	case !info.IsDir():
		c.error(about, "%s is no folder", dir)
		return
	case !c.owned(about, dir, info, 0o077):
		return
	}
	if err := writable(dir); err != nil {
		c.error(about, "%s cannot be written to: %v", dir, err)
		return
	}
	if info, err := os.Lstat(path); err == nil && !c.owned(about, path, info, 0o077) {
		return
	}
	c.ok(about, "%s", path)
}

// logind says who signs in; without it there is less to go by.
func (c *checkup) logind() {
	if _, err := os.Stat(c.seats); err != nil {
		c.warning("logind", "it does not run: sessions are found by /proc and utmp alone")
		return
	}
	conn, err := net.DialTimeout("unix", c.bus, checkTimeout)
	if err != nil {
		c.error("logind", "the system bus cannot be reached: %v", err)
		return
	}
	conn.Close()
	c.ok("logind", "it runs")
}

func (c *checkup) sessions() {
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	computer, err := c.open()
	if err != nil {
		c.error("sessions", "%v", err)
		return
	}
	defer computer.Close()
	list, err := computer.Sessions(ctx)
	if err != nil {
		c.error("sessions", "%v", err)
		return
	}
	c.ok("sessions", "%d", len(list))
}
