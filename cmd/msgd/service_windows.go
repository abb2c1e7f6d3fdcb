package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/eventlog"
	"golang.org/x/sys/windows/svc/mgr"

	"msg/internal/cli"
	"msg/internal/daemon"
	"msg/internal/text"
)

// serviceName is that of the service and of its source in the event log.
const serviceName = "msgd"

// eventID is that of all events: EventCreate.exe, which has the texts of
// eventlog.InstallAsEventCreate, knows 1 to 1000.
const eventID = 1

// stopTime is how long a service may take to end; it lets what is being shown
// be shown, see daemon.Run.
const stopTime = 30 * time.Second

// localService is the account with the fewest rights that Terminal Services let
// send messages ("Win32_TSPermissionsSetting", RestoreDefaults).
const localService = `NT AUTHORITY\LocalService`

// serviceAccount is what --account may say.
func serviceAccount(name string) (account, sid string, err error) {
	switch strings.ToLower(name) {
	case "", "localsystem":
		return "", "", nil // what the service manager takes without a name
	case "localservice", strings.ToLower(localService):
		return localService, "LS", nil
	}
	return "", "", fmt.Errorf("--account %q: LocalSystem or LocalService", name)
}

// withService calls do with the service as it is installed.
func (p program) withService(do func(*mgr.Service) error) int {
	m, err := mgr.Connect()
	if err != nil {
		return p.fail(cli.ExitFailed, fmt.Errorf("the service manager: %w; run this as an administrator", err))
	}
	defer func() { _ = m.Disconnect() }()
	s, err := m.OpenService(serviceName)
	if err != nil {
		return p.fail(cli.ExitFailed, fmt.Errorf("service %s: %w; msgd service install makes it", serviceName, err))
	}
	defer s.Close()
	if err := do(s); err != nil {
		return p.fail(cli.ExitFailed, fmt.Errorf("service %s: %w", serviceName, err))
	}
	return cli.ExitOK
}

func (p program) installService(o options) int {
	account, sid, err := serviceAccount(o.account)
	if err == nil {
		err = p.install(account, sid, o)
	}
	if err != nil {
		return p.fail(cli.ExitFailed, err)
	}
	return cli.ExitOK
}

// install makes the service, its folder and its source of events. What the
// service runs says so itself: whether a program is a service cannot be told
// from the outside in every case.
func (p program) install(account, sid string, o options) error {
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("path of this program: %w", err)
	}
	if err := prepareData(dataFolder(), sid); err != nil {
		return err
	}
	m, err := mgr.Connect()
	if err != nil {
		return fmt.Errorf("the service manager: %w; run this as an administrator", err)
	}
	defer func() { _ = m.Disconnect() }()
	config := mgr.Config{
		DisplayName: "msg messages (msgd)", Description: "Shows messages to people who are signed in, within the rules of msgd.toml.",
		StartType: mgr.StartAutomatic, ErrorControl: mgr.ErrorNormal, ServiceStartName: account,
	}
	args := []string{"serve", "--service"}
	if o.config != defaultConfig() {
		path, err := filepath.Abs(o.config)
		if err != nil {
			return fmt.Errorf("configuration %q: %w", o.config, err)
		}
		args = append(args, "--config", path)
	}
	s, err := m.CreateService(serviceName, exe, config, args...)
	if err != nil {
		return fmt.Errorf("installing service %s: %w", serviceName, err)
	}
	defer s.Close()
	p.tune(s)
	err = eventlog.InstallAsEventCreate(serviceName, eventlog.Info|eventlog.Warning|eventlog.Error)
	if err != nil && !strings.Contains(err.Error(), "exists") {
		return fmt.Errorf("source of the event log: %w", err)
	}
	return nil
}

// prepareService is for the MSI, which has made the service and its source of
// events itself: it does the rest of install.
func (p program) prepareService(o options) int {
	_, sid, err := serviceAccount(o.account)
	if err == nil {
		err = prepareData(dataFolder(), sid)
	}
	if err != nil {
		return p.fail(cli.ExitFailed, err)
	}
	return p.withService(func(s *mgr.Service) error {
		p.tune(s)
		return nil
	})
}

