package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

// Names of the Desktop Notifications Specification.
const (
	notifyName = "org.freedesktop.Notifications"
	notifyPath = dbus.ObjectPath("/org/freedesktop/Notifications")
)

// Why a notification is closed, see NotificationClosed there.
const (
	reasonExpired   = 1
	reasonDismissed = 2
	reasonClosed    = 3 // by CloseNotification
)

// service is the notification service of one bus. Everything that it says is
// taken only from the program that was asked, by its unique name: others on
// the bus can send signals as well.
type service struct {
	conn *dbus.Conn

	mu      sync.Mutex
	owner   string   // who has the name now; empty if that is not known
	about   notifier // what the owner said of itself
	shown   map[uint32]*notification
	byID    map[string]*notification // by the ID of the message
	asking  int                      // calls of Notify that have no reply yet
	unclear []outcome                // signals that may be about one of those
}

// notification is one on the screen, or on its way there. If a user is at
// several desktops with one bus it is the same for all of them.
type notification struct {
	owner, message string
	id             uint32
	users          int
	ready          chan struct{} // closed when it is on the screen, or err says why not
	err            error
	done           chan struct{} // closed when it has ended
	how            outcome
}

// outcome is how a notification ended: by an action, by being closed, or with
// its service.
type outcome struct {
	id     uint32
	action string
	reason uint32
	lost   bool
}

// Errors of a service.
var (
	errNoService = errors.New("no notification service")
	errLost      = errors.New("the notification service ended")
)

// dialService connects to the bus by that name, see dialOwnBus.
func dialService(ctx context.Context, name string) (*service, error) {
	conn, err := dialOwnBus(ctx, name)
	if err != nil {
		return nil, err
	}
	s := &service{conn: conn, shown: map[uint32]*notification{}, byID: map[string]*notification{}}
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)
	go s.listen(signals)
	ctx, cancel := context.WithTimeout(ctx, busCall)
	defer cancel()
	for _, match := range [][]dbus.MatchOption{
		{dbus.WithMatchSender(notifyName), dbus.WithMatchInterface(notifyName)},
		{dbus.WithMatchSender("org.freedesktop.DBus"), dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, notifyName)},
	} {
		if err := conn.AddMatchSignalContext(ctx, match...); err != nil {
			conn.Close()
			return nil, fmt.Errorf("listening to the bus of the user: %w", err)
		}
	}
	return s, nil
}

// current says who shows notifications at the moment, and starts the service
// if the bus knows how to.
func (s *service) current(ctx context.Context) (owner string, about notifier, err error) {
	s.mu.Lock()
	owner, about = s.owner, s.about
	s.mu.Unlock()
	if owner != "" {
		return owner, about, nil
	}
	if owner, err = s.findOwner(ctx); err != nil {
		return "", about, err
	}
	if about, err = s.ask(ctx, owner); err != nil {
		return "", about, fmt.Errorf("asking the notification service: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.owner, s.about = owner, about
	return owner, about, nil
}

func (s *service) findOwner(ctx context.Context) (owner string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*busCall)
	defer cancel()
	bus := s.conn.BusObject()
	if bus.CallWithContext(ctx, "org.freedesktop.DBus.GetNameOwner", 0, notifyName).Store(&owner) == nil {
		return owner, nil
	}
	var result uint32
	if err = bus.CallWithContext(ctx, "org.freedesktop.DBus.StartServiceByName", 0, notifyName, uint32(0)).Store(&result); err == nil {
		err = bus.CallWithContext(ctx, "org.freedesktop.DBus.GetNameOwner", 0, notifyName).Store(&owner)
	}
	if err != nil {
		return "", fmt.Errorf("%w: %w", errNoService, err)
	}
	return owner, nil
}

// ask asks a service about itself.
func (s *service) ask(ctx context.Context, owner string) (v notifier, err error) {
	ctx, cancel := context.WithTimeout(ctx, busCall)
	defer cancel()
	object := s.conn.Object(owner, notifyPath)
	information := object.GoWithContext(ctx, notifyName+".GetServerInformation", dbus.FlagNoAutoStart, nil)
	capabilities := object.GoWithContext(ctx, notifyName+".GetCapabilities", dbus.FlagNoAutoStart, nil)
	<-information.Done
	<-capabilities.Done
	var specification string
	if err = information.Store(&v.name, &v.vendor, &v.version, &specification); err == nil {
		err = capabilities.Store(&v.capabilities)
	}
	return v.trimmed(), err
}

// show shows what c says for the message with that ID, once for all that ask
// for it at the same time.
func (s *service) show(ctx context.Context, owner, message string, c callout) (*notification, error) {
	s.mu.Lock()
	x := s.byID[message]
	if x == nil {
		x = &notification{owner: owner, message: message, ready: make(chan struct{}), done: make(chan struct{})}
		s.byID[message] = x
		s.asking++
		go s.notify(x, c)
	}
	x.users++
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, busCall)
	defer cancel()
	select {
	case <-x.ready:
		return x, x.err
	case <-ctx.Done():
		s.close(x) // as soon as there is something to close
		return nil, fmt.Errorf("the notification service does not answer: %w", ctx.Err())
	}
}

// notifyForget is when a reply to Notify is not expected any more.
const notifyForget = 30 * time.Second

