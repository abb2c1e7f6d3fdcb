package wine_test

import (
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"msg/internal/hosttest"
	"msg/test/wine"
)

// screen is a desktop with Windows on it.
type screen struct {
	*hosttest.X
	t    *testing.T
	desk *wine.Desk
}

// newScreen starts an X server with a window manager, which gives boxes their
// titles, and then Windows.
func newScreen(t *testing.T) *screen {
	t.Helper()
	if _, err := exec.LookPath("openbox"); err != nil && !testing.Short() {
		t.Skip("no openbox (Debian: apt install --no-install-recommends openbox)")
	}
	x := hosttest.XServer(t, "1024x768x24")
	environ := []string{"DISPLAY=" + x.Display, "XAUTHORITY=" + x.Xauthority}
	manager := exec.Command("openbox", "--sm-disable")
	manager.Env = append(os.Environ(), environ...)
	if err := manager.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = manager.Process.Kill()
		_ = manager.Wait()
	})
	x.Until(t, "openbox manages the windows", func() bool { return len(x.Property(t, 0, "_NET_SUPPORTING_WM_CHECK")) > 0 })
	return &screen{x, t, wine.Boot(t, environ...).Desk(t)}
}

// running is a program that waits for a person. It writes to files, because a
// box that outlives it would keep pipes open.
type running struct {
	*exec.Cmd
	t           *testing.T
	out, failed string
}

func (s *screen) start(args ...string) *running {
	s.t.Helper()
	dir := s.t.TempDir()
	r := &running{s.desk.Command(wine.Build(s.t, "msg/cmd/msg"), args...), s.t, filepath.Join(dir, "out"), filepath.Join(dir, "failed")}
	r.Stdout, r.Stderr = s.create(r.out), s.create(r.failed)
	if err := r.Start(); err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *screen) create(name string) *os.File {
	s.t.Helper()
	f, err := os.Create(name)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { f.Close() })
	return f
}

// read returns what a program has written, with the line ends of Unix.
func (r *running) read(name string) string {
	r.t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), "\r\n", "\n")
}

// ends waits for the end of the program, which has to be that code, with a
// standard output that the pattern fits.
func (r *running) ends(code int, pattern string) {
	r.t.Helper()
	_ = r.Wait()
	if is := r.ProcessState.ExitCode(); is != code {
		r.t.Errorf("%q exits with %d, not %d; %s", r.Args[2:], is, code, r.read(r.failed))
	}
	if out := r.read(r.out); !regexp.MustCompile(pattern).MatchString(out) {
		r.t.Errorf("%q prints %q, want %q", r.Args[2:], out, pattern)
	}
}

// box waits for the box of that title and keeps a picture of the screen.
func (s *screen) box(title string) hosttest.XWindow {
	s.t.Helper()
	var box hosttest.XWindow
	s.Until(s.t, "a box "+title, func() bool {
		for _, w := range s.Windows(s.t) {
			if w.Title == title && s.painted(w) {
				box = w
				return true
			}
		}
		return false
	})
	s.keep(title)
	return box
}

// painted reports whether a box shows more than its background.
func (s *screen) painted(w hosttest.XWindow) bool {
	seen := s.Screenshot(s.t, w.Area.Intersect(s.Screen))
	colours := map[any]bool{}
	for y := seen.Rect.Min.Y; y < seen.Rect.Max.Y; y++ {
		for x := seen.Rect.Min.X; x < seen.Rect.Max.X; x++ {
			colours[seen.At(x, y)] = true
		}
	}
	return len(colours) > 4
}

// keep writes a picture of the screen where "go test -artifacts" keeps it.
func (s *screen) keep(name string) {
	s.t.Helper()
	f, err := os.Create(filepath.Join(s.t.ArtifactDir(), name+".png"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, s.Screenshot(s.t, s.Screen)); err != nil {
		s.t.Fatal(err)
	}
}

// press clicks on one of the buttons of a box, which are in a row in the middle
// of its lower edge.
func (s *screen) press(box hosttest.XWindow, button, of int) {
	s.t.Helper()
	const width, fromBelow = 86, 22 // of a button with its gap
	middle := (box.Area.Min.X + box.Area.Max.X) / 2
	s.Click(s.t, image.Pt(middle+(2*button-of+1)*width/2, box.Area.Max.Y-fromBelow))
}

func (s *screen) gone(title string) {
	s.t.Helper()
	s.Until(s.t, "the box "+title+" is closed", func() bool {
		for _, w := range s.Windows(s.t) {
			if w.Title == title {
				return false
			}
		}
		return true
	})
}

// TestBox has a person who sees the boxes and presses their buttons.
func TestBox(t *testing.T) {
	s := newScreen(t)
	s.desk.Sessions(".|1|Console|active|bob|VM||err=120", ".|2|RDP-Tcp#1|active|alice|VM||box")

	// The message of the issue: every argument as it was written, and back.
	r := s.start("alice", "/v", "/w", "/title:Tonight", "Grüße", "aus", "東京")
	s.press(s.box("Tonight"), 0, 1)
	r.ends(0, `^Sending message to session RDP-Tcp#1, display time 60
Message to session RDP-Tcp#1 was answered: OK \(alice, after \d+\.\ds\)
$`)
	sent := wine.Sent(s.desk.Calls())
	want := `. 2: 14:"Tonight" 24:"Grüße aus 東京" style 0x0 time 60 wait`
	if len(sent) != 1 || sent[0].String() != want {
		t.Errorf("sent %v, want %s", sent, want)
	}

	r = s.start("alice", "/v", "/buttons:yesno", "/title:Question", "Now?^nOr later?")
	s.press(s.box("Question"), 1, 2)
	r.ends(0, `was answered: No \(alice,`)

	// Its time is over: the box goes by itself.
	r = s.start("alice", "/v", "/w", "/time:2", "/title:Short", "hello")
	s.box("Short")
	r.ends(3, `RDP-Tcp#1 got no answer in 2 seconds\n$`)
	s.gone("Short")

	// A box that nobody waits for outlives the command.
	s.start("alice", "/v", "/title:Alone", "hello").ends(0, `Async message sent to session RDP-Tcp#1\n$`)
	s.press(s.box("Alone"), 0, 1)
	s.gone("Alone")
	if err := wine.Untidy(s.desk.Calls()); err != nil {
		t.Error(err)
	}
}

// TestBoxOfOurOwn has Terminal Services that do nothing, as where they are off:
// in the session of the sender msg shows the box itself.
func TestBoxOfOurOwn(t *testing.T) {
	s := newScreen(t)
	s.desk.Sessions(".|1|Console|active|bob|VM||err=120")
	r := s.start("bob", "/v", "/w", "/title:Own", "hello")
	s.press(s.box("Own"), 0, 1)
	r.ends(0, `was answered: OK \(bob,`)

	r = s.start("bob", "/v", "/w", "/time:2", "/title:Short", "hello")
	s.box("Short")
	r.ends(3, `got no answer in 2 seconds`)
	s.gone("Short")

	s.start("bob", "/v", "/title:Alone", "hello").ends(0, `Async message sent to session Console`)
	s.press(s.box("Alone"), 0, 1)
	s.gone("Alone")
}
