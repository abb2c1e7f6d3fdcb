package main

import (
	"io"
	"strings"
)

// progress is a line on a terminal that is drawn again and again. Whatever
// else is printed there has to erase it first. Its text is plain ASCII.
type progress struct {
	w     io.Writer  // nil: nothing is drawn
	width func() int // columns of the terminal, 0 if it does not tell; nil too
	shown int        // columns on the screen
}

// draw puts line in the place of what was there.
func (p *progress) draw(line string) {
	if p.w == nil {
		return
	}
	// What does not fit would go on in the next line of the screen, out of reach
	// of the carriage return, and every drawing would leave one more behind.
	if p.width != nil {
		if n := p.width() - 1; n >= 0 {
			line, p.shown = line[:min(n, len(line))], min(n, p.shown)
		}
	}
	rest := max(0, p.shown-len(line))
	p.shown = len(line)
	// One write, or the line flickers.
	_, _ = io.WriteString(p.w, "\r"+line+strings.Repeat(" ", rest)+strings.Repeat("\b", rest))
}

// erase takes the line away and leaves the cursor where it began.
func (p *progress) erase() {
	if p.shown == 0 {
		return
	}
	_, _ = io.WriteString(p.w, "\r"+strings.Repeat(" ", p.shown)+"\r")
	p.shown = 0
}
