package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sync/errgroup"

	"msg/internal/account"
	"msg/internal/control"
	"msg/internal/daemon"
	"msg/internal/tsts"
)

// pipeMode is that of the sockets of pipes: smbd connects as root.
const pipeMode fs.FileMode = 0o600

// forWindows is what msgd offers to Windows through smbd; nil is nothing.
type forWindows struct {
	server  *tsts.Server
	winbind *tsts.Winbind
	sockets map[string]net.Listener // by the names of tsts.Pipes
}

// newForWindows makes it of the sockets that systemd has opened, or of its own.
// It takes them in any case.
func newForWindows(c daemon.Config, d *daemon.Daemon, host string, accounts *account.DB, given map[string]net.Listener, log *slog.Logger) (*forWindows, error) {
	if !c.Windows.Listen {
		if len(given) > 0 {
			log.Warn("msgd-windows.socket runs, and [windows] listen is not true: smbd's clients are turned away")
		}
		return nil, closeAll(given)
	}
	if runtime.GOOS == "windows" {
		log.Warn("[windows] listen is for computers with Samba: Windows has this itself")
		return nil, closeAll(given)
	}
	names := &tsts.Names{Computer: computerName(c, host), Accounts: accounts}
	w := &forWindows{winbind: &tsts.Winbind{Names: names}, sockets: given}
	w.server = &tsts.Server{
		Service: d, Names: names, NTLM: w.winbind, Accounts: accounts, Log: log, Groups: c.Groups(),
		MaxClients: c.Limits.Clients, MaxPerUser: c.Limits.ClientsPerAccount,
	}
	for _, name := range c.Windows.Administrators {
		w.server.Administrators = append(w.server.Administrators, strings.TrimPrefix(name, "@"))
	}
	if err := w.keytab(c.Windows.Keytab, log); err != nil {
		return nil, errors.Join(err, closeAll(given))
	}
	if err := w.listen(c.Windows.Sockets); err != nil {
		w.close()
		return nil, err
	}
	d.Gauge("msgd_windows_clients", "Remote clients of Windows' protocol that have proved who they are.", func() int { n, _ := w.server.Clients(); return n })
	d.Gauge("msgd_windows_pending", "Remote clients of Windows' protocol that have not.", func() int { _, n := w.server.Clients(); return n })
	return w, nil
}

// computerName is the NetBIOS name of this computer.
func computerName(c daemon.Config, host string) string {
	return strings.ToUpper(cmp.Or(c.Windows.Name, tsts.NetBIOSName(host)))
}

// listen makes the sockets that systemd has not made.
func (w *forWindows) listen(folder string) error {
	if len(w.sockets) == len(tsts.Pipes) {
		return nil
	}
	if err := makePipeFolder(folder); err != nil {
		return fmt.Errorf("making the folder of the sockets for smbd: %w; under systemd: systemctl enable msgd-windows.socket, and restart msgd.service", err)
	}
	for name := range tsts.Pipes {
		if w.sockets[name] != nil {
			continue
		}
		l, err := control.Listen(filepath.Join(folder, name), pipeMode)
		if err != nil {
			return fmt.Errorf("the sockets for smbd: %w", err)
		}
		w.sockets[name] = l
	}
	return nil
}

// makePipeFolder makes what is not there of the folder. Samba wants exactly
// these rights, and looks at them.
func makePipeFolder(folder string) error {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(folder, 0o700); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// serve answers until ctx ends.
func (w *forWindows) serve(ctx context.Context) error {
	if w == nil {
		return nil
	}
	defer w.winbind.Close()
	tasks, ctx := errgroup.WithContext(ctx)
	for name, l := range w.sockets {
		tasks.Go(func() error { return w.server.Serve(ctx, l, tsts.Pipes[name]) })
	}
	return tasks.Wait()
}

func (w *forWindows) close() {
	if w != nil {
		_ = closeAll(w.sockets)
	}
}

func closeAll(sockets map[string]net.Listener) error {
	var errs []error
	for _, l := range sockets {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

// keytab has Kerberos proved by the keys in a file, if there is one.
func (w *forWindows) keytab(path string, log *slog.Logger) error {
	if path == "" {
		return nil
	}
	keys, realm, err := tsts.LoadKeytab(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		log.Info("there is no keytab: Kerberos is not offered to Windows, NTLM is", "keytab", path)
		return nil
	case err != nil:
		return err
	}
	w.server.Kerberos, w.server.Names.Realm = keys, realm
	return nil
}
