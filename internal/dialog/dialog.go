// Package dialog shows a message in a window of its own on an X server, with
// buttons, and says which one was pressed. It needs no toolkit, no window
// manager and no cgo, and works under Xwayland.
//
// It is for a process that has the rights of the desktop's user: the X server,
// its authority file and the fonts all belong to that user. Nothing is taken
// from the environment of the process. The text passes through internal/text
// once more; it is drawn with the fonts in the program, and with those of the
// system where these lack a character. Start with Show.
//
// In the order in which a window comes about: connect.go and xauth.go reach
// the server, screen.go and visual.go look at it, fonts.go and fontfiles.go
// find the glyphs, lines.go breaks text into lines, view.go says what is where
// and what a click or key does, paint.go draws it, window.go puts it on the
// screen, and events.go waits.
package dialog

import (
	"context"
	"strings"
	"time"

	"msg/internal/text"
)

// Env says which X server, and whose fonts; nothing is read from the process
// environment.
type Env struct {
	Display    string // as in DISPLAY: ":0"; on this computer only
	Xauthority string // path; empty means .Xauthority in Home, if it is there
	Home       string // for the user's own fonts; empty means none
}

// Request is what to show.
type Request struct {
	Title, By, Text string
	Buttons         []string      // labels from left to right; the first is the default; none means OK
	Timeout         time.Duration // from the call of Show; 0: until it is closed
	Position        int           // moves the window, so that several do not hide one another
}

// Result is what became of the window.
type Result struct {
	Button  string // the label as it was requested; empty unless answered
	Outcome Outcome
}

// Outcome says how a window ended.
type Outcome string

// The outcomes.
const (
	Answered  Outcome = "answered"  // a button was pressed
	Dismissed Outcome = "dismissed" // closed, or Escape where there is no Cancel
	Expired   Outcome = "expired"   // the time was over
	Gone      Outcome = "gone"      // the X server went away, or ended the connection
)

// Limits on what is shown. Longer text is cut; a message is at most 8,192
// bytes.
const (
	maxText    = 16 << 10
	maxLine    = 1 << 10
	maxButtons = 6
)

// options are what only tests change.
type options struct {
	guard    time.Duration // keys do nothing for so long after the window came up
	fontDirs []string      // where fonts are searched
}

// Show shows r. It calls shown once, when the window is painted on the screen,
// with the characters that cannot be shown because no font has them; then it
// waits for the result. When ctx ends the window is taken down and the error is
// that of ctx. Another error means that the window could not be shown.
func Show(ctx context.Context, env Env, r Request, shown func(missing []rune)) (Result, error) {
	return show(ctx, env, r, shown, options{guard: keyGuard, fontDirs: fontDirs(env.Home)})
}

func show(ctx context.Context, env Env, r Request, shown func([]rune), o options) (Result, error) {
	ending, cancel := ctx, func() {}
	if r.Timeout > 0 {
		ending, cancel = context.WithTimeout(ctx, r.Timeout)
	}
	defer cancel()
	result, err := display(ending, env, r, shown, o)
	switch {
	case result.Outcome == Answered || result.Outcome == Dismissed:
		return result, nil
	case ctx.Err() != nil:
		return Result{}, ctx.Err()
	case ending.Err() != nil:
		return Result{Outcome: Expired}, nil
	}
	return result, err
}

// display opens the window and waits; what it returns is void when ctx ended.
func display(ctx context.Context, env Env, r Request, shown func([]rune), o options) (Result, error) {
	s, err := connect(ctx, env)
	if err != nil {
		return Result{}, err
	}
	defer s.close()
	v, missing := newView(cleaned(r), s.geometry(), o.fontDirs)
	w, err := s.open(v, r.Position)
	if err != nil {
		return Result{}, err
	}
	defer w.destroy()
	w.guard = o.guard
	result := w.wait(ctx, func() { shown(missing) })
	if result.Outcome == Answered && len(r.Buttons) > 0 {
		result.Button = r.Buttons[w.view.answer]
	}
	return result, nil
}

// cleaned returns r with text that is safe to show, and with a button.
func cleaned(r Request) Request {
	r.Title, r.By = text.Line(head(r.Title, maxLine)), text.Line(head(r.By, maxLine))
	r.Text = strings.TrimRight(text.Plain(head(r.Text, maxText)), "\n")
	if r.Title == "" {
		r.Title = "Message"
	}
	labels := r.Buttons[:min(len(r.Buttons), maxButtons)]
	r.Buttons = nil
	for _, label := range labels {
		r.Buttons = append(r.Buttons, text.Line(head(label, maxLine)))
	}
	if len(r.Buttons) == 0 {
		r.Buttons = []string{"OK"}
	}
	return r
}

// head is at most the first n bytes of s.
func head(s string, n int) string { return s[:min(len(s), n)] }