// tune sets what not every system has; a service without it works as well. If
// it is set when the service is made, an error takes the service away again.
func (p program) tune(s *mgr.Service) {
	restart := func(d time.Duration) mgr.RecoveryAction {
		return mgr.RecoveryAction{Type: mgr.ServiceRestart, Delay: d}
	}
	err := s.SetRecoveryActions([]mgr.RecoveryAction{restart(time.Second), restart(10 * time.Second), restart(time.Minute)}, 24*60*60)
	if err != nil {
		p.note(fmt.Errorf("it is not started again after a crash: %w", err))
	}
	// Not by Service.UpdateConfig, which sets the type of the service as well.
	sidType := uint32(windows.SERVICE_SID_TYPE_UNRESTRICTED)
	if err := windows.ChangeServiceConfig2(s.Handle, windows.SERVICE_CONFIG_SERVICE_SID_INFO, (*byte)(unsafe.Pointer(&sidType))); err != nil {
		p.note(fmt.Errorf("without a SID of its own: %w", err))
	}
	delayed := windows.SERVICE_DELAYED_AUTO_START_INFO{IsDelayedAutoStartUp: 1}
	if err := windows.ChangeServiceConfig2(s.Handle, windows.SERVICE_CONFIG_DELAYED_AUTO_START_INFO, (*byte)(unsafe.Pointer(&delayed))); err != nil {
		p.note(fmt.Errorf("without a delayed start: %w", err))
	}
}

func (p program) note(err error) {
	fmt.Fprintln(p.err, "msgd: note: "+text.Line(err.Error()))
}

// prepareData makes the folder, or gives one that is there already to
// Administrators: a program of anybody's could have made it.
func prepareData(dir, account string) error {
	sddl := dataDescriptor(account)
	err := makeFolder(dir, "O:BA"+sddl) // and not of the one who does this
	if err == nil {
		return nil
	}
	if _, statErr := os.Stat(dir); statErr != nil {
		return err
	}
	if err := checkData(filepath.Join(dir, "journal.db")); err != nil {
		return err
	}
	sd, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return fmt.Errorf("security descriptor %q: %w", sddl, err)
	}
	dacl, _, err := sd.DACL()
	if err != nil {
		return fmt.Errorf("security descriptor %q: %w", sddl, err)
	}
	const what = windows.DACL_SECURITY_INFORMATION | windows.PROTECTED_DACL_SECURITY_INFORMATION
	if err := windows.SetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, what, nil, nil, dacl, nil); err != nil {
		return fmt.Errorf("rights of the folder %q: %w", dir, err)
	}
	return nil
}

func (p program) uninstallService(options) int {
	return p.withService(func(s *mgr.Service) error {
		if err := stop(s); err != nil && !errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) {
			return err
		}
		if err := s.Delete(); err != nil {
			return err
		}
		if err := eventlog.Remove(serviceName); err != nil {
			p.note(fmt.Errorf("the source of the event log stays: %w", err))
		}
		return nil
	})
}

func (p program) startService(options) int {
	return p.withService(func(s *mgr.Service) error {
		if err := s.Start(); err != nil {
			return err
		}
		return await(s, svc.Running)
	})
}

func (p program) stopService(options) int { return p.withService(stop) }

func stop(s *mgr.Service) error {
	if _, err := s.Control(svc.Stop); err != nil {
		return err
	}
	return await(s, svc.Stopped)
}

