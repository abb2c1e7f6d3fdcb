package cli

import (
	"slices"
	"strings"
	"time"

	"msg"
)

// Do is what a command line of msg asks for.
type Do int

// What can be asked for.
const (
	DoSend    Do = iota // a message
	DoAnswer            // /ok, /answer
	DoTellDND           // /dnd
	DoSetDND            // /dnd:on and the like
	DoDoctor            // /doctor
)

// DND is a change of do-not-disturb as it was written.
type DND struct {
	On    bool
	until string // a time of day, or a date and a time; empty has no end
}

// Layouts of time.Parse for the end of do-not-disturb.
const (
	timeLayout = "15:04"
	dateLayout = "2006-01-02 15:04"
)

// answers are the labels of all buttons there are.
var answers = []string{msg.LabelOK, msg.LabelCancel, msg.LabelYes, msg.LabelNo, msg.LabelRetry}

// parseAnswer reads /ok[:ID] and /answer:TEXT[:ID]. Whether the message has
// that button is known where it was shown.
func parseAnswer(g given) (msg.Answer, error) {
	if g.name == optOK {
		return msg.Answer{Message: g.text, Button: msg.LabelOK}, nil
	}
	written, id, _ := strings.Cut(g.text, ":")
	for _, label := range answers {
		if strings.EqualFold(label, written) {
			return msg.Answer{Message: id, Button: label}, nil
		}
	}
	return msg.Answer{}, &UsageError{Word: g.whole, Reason: "is not an answer: ok, cancel, yes, no or retry"}
}

// besides are the options that may stand with those that go alone.
var besides = []string{optVerbose, optJSON, optUTF8}

// instead checks a command line that asks for something else than to send, and
// reads what /dnd has behind it: its value may be words of their own.
func (m *Msg) instead(seen []given) error {
	seen = slices.DeleteFunc(seen, func(g given) bool { return slices.Contains(besides, g.name) })
	asked := seen[0]
	if len(seen) > 1 {
		return &UsageError{Word: seen[1].whole, Reason: "does not go with " + quote(asked.whole)}
	}
	var words []string
	if m.Recipient != "" {
		words = append([]string{m.Recipient}, m.Words...)
	}
	if m.Do != DoTellDND {
		if words == nil {
			return nil
		}
		return &UsageError{Word: asked.whole, Reason: "goes without a recipient and a message", Hint: "msg " + shellQuote(asked.colon())}
	}
	if asked.text != "" {
		words = append([]string{asked.text}, words...)
	}
	if words == nil {
		return nil
	}
	m.Do, m.Recipient, m.Words = DoSetDND, "", nil
	return m.DND.parse(asked, strings.Join(words, " "))
}

// parse reads on, off, until 17:00 and until 2026-11-25 08:00.
func (d *DND) parse(g given, written string) error {
	word, rest, _ := strings.Cut(written, " ")
	switch rest = strings.TrimSpace(rest); {
	case strings.EqualFold(word, "on") && rest == "":
		d.On = true
	case strings.EqualFold(word, "off") && rest == "":
	case strings.EqualFold(word, "until") && (isTime(timeLayout, rest) || isTime(dateLayout, rest)):
		d.On, d.until = true, rest
	default:
		return &UsageError{Word: written, Reason: "is not understood: /dnd is on, off, until 17:00 or until 2026-11-25 08:00"}
	}
	return nil
}

func isTime(layout, s string) bool {
	_, err := time.Parse(layout, s)
	return err == nil
}

// At is the change as it is meant at that moment, in its time zone. An end that
// has passed is a *UsageError.
func (d DND) At(now time.Time) (msg.DND, error) {
	if d.until == "" {
		return msg.DND{On: d.On}, nil
	}
	if t, err := time.Parse(timeLayout, d.until); err == nil {
		return msg.DND{On: true, Until: nextTime(t, now)}, nil
	}
	until, err := time.ParseInLocation(dateLayout, d.until, now.Location())
	if err != nil || !until.After(now) {
		return msg.DND{}, &UsageError{Word: d.until, Reason: "has passed"}
	}
	return msg.DND{On: true, Until: until}, nil
}

// nextTime is when the clock shows the time of day of t next.
func nextTime(t, now time.Time) time.Time {
	day := now.Day()
	for {
		next := time.Date(now.Year(), now.Month(), day, t.Hour(), t.Minute(), 0, 0, now.Location())
		if next.After(now) {
			return next
		}
		day++
	}
}
