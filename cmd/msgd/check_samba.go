package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"msg/internal/daemon"
	"msg/internal/tsts"
)

// runOther runs a program, and returns what it has to say.
func runOther(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).Output()
	return string(out), err
}

// samba looks at what it takes that Windows reaches this computer, if it is to.
func (c *checkup) samba(config daemon.Config) {
	if !config.Windows.Listen {
		return
	}
	c.pipes(config.Windows.Sockets)
	c.winbind(config)
	c.keytab(config.Windows.Keytab)
}

// pipes looks at the sockets, and at the folders with the eyes of Samba.
func (c *checkup) pipes(folder string) {
	const about = "samba"
	for path, mode := range map[string]fs.FileMode{filepath.Dir(folder): 0o755, folder: 0o700} {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			c.error(about, "there is no %s: %s", path, pipesHint)
			return
		case err != nil:
			c.error(about, "%v", err)
			return
		case !c.owned(about, path, info, 0):
			return
		case info.Mode().Perm() != mode:
			c.error(about, "%s has the mode %03o, and Samba wants %03o: chmod %[3]o %[1]s", path, info.Mode().Perm(), mode)
			return
		}
	}
	for name := range tsts.Pipes {
		path := filepath.Join(folder, name)
		if info, err := os.Lstat(path); err != nil || info.Mode().Type() != fs.ModeSocket {
			c.error(about, "there is no socket %s: %s", path, pipesHint)
			return
		}
	}
	c.ok(about, "msgd is where smbd looks: %s", folder)
}

const pipesHint = "systemctl enable msgd-windows.socket, and systemctl restart msgd.service"

// winbind asks whether it answers, and knows the accounts of this computer.
func (c *checkup) winbind(config daemon.Config) {
	const about = "samba"
	out, err := c.ask("wbinfo", "--all-domains")
	if err != nil {
		c.error(about, "winbind does not answer, and nobody can be proved by NTLM (%v): install the package winbind, and systemctl start winbind", err)
		return
	}
	host, err := os.Hostname()
	if err != nil {
		c.error(about, "%v", err)
		return
	}
	name := computerName(config, host)
	if !slices.ContainsFunc(strings.Fields(out), func(d string) bool { return strings.EqualFold(d, name) }) {
		c.error(about, "winbind does not know %s as the name of this computer, but %s: set windows.name in msgd.toml to \"netbios name\" of smb.conf",
			name, strings.Join(strings.Fields(out), ", "))
		return
	}
	c.ok(about, "winbind knows %s", name)
}

// keytab looks at the keys, which nobody else may read.
func (c *checkup) keytab(path string) {
	const about = "samba"
	if path == "" {
		return
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.warning(about, "there is no keytab %s: Kerberos is not offered, NTLM is", path)
	case err != nil:
		c.error(about, "%v", err)
	case c.owned(about, path, info, 0o077):
		c.ok(about, "keytab %s", path)
	}
}
