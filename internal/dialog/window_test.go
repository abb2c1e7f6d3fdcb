package dialog

import (
	"os/exec"
	"testing"

	"msg/internal/hosttest"
)

// TestHints checks what window managers are told.
func TestHints(t *testing.T) {
	x := hosttest.XServer(t, "1024x768x24")
	d := begin(t, x, request("OK"))
	if got := string(x.Property(t, d.window.ID, "WM_CLASS")); got != "msg\x00msg\x00" {
		t.Errorf("class %q", got)
	}
	state := x.Property(t, d.window.ID, "_NET_WM_STATE")
	for _, want := range []string{"_NET_WM_STATE_ABOVE", "_NET_WM_STATE_STICKY"} {
		atom := x.Atom(t, want)
		found := false
		for i := 0; i+4 <= len(state); i += 4 {
			found = found || uint32(atom) == uint32(state[i])|uint32(state[i+1])<<8|uint32(state[i+2])<<16|uint32(state[i+3])<<24
		}
		if !found {
			t.Errorf("the state lacks %s", want)
		}
	}
	for _, name := range []string{"_NET_WM_PID", "WM_CLIENT_MACHINE", "_NET_WM_WINDOW_TYPE", "WM_HINTS", "WM_NORMAL_HINTS"} {
		if len(x.Property(t, d.window.ID, name)) == 0 {
			t.Errorf("there is no %s", name)
		}
	}
	messages := x.RootMessages(t)
	x.Protocol(t, d.window, "_NET_WM_PING")
	pong := <-messages
	if ping := uint32(x.Atom(t, "_NET_WM_PING")); pong.Data.Data32[0] != ping || pong.Data.Data32[2] != d.window.ID {
		t.Errorf("the answer to a ping is %v", pong)
	}
}

// TestWindowManager works with a real one.
func TestWindowManager(t *testing.T) {
	openbox, err := exec.LookPath("openbox")
	if err != nil {
		t.Skip("no openbox (Debian: apt install openbox)")
	}
	x := hosttest.XServer(t, "1024x768x24")
	cmd := exec.Command(openbox, "--sm-disable")
	cmd.Env = append(cmd.Environ(), "DISPLAY="+x.Display, "XAUTHORITY="+x.Xauthority)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	x.Until(t, "openbox", func() bool { return len(x.Property(t, 0, "_NET_SUPPORTING_WM_CHECK")) > 0 })
	r := request("Yes", "No")
	d := begin(t, x, r)
	x.Until(t, "the frame", func() bool { return len(x.Property(t, d.window.ID, "_NET_FRAME_EXTENTS")) > 0 })
	d.window = x.Window(t, r.Title) // openbox has moved it into its frame
	active := func(w hosttest.XWindow) func() bool {
		return func() bool {
			b := x.Property(t, 0, "_NET_ACTIVE_WINDOW")
			return len(b) == 4 && uint32(b[0])|uint32(b[1])<<8|uint32(b[2])<<16|uint32(b[3])<<24 == w.ID
		}
	}
	x.Until(t, "the keyboard", active(d.window))
	x.Key(t, hosttest.KeyTab)
	x.Key(t, hosttest.KeyReturn)
	if got := d.wait(t); got != (Result{"No", Answered}) {
		t.Errorf("got %+v", got)
	}
}

// TestLostRequest: a window manager that is just starting.
func TestLostRequest(t *testing.T) {
	x := hosttest.XServer(t, "640x480x24")
	x.LoseMaps(t, 1)
	d := begin(t, x, request("OK"))
	x.Protocol(t, d.window, "WM_DELETE_WINDOW")
	if got := d.wait(t); got.Outcome != Dismissed {
		t.Errorf("got %+v", got)
	}
}
