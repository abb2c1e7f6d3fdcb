package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sync/errgroup"

	"msg/internal/cli"
	"msg/internal/control"
	"msg/internal/daemon"
)

// serve is msgd serve.
func (p program) serve(o options) int {
	if o.service {
		return p.serveService(o)
	}
	return p.serveUntil(o, nil, func() {}, func(c daemon.Config) *slog.Logger { return newLog(p.err, c.LogFormat, c.Log) })
}

// serveUntil serves until a signal or end says that it is enough, and calls
// ready when clients can come.
func (p program) serveUntil(o options, end <-chan struct{}, ready func(), logOf func(daemon.Config) *slog.Logger) int {
	config, err := loadConfig(o.config)
	if err != nil {
		return p.fail(exitConfig, err)
	}
	log := logOf(config)
	if err := ownedConfig(o.config); err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("others than root can change the rules of msgd", "error", err)
	}
	s, err := p.newService(config, o.socket, log)
	if err != nil {
		return p.fail(cli.ExitFailed, err)
	}
	s.end, s.ready = end, ready
	if err := s.run(context.Background()); err != nil {
		log.Error("msgd ends", "error", err)
		return cli.ExitFailed
	}
	return cli.ExitOK
}

// loadConfig reads the configuration. Without the usual file the defaults hold;
// one that was named has to be there.
func loadConfig(path string) (daemon.Config, error) {
	config, err := daemon.LoadConfig(path)
	if path == defaultConfig() && errors.Is(err, fs.ErrNotExist) {
		config, err = daemon.DefaultConfig(), nil
	}
	if config.Journal.Path == daemon.DefaultJournal {
		config.Journal.Path = defaultJournal()
	}
	if config.Fleet == daemon.DefaultFleet {
		config.Fleet = defaultFleet()
	}
	return config, err
}

// service is all of msgd; run is its life.
type service struct {
	config   daemon.Config
	log      *slog.Logger
	computer computer
	daemon   *daemon.Daemon
	member   *member
	server   *control.Server
	listener *listener
	windows  *forWindows

	end   <-chan struct{} // closed when it is to end; a signal does the same
	ready func()          // called when it serves
}

// newService opens everything that can be wrong. The socket is the last: who
// reaches it is served.
func (p program) newService(config daemon.Config, socket string, log *slog.Logger) (*service, error) {
	name, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("name of this computer: %w", err)
	}
	c, err := p.open()
	if err != nil {
		return nil, err
	}
	if err := checkData(config.Journal.Path); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	accounts := newAccounts()
	d, err := daemon.Open(config, c, accounts, log)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	own, pipes, err := given()
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	windows, err := newForWindows(config, d, name, accounts, pipes, log)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	l, err := listen(socket, own)
	if err != nil {
		windows.close()
		return nil, errors.Join(err, d.Close())
	}
	for _, w := range config.Warnings(accounts) {
		log.Warn("configuration", "warning", w)
	}
	member := &member{Daemon: d, dir: config.Fleet, accounts: accounts, log: log}
	server := &control.Server{
		Service: member, Fleet: member.offer(), Host: name, Log: log, Accounts: accounts, Groups: config.Groups(),
		MaxClients: config.Limits.Clients, MaxPerUser: config.Limits.ClientsPerAccount,
	}
	return &service{config: config, log: log, computer: c, daemon: d, member: member, server: server, listener: l, windows: windows, ready: func() {}}, nil
}

// run serves until something fails, or somebody ends it; then it lets what is
// being shown be shown. The daemon ends first, and its clients hear of it.
func (s *service) run(ctx context.Context) error {
	tasks, ctx := errgroup.WithContext(ctx)
	running, stop := context.WithCancel(ctx)
	serving, stopServing := context.WithCancel(ctx)
	signal.Ignore(syscall.SIGPIPE) // whoever reads the log may end first: a line is lost then, and not msgd
	came := make(chan os.Signal, 1)
	signal.Notify(came, os.Interrupt, syscall.SIGTERM) // before anybody hears that it is ready
	defer signal.Stop(came)
	tasks.Go(func() error {
		defer stop()
		s.signals(running, came)
		return nil
	})
	tasks.Go(func() error {
		defer stopServing()
		return s.daemon.Run(running)
	})
	tasks.Go(func() error { return s.server.Serve(serving, s.listener) })
	tasks.Go(func() error { return s.windows.serve(serving) })
	tasks.Go(func() error { return s.keep(serving) })
	tasks.Go(func() error { return s.member.run(serving) })
	tasks.Go(func() error { return s.metrics(serving) })
	tasks.Go(func() error { return watchdog(running, s.log, s.healthy) })
	s.log.Info("msgd serves", "version", cli.Version(), "socket", s.listener.Addr().String())
	notify(s.log, sd.SdNotifyReady)
	s.ready()
	return errors.Join(tasks.Wait(), s.daemon.Close())
}

// signals returns at SIGTERM and Ctrl-C, or when ctx ends. The next signal ends
// the process at once.
func (s *service) signals(ctx context.Context, came chan os.Signal) {
	defer signal.Stop(came)
	select {
	case <-ctx.Done():
		return
	case <-s.end:
		s.log.Info("msgd ends", "by", "the service manager")
	case got := <-came:
		s.log.Info("msgd ends", "signal", got.String())
	}
	notify(s.log, sd.SdNotifyStopping)
	s.listener.hold()
}

// keepAgain is when to try again to keep the table of sessions. Without it
// sessions are listed anew for each message.
const keepAgain = 30 * time.Second

func (s *service) keep(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := s.computer.Keep(ctx); err != nil {
			s.log.Error("sessions are listed anew each time, and kept messages come late", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(keepAgain):
		}
	}
	return nil
}

// healthy asks msgd something over its own socket, which its parts have to work
// together for. The superuser has a place there however many others there are.
func (s *service) healthy(ctx context.Context) error {
	_, err := control.NewClient(control.DialLocal(s.listener.Addr().String()), "").DND(ctx)
	return err
}
