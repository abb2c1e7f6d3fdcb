package host

import (
	"strings"
	"sync"

	"msg"
	"msg/internal/text"
)

// Sizes of the block on a terminal, in cells.
const (
	maxBlock = 80 // longer lines are hard to read
	minBlock = 24 // below this the border is left off
)

// frames makes the bytes for a terminal, once for each width that occurs.
type frames struct {
	message msg.Message
	made    sync.Map // int to []byte: nearly always read, by all writers
}

func newFrames(m msg.Message) *frames { return &frames{message: m} }

// forColumns returns the bytes for a terminal of that many columns.
func (f *frames) forColumns(columns int) []byte {
	// The last column stays free: some terminals begin a new line after it.
	width := max(min(columns, maxBlock)-1, 1)
	b, ok := f.made.Load(width)
	if !ok {
		b, _ = f.made.LoadOrStore(width, frame(f.message, width))
	}
	return b.([]byte)
}

// frame draws the message as a block of the given width: one bell, a new
// line, title, text, how to answer, and who sent it unless the title says so. It is UTF-8
// whatever the locale, since nobody knows the locale of the other terminal;
// lines end in CR LF, since programs switch the translation off.
func frame(m msg.Message, width int) []byte {
	title, by := heading(m)
	body := text.Plain(m.Text)
	if m.Wait {
		body += "\n\n" + howToAnswer(m)
	}
	draw := boxed
	if width < minBlock {
		draw = unboxed
	}
	return []byte("\a\r\n" + strings.Join(draw(title, by, body, width), "\r\n") + "\r\n")
}

// heading returns the title and the line that names the sender.
func heading(m msg.Message) (title, by string) {
	return text.Heading(m.Title, m.From, m.Sent, m.Again, text.LocaleFor(m.Locale))
}

// howToAnswer tells what to type, here and elsewhere. It has lines of its own,
// since a command that is broken at the edge is hard to copy.
func howToAnswer(m msg.Message) string {
	return "Answer with: " + answers(m, "") + "\nIn another terminal: " + answerElsewhere(m)
}

// answers lists the commands for all the buttons, each with a suffix.
func answers(m msg.Message, suffix string) string {
	var commands []string
	for _, label := range m.Buttons.Labels() {
		commands = append(commands, answerCommand(label)+suffix)
	}
	last := len(commands) - 1
	if last == 0 {
		return commands[0]
	}
	return strings.Join(commands[:last], ", ") + " or " + commands[last]
}

// answerElsewhere is the command for the first button that names the message.
func answerElsewhere(m msg.Message) string {
	return answerCommand(m.Buttons.Labels()[0]) + ":" + text.Line(msg.ShortID(m.ID))
}

// answerCommand is what to type to press a button.
func answerCommand(label string) string {
	if label == msg.LabelOK {
		return "msg /ok"
	}
	return "msg /answer:" + strings.ToLower(label)
}

func unboxed(title, by, body string, width int) []string {
	lines := text.Wrap(title, width)
	lines = append(lines, text.Wrap(body, width)...)
	if by != "" {
		lines = append(lines, text.Wrap(by, width)...)
	}
	return lines
}

// boxed draws the border around what is there: no wider than it has to be,
// because what is written costs time on every terminal.
func boxed(title, by, body string, width int) []string {
	lines := text.Wrap(body, width-4)
	if text.Width(title) > width-6 { // too long for the border: inside
		lines, title = append(text.Wrap(title, width-4), lines...), ""
	}
	if text.Width(by) > width-6 {
		lines, by = append(lines, text.Wrap(by, width-4)...), ""
	}
	inner := max(text.Width(title)+2, text.Width(by)+2)
	for _, line := range lines {
		inner = max(inner, text.Width(line))
	}
	block := []string{border("┌", title, "┐", inner)}
	for _, line := range lines {
		block = append(block, "│ "+line+strings.Repeat(" ", inner-text.Width(line))+" │")
	}
	return append(block, border("└", by, "┘", inner))
}

// border draws the first or last line with a label in it.
func border(left, label, right string, inner int) string {
	if label != "" {
		label = "─ " + label + " "
	}
	return left + label + strings.Repeat("─", inner+2-text.Width(label)) + right
}
