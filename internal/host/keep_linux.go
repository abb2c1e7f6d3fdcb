package host

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

// Keep keeps the table of sessions until ctx ends, and then returns nil. It is
// for a process that stays: while it runs, Sessions, Send and Deliver list
// anew only if something may have changed since the last time. An error says
// that the table cannot be kept; without Keep, and after it, they list anew
// each time.
//
// It is told by the signals of logind, which may come and go; by the folders
// of the terminals; and by utmp. Every 30 seconds it looks all the same.
func (l *Local) Keep(ctx context.Context) error {
	files, err := watchFolders(l.watched)
	if err != nil {
		return fmt.Errorf("keeping the table of sessions: %w", err)
	}
	defer files.close()
	if err := l.table.start(); err != nil {
		return err
	}
	defer l.table.stop()
	ctx, cancel := context.WithCancel(ctx)
	var parts sync.WaitGroup
	defer parts.Wait()
	defer cancel()
	parts.Go(func() { l.followLogind(ctx) })
	parts.Go(func() { l.table.keep(ctx) })
	ended := make(chan error, 1)
	go func() { ended <- files.run(l.event) }()
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return fmt.Errorf("keeping the table of sessions: %w", err)
	}
}

// event is for whatever may have changed the sessions. Those that are waited
// for are looked at there and then.
func (l *Local) event() {
	l.table.event()
	ready(l.waits.look)
}

// Times between attempts to follow logind.
const (
	followAgain   = 100 * time.Millisecond
	followAtLeast = 5 * time.Second
)

// followLogind follows the signals of logind until ctx ends, over one
// connection after another: a bus that is not there may come.
func (l *Local) followLogind(ctx context.Context) {
	again := followAgain
	for ctx.Err() == nil {
		begun := time.Now()
		l.followOnce(ctx)
		if time.Since(begun) > followAtLeast {
			again = followAgain
		}
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
		again = min(2*again, followAtLeast)
	}
}

// followOnce follows logind as long as one connection lasts.
func (l *Local) followOnce(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	late := time.AfterFunc(logindTimeout, cancel) // a bus that does not answer
	conn, err := dialBus(ctx, l.bus, dbus.WithSignalHandler(logindSignals{l}))
	if err != nil {
		return
	}
	defer conn.Close()
	for _, rule := range logindRules {
		if err := conn.AddMatchSignalContext(ctx, rule...); err != nil {
			return
		}
	}
	var there bool
	err = conn.BusObject().CallWithContext(ctx, nameHasOwner, 0, logindName).Store(&there)
	if err != nil || !late.Stop() {
		return
	}
	if there {
		l.table.logindCame()
	}
	l.table.busIs(true)
	<-conn.Context().Done()
	l.table.busIs(false)
}

const (
	busInterface = "org.freedesktop.DBus"
	nameHasOwner = busInterface + ".NameHasOwner"
	ownerChanged = "NameOwnerChanged"
)

// logindRules choose the signals: sessions come and go, their properties
// change, and logind itself comes and goes.
var logindRules = [][]dbus.MatchOption{
	{dbus.WithMatchSender(logindName), dbus.WithMatchObjectPath(logindPath), dbus.WithMatchMember("SessionNew")},
	{dbus.WithMatchSender(logindName), dbus.WithMatchObjectPath(logindPath), dbus.WithMatchMember("SessionRemoved")},
	{dbus.WithMatchSender(logindName), dbus.WithMatchPathNamespace(logindPath + "/session"), dbus.WithMatchMember("PropertiesChanged")},
	{dbus.WithMatchSender(busInterface), dbus.WithMatchMember(ownerChanged), dbus.WithMatchArg(0, logindName)},
}

// logindSignals takes signals as they come.
type logindSignals struct{ *Local }

// DeliverSignal takes any signal for an event. A false one costs a listing.
func (s logindSignals) DeliverSignal(_, member string, signal *dbus.Signal) {
	if signal.Sender == busInterface && member == ownerChanged && len(signal.Body) == 3 {
		if owner, _ := signal.Body[2].(string); owner == "" {
			s.table.logindWent()
		} else {
			s.table.logindCame()
		}
	}
	s.event()
}

var _ dbus.SignalHandler = logindSignals{}
