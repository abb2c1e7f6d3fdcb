package hosttest

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"
)

// Names of the Desktop Notifications Specification.
const (
	notificationsName = "org.freedesktop.Notifications"
	notificationsPath = dbus.ObjectPath("/org/freedesktop/Notifications")
)

// Notifier says what a fake notification service is like, and what is wrong
// with it.
type Notifier struct {
	Name, Vendor, Version string
	Capabilities          []string

	Silent       bool // never replies to anything
	SilentNotify bool // shows what it is given, but never replies to Notify
	Twice        bool // sends ActionInvoked twice, as GNOME does
	Early        bool // invokes the first action before it replies to Notify
	SameID       bool // has one number for everything
	Signed       bool // sends numbers with a sign, as Budgie did
}

// Notification is what the service was asked to show.
type Notification struct {
	ID          uint32
	Sender      string // on the bus
	Title, Text string
	Actions     []string
	Urgency     byte
	Expire      int32
}

// Labels are the labels of the actions by their keys.
func (n Notification) Labels() map[string]string {
	labels := map[string]string{}
	for i := 0; i+1 < len(n.Actions); i += 2 {
		labels[n.Actions[i]] = n.Actions[i+1]
	}
	return labels
}

// Notifications is a notification service on a bus. It shows nothing; the test
// is the person in front of it.
type Notifications struct {
	Shown  chan Notification
	Closed chan uint32 // by CloseNotification

	t     testing.TB
	kind  Notifier
	conn  *dbus.Conn
	over  chan struct{}
	once  sync.Once
	mu    sync.Mutex
	next  uint32
	shown map[uint32]bool
}

// StartNotifications makes kind the notification service of a bus until the
// test ends or Die is called.
func StartNotifications(t testing.TB, address string, kind Notifier) *Notifications {
	t.Helper()
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	n := &Notifications{
		Shown: make(chan Notification, 64), Closed: make(chan uint32, 64),
		t: t, kind: kind, conn: conn, over: make(chan struct{}), shown: map[uint32]bool{},
	}
	t.Cleanup(n.Die)
	export(t, conn, notificationsObject{n}, notificationsPath, notificationsName)
	reply, err := conn.RequestName(notificationsName, dbus.NameFlagDoNotQueue|dbus.NameFlagReplaceExisting|dbus.NameFlagAllowReplacement)
	if err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("the bus does not make us the notification service: %v, %v", reply, err)
	}
	return n
}

// Die ends the service as a crash does: nothing is said of what it shows.
func (n *Notifications) Die() {
	n.once.Do(func() {
		close(n.over)
		n.conn.Close()
	})
}

// Next waits for the next notification.
func (n *Notifications) Next(ctx context.Context) Notification {
	n.t.Helper()
	select {
	case x := <-n.Shown:
		return x
	case <-ctx.Done():
		n.t.Fatal("no notification came")
		return Notification{}
	}
}

// Press invokes an action and closes the notification, as a click does.
func (n *Notifications) Press(id uint32, action string) {
	n.t.Helper()
	n.emit("ActionInvoked", n.number(id), action)
	if n.kind.Twice {
		n.emit("ActionInvoked", n.number(id), action)
	}
	n.End(id, 2)
}

// End says that a notification is closed, for one of the reasons of the
// specification: 1 expired, 2 dismissed, 3 closed by a call.
func (n *Notifications) End(id, reason uint32) {
	n.t.Helper()
	n.mu.Lock()
	delete(n.shown, id)
	n.mu.Unlock()
	n.emit("NotificationClosed", n.number(id), n.number(reason))
}

// number is how the service sends numbers.
func (n *Notifications) number(x uint32) any {
	if n.kind.Signed {
		return int32(x)
	}
	return x
}

func (n *Notifications) emit(signal string, values ...any) {
	n.t.Helper()
	err := n.conn.Emit(notificationsPath, notificationsName+"."+signal, values...)
	select {
	case <-n.over: // nobody hears it
	default:
		if err != nil {
			n.t.Errorf("emitting %s: %v", signal, err)
		}
	}
}

