package lab

import (
	"fmt"
	"strings"
	"testing"
)

// UseGNOME makes tests that need GNOME run, instead of being skipped: it is as
// large as all the rest of the lab.
var UseGNOME bool

// Desktop starts a Debian 12 host on which people can sign in to a desktop, with
// [Host.XFCE] and [Host.Sway]. In all else it is as that of Boot.
func Desktop(t testing.TB) *Host {
	t.Helper()
	return boot(t, desktopFS(t, "desktop", xfceRecipe))
}

// DesktopGNOME is Desktop with [Host.GNOME] in place of the other desktops.
func DesktopGNOME(t testing.TB) *Host {
	t.Helper()
	if !UseGNOME {
		t.Skip("lab: GNOME takes a gigabyte and minutes to install, and UseGNOME is not set")
	}
	return boot(t, desktopFS(t, "gnome", gnomeRecipe))
}

// A notifier is a notification daemon.
type notifier struct {
	service string // the file by which D-Bus starts it, where there are several
	name    string // what it calls itself
}

var (
	xfceNotifier  = notifier{"org.xfce.xfce4-notifyd.Notifications.service", "Xfce Notify Daemon"}
	swayNotifiers = map[string]notifier{
		"mako":  {"fr.emersion.mako.service", "mako"},
		"dunst": {"org.knopwob.dunst.service", "dunst"},
	}
	gnomeNotifier = notifier{name: "gnome-shell"}
)

// XFCE signs a user in to an XFCE desktop on display :0 of 1024 by 768 pixels,
// by lightdm and with a session of logind of type x11 on seat0. It returns when
// the desktop is drawn and its notification daemon, xfce4-notifyd, answers.
//
// It is once for each host. To sign the user out, terminate [Display.Session].
func (h *Host) XFCE(user string) *Display {
	h.t.Helper()
	d := h.newDisplay(user, xfceNotifier)
	h.must(strings.NewReader("[Seat:*]\nautologin-user="+user+"\n"),
		"install", "-m", "644", "/dev/stdin", "/etc/lightdm/lightdm.conf.d/user.conf")
	h.Must("systemctl", "start", "lightdm")
	d.awaitSession()
	d.robot = newXRobot(d)
	d.awaitScreen("Desktop")
	return d
}

// Sway signs a user in to sway, on a Wayland display of 1024 by 768 pixels and
// without a seat, with a session of logind of type wayland. X11 programs run
// there too. The notification daemon is "mako" or "dunst"; it is started by
// D-Bus as on a real computer, and answers when Sway returns.
func (h *Host) Sway(user, daemon string) *Display {
	h.t.Helper()
	n, ok := swayNotifiers[daemon]
	if !ok {
		h.t.Fatalf("lab: sway with the notification daemon %q: not known, use mako or dunst", daemon)
	}
	d := h.newDisplay(user, n)
	h.startWayland(user, []string{"XDG_CURRENT_DESKTOP=sway", "WLR_BACKENDS=headless", "WLR_RENDERER=pixman", "WLR_LIBINPUT_NO_DEVICES=1"},
		"sway", "--config", "/etc/sway/lab.conf")
	d.awaitSession()
	d.robot = newSwayRobot(d)
	d.awaitScreen("")
	return d
}

// GNOME signs a user in to GNOME, on a Wayland display of 1024 by 768 pixels and
// without a seat, with a session of logind of type wayland. As on a real
// computer, it is gnome-session that is in the control group of that session;
// the shell and the programs are services of the user, and do not know
// XDG_SESSION_ID. The panel is empty, and nothing is animated.
func (h *Host) GNOME(user string) *Display {
	h.t.Helper()
	d := h.newDisplay(user, gnomeNotifier)
	h.startWayland(user, []string{"XDG_CURRENT_DESKTOP=GNOME", "XDG_SESSION_DESKTOP=gnome"}, "gnome-session")
	d.awaitSession()
	d.robot = newGnomeRobot(d)
	d.awaitScreen("")
	return d
}

// startWayland starts a compositor as login managers do.
func (h *Host) startWayland(user string, env []string, command ...string) {
	h.t.Helper()
	args := []string{"systemd-run", "--quiet", "--collect", "--unit=wayland-" + user, "--property=User=" + user,
		"--property=PAMName=login", "--property=WorkingDirectory=~", "--setenv=XDG_SESSION_TYPE=wayland"}
	for _, entry := range env {
		args = append(args, "--setenv="+entry)
	}
	h.Must(append(args, command...)...)
}

// newDisplay prepares what a user finds at the first sign-in: the notification
// daemon that D-Bus starts.
func (h *Host) newDisplay(user string, n notifier) *Display {
	h.t.Helper()
	uid := strings.TrimSpace(h.Must("id", "-u", user))
	if n.service != "" {
		h.Must("runuser", "-u", user, "--", "install", "-D", "-m", "644", "/usr/share/dbus-1/services/"+n.service,
			fmt.Sprintf("/home/%s/.local/share/dbus-1/services/%s", user, n.service))
	}
	return &Display{User: user, t: h.t, host: h, notifier: n.name, runtime: "/run/user/" + uid}
}