// notify calls Notify and waits for the reply as long as the service takes. A
// notification that nobody wants any more by then is closed again.
func (s *service) notify(x *notification, c callout) {
	ctx, cancel := context.WithTimeout(context.Background(), notifyForget)
	defer cancel()
	hints := map[string]dbus.Variant{"urgency": dbus.MakeVariant(c.urgency)}
	call := s.conn.Object(x.owner, notifyPath).CallWithContext(ctx, notifyName+".Notify", dbus.FlagNoAutoStart,
		"msg", uint32(0), "dialog-information", c.summary, c.body, c.actions, hints, c.expire)
	var id uint32
	err := call.Store(&id)
	s.mu.Lock()
	s.asking--
	unclear := s.unclear
	s.unclear = nil // those that stay unclear come back
	switch {
	case err != nil:
		x.err = fmt.Errorf("notifying: %w", err)
		if isGone(err) {
			x.err = errLost
		}
		if s.owner == x.owner {
			s.owner = "" // ask anew
		}
	case s.owner != x.owner:
		x.err = errLost
	case id == 0 || s.shown[id] != nil:
		x.err = errors.New("the notification service makes no sense")
	default:
		x.id = id
		s.shown[id] = x
	}
	if x.err != nil {
		s.forget(x)
	}
	close(x.ready)
	unwanted := x.err == nil && x.users == 0
	s.mu.Unlock()
	for _, o := range unclear {
		s.end(x.owner, o)
	}
	if unwanted {
		s.withdraw(x)
	}
}

// isGone reports whether the bus says that there is nobody by that name now.
func isGone(err error) bool {
	var e dbus.Error
	return errors.As(err, &e) && slices.Contains([]string{
		"org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner",
		"org.freedesktop.DBus.Error.NoReply", // it died before it replied
	}, e.Name)
}

// close says that one of those who wanted x does so no more.
func (s *service) close(x *notification) {
	s.mu.Lock()
	x.users--
	unwanted := x.users == 0
	if unwanted && s.byID[x.message] == x {
		delete(s.byID, x.message)
	}
	s.mu.Unlock()
	select {
	case <-x.ready:
		if unwanted && x.err == nil {
			s.withdraw(x)
		}
	default:
	}
}

// withdraw takes x off the screen, if it is on it.
func (s *service) withdraw(x *notification) {
	s.mu.Lock()
	on := s.shown[x.id] == x
	s.forget(x)
	s.mu.Unlock()
	if !on {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), busCall)
	defer cancel()
	s.conn.Object(x.owner, notifyPath).CallWithContext(ctx, notifyName+".CloseNotification", dbus.FlagNoAutoStart, x.id)
}

// forget is for a service that is locked.
func (s *service) forget(x *notification) {
	if s.shown[x.id] == x {
		delete(s.shown, x.id)
	}
	if s.byID[x.message] == x {
		delete(s.byID, x.message)
	}
}

// listen takes signals until the bus is gone.
func (s *service) listen(signals <-chan *dbus.Signal) {
	for signal := range signals {
		if signal.Sender == "org.freedesktop.DBus" {
			s.ownerChanged(signal)
		} else if o, ok := parseSignal(signal); ok {
			s.end(signal.Sender, o)
		}
	}
	s.lose("")
}

// ownerChanged takes NameOwnerChanged: a service that dies does not say what
// became of its notifications.
func (s *service) ownerChanged(signal *dbus.Signal) {
	if signal.Name != "org.freedesktop.DBus.NameOwnerChanged" || len(signal.Body) != 3 || signal.Body[0] != notifyName {
		return
	}
	owner, _ := signal.Body[2].(string)
	s.lose(owner)
}

// lose ends all notifications, unless they are those of the owner.
func (s *service) lose(owner string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.owner == owner && owner != "" {
		return
	}
	s.owner, s.unclear = "", nil
	for _, x := range s.shown {
		x.how = outcome{lost: true}
		s.forget(x)
		close(x.done)
	}
}

// parseSignal reads ActionInvoked and NotificationClosed.
func parseSignal(signal *dbus.Signal) (o outcome, ok bool) {
	if signal.Path != notifyPath || len(signal.Body) != 2 {
		return o, false
	}
	if o.id, ok = number(signal.Body[0]); !ok {
		return o, false
	}
	switch signal.Name {
	case notifyName + ".ActionInvoked":
		o.action, ok = signal.Body[1].(string)
	case notifyName + ".NotificationClosed":
		o.reason, ok = number(signal.Body[1])
	default:
		ok = false
	}
	return o, ok && (o.action != "" || o.reason != 0)
}

// number reads a number that is to be unsigned; Budgie before 10.6.2 sends
// another type.
func number(v any) (uint32, bool) {
	switch n := v.(type) {
	case uint32:
		return n, true
	case int32:
		return uint32(n), n >= 0
	}
	return 0, false
}

// maxUnclear bounds the signals that wait for a reply to Notify.
const maxUnclear = 64

// end ends the notification that a signal is about. The first signal counts:
// GNOME sends ActionInvoked twice, and services say closed after it.
func (s *service) end(sender string, o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sender != s.owner {
		return
	}
	x := s.shown[o.id]
	if x == nil {
		// It can be faster than the reply that says which number it has.
		if s.asking > 0 && len(s.unclear) < maxUnclear {
			s.unclear = append(s.unclear, o)
		}
		return
	}
	x.how = o
	s.forget(x)
	close(x.done)
}

// alive reports whether the bus is there.
func (s *service) alive() bool { return s.conn.Connected() }

// pause gives a service that has died the time to come back by itself.
func (s *service) pause(ctx context.Context) {
	select {
	case <-time.After(restartPause):
	case <-ctx.Done():
	case <-s.conn.Context().Done():
	}
}

// restartPause is short: some services are started only by the next message.
const restartPause = 500 * time.Millisecond