// Forge has somebody else on the bus say that an action was invoked and the
// notification closed: to everybody, and to the one that asked for it.
func Forge(t testing.TB, address string, about Notification, action string) {
	t.Helper()
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	for _, to := range []string{"", about.Sender} {
		for signal, values := range map[string][]any{
			"ActionInvoked": {about.ID, action}, "NotificationClosed": {about.ID, uint32(2)},
		} {
			headers := map[dbus.HeaderField]dbus.Variant{
				dbus.FieldPath:      dbus.MakeVariant(notificationsPath),
				dbus.FieldInterface: dbus.MakeVariant(notificationsName),
				dbus.FieldMember:    dbus.MakeVariant(signal),
				dbus.FieldSignature: dbus.MakeVariant(dbus.SignatureOf(values...)),
			}
			if to != "" {
				headers[dbus.FieldDestination] = dbus.MakeVariant(to)
			}
			if call := conn.Send(&dbus.Message{Type: dbus.TypeSignal, Headers: headers, Body: values}, nil); call.Err != nil {
				t.Fatal(call.Err)
			}
		}
	}
	// A round trip, so that the bus has seen them all.
	if err := conn.BusObject().Call("org.freedesktop.DBus.GetId", 0).Err; err != nil {
		t.Fatal(err)
	}
}

// notificationsObject has the methods that the bus may call.
type notificationsObject struct{ n *Notifications }

// wait is what a silent service does.
func (o notificationsObject) wait(silent bool) {
	if silent {
		<-o.n.over
	}
}

// GetServerInformation is the method of that name.
func (o notificationsObject) GetServerInformation() (name, vendor, version, specification string, err *dbus.Error) {
	o.wait(o.n.kind.Silent)
	return o.n.kind.Name, o.n.kind.Vendor, o.n.kind.Version, "1.2", nil
}

// GetCapabilities is the method of that name.
func (o notificationsObject) GetCapabilities() ([]string, *dbus.Error) {
	o.wait(o.n.kind.Silent)
	return o.n.kind.Capabilities, nil
}

// Notify is the method of that name.
func (o notificationsObject) Notify(sender dbus.Sender, _ string, _ uint32, _, title, text string, actions []string, hints map[string]dbus.Variant, expire int32) (uint32, *dbus.Error) {
	n := o.n
	n.mu.Lock()
	if !n.kind.SameID || n.next == 0 {
		n.next++
	}
	x := Notification{ID: n.next, Sender: string(sender), Title: title, Text: text, Actions: actions, Expire: expire}
	x.Urgency, _ = hints["urgency"].Value().(byte)
	n.shown[x.ID] = true
	n.mu.Unlock()
	n.Shown <- x
	if n.kind.Early && len(actions) > 0 {
		n.Press(x.ID, actions[0])
	}
	o.wait(n.kind.Silent || n.kind.SilentNotify)
	return x.ID, nil
}

// CloseNotification is the method of that name.
func (o notificationsObject) CloseNotification(id uint32) *dbus.Error {
	o.wait(o.n.kind.Silent)
	o.n.mu.Lock()
	on := o.n.shown[id]
	o.n.mu.Unlock()
	if !on {
		return dbus.NewError(notificationsName+".Error.ExcessNotificationGeneration", nil)
	}
	o.n.Closed <- id
	o.n.End(id, 3)
	return nil
}

// Notifiers with buttons and without, as they call themselves.
var (
	XfceNotifier  = Notifier{Name: "Xfce Notify Daemon", Vendor: "Xfce", Version: "0.7.3", Capabilities: strings.Fields("actions body body-markup body-hyperlinks")}
	GnomeNotifier = Notifier{Name: "gnome-shell", Vendor: "GNOME", Version: "43.9", Capabilities: strings.Fields("actions body body-markup icon-static persistence sound"), Twice: true}
	MakoNotifier  = Notifier{Name: "mako", Vendor: "emersion", Version: "1.7.1", Capabilities: strings.Fields("actions body body-markup")}
	OSDNotifier   = Notifier{Name: "notify-osd", Vendor: "Canonical Ltd", Version: "1.0", Capabilities: strings.Fields("body body-markup")}
)

// Manager is the service manager of a user on a bus, as far as it tells the
// environment of what it starts.
func Manager(t testing.TB, address string, environment ...string) {
	t.Helper()
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	export(t, conn, managerProperties(environment), "/org/freedesktop/systemd1", "org.freedesktop.DBus.Properties")
	if _, err := conn.RequestName("org.freedesktop.systemd1", dbus.NameFlagDoNotQueue); err != nil {
		t.Fatal(err)
	}
}

type managerProperties []string

// Get is org.freedesktop.DBus.Properties.Get.
func (p managerProperties) Get(iface, name string) (dbus.Variant, *dbus.Error) {
	if iface != "org.freedesktop.systemd1.Manager" || name != "Environment" {
		return dbus.Variant{}, dbus.NewError("org.freedesktop.DBus.Error.UnknownProperty", nil)
	}
	return dbus.MakeVariant([]string(p)), nil
}