// await asks for the state of a service until it is that one: Windows has
// nothing to wait for that all versions know.
func await(s *mgr.Service, want svc.State) error {
	for until := time.Now().Add(stopTime); ; {
		status, err := s.Query()
		switch {
		case err != nil:
			return err
		case status.State == want:
			return nil
		case status.State == svc.Stopped:
			return errors.New("it has ended at once: the event log says why (Event Viewer, Application, msgd)")
		case time.Now().After(until):
			return fmt.Errorf("it is in state %d after %v", status.State, stopTime)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// serveService is msgd serve --service, which the service manager runs.
func (p program) serveService(o options) int {
	events, err := eventlog.Open(serviceName)
	if err != nil {
		return p.fail(cli.ExitFailed, fmt.Errorf("the event log: %w", err))
	}
	defer events.Close()
	p.err = eventWriter{events}
	s := &windowsService{program: p, options: o, events: events}
	if err := svc.Run(serviceName, s); err != nil {
		return p.fail(cli.ExitFailed, fmt.Errorf("running as a service: %w", err))
	}
	return s.code
}

// windowsService is msgd as the service manager sees it.
type windowsService struct {
	program
	options
	events *eventlog.Log
	code   int
}

// Execute serves until the manager wants an end, see svc.Handler.
func (w *windowsService) Execute(_ []string, requests <-chan svc.ChangeRequest, status chan<- svc.Status) (specific bool, code uint32) {
	status <- svc.Status{State: svc.StartPending, WaitHint: uint32(stopTime / time.Millisecond)}
	ready, end, ended := make(chan struct{}), make(chan struct{}), make(chan int, 1)
	go func() {
		ended <- w.serveUntil(w.options, end, func() { close(ready) }, func(c daemon.Config) *slog.Logger {
			return slog.New(slog.NewTextHandler(eventWriter{w.events}, &slog.HandlerOptions{Level: c.Log, ReplaceAttr: withoutTime}))
		})
	}()
	current := svc.Status{State: svc.StartPending}
	for {
		select {
		case <-ready:
			ready = nil
			current = svc.Status{State: svc.Running, Accepts: svc.AcceptStop | svc.AcceptShutdown}
			status <- current
		case w.code = <-ended:
			status <- svc.Status{State: svc.StopPending}
			return w.code != cli.ExitOK, uint32(w.code)
		case r := <-requests:
			switch r.Cmd {
			case svc.Interrogate:
				status <- current
			case svc.Stop, svc.Shutdown:
				if current.State != svc.StopPending {
					current = svc.Status{State: svc.StopPending, WaitHint: uint32(stopTime / time.Millisecond)}
					status <- current
					close(end)
				}
			}
		}
	}
}

// eventWriter writes lines of the log as events of their level.
type eventWriter struct{ log *eventlog.Log }

var _ io.Writer = eventWriter{}

// Write writes one event.
func (w eventWriter) Write(line []byte) (int, error) {
	say := w.log.Info
	switch {
	case bytes.HasPrefix(line, []byte("level=WARN")):
		say = w.log.Warning
	case bytes.HasPrefix(line, []byte("level=ERROR")), bytes.HasPrefix(line, []byte("msgd: ")):
		say = w.log.Error
	}
	if err := say(eventID, strings.TrimSpace(string(line))); err != nil {
		return 0, err
	}
	return len(line), nil
}

// serviceCommands are those that Windows has besides.
func serviceCommands() []command {
	return []command{
		{name: "service install", flags: []string{"config", "account"}, run: program.installService},
		{name: "service prepare", flags: []string{"account"}, run: program.prepareService},
		{name: "service uninstall", run: program.uninstallService},
		{name: "service start", run: program.startService},
		{name: "service stop", run: program.stopService},
	}
}

// What help says of them.
const (
	serviceUsage = `msgd serve --service [--config FILE] [--socket PIPE]
msgd service install [--config FILE] [--account LocalSystem | LocalService]
msgd service prepare [--account LocalSystem | LocalService]
msgd service uninstall | start | stop
`
	serviceHelp = `
service     As an administrator: make msgd a service that starts with Windows,
            take it away, start or stop it. What it has to say is in the event
            log (Application, msgd). The MSI runs prepare.
`
)

// hasService is whether serve knows --service.
const hasService = true
