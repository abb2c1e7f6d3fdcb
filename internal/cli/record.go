package cli

import (
	"fmt"
	"strings"
	"time"

	"msg"
	"msg/internal/text"
)

// How many messages "query message" lists, unless /limit says so, and with it.
const (
	MaxMessages = 100
	maxLimit    = 10_000
)

// MessageTable is the output of "query message": one line for each message,
// the newest first.
func MessageTable(records []msg.Record, loc text.Locale) string {
	var b strings.Builder
	b.WriteString(messageRow("ID", "SENT", "FROM", "TO", "OUTCOME"))
	for _, r := range records {
		m := r.Message
		b.WriteString(messageRow(msg.ShortID(m.ID), loc.Format(m.Sent), m.From, strings.Join(r.To, ","), outcomeOf(r)))
	}
	return b.String()
}

func messageRow(id, sent, from, to, outcome string) string {
	return " " + left(id, 6, 3) + "  " + left(sent, 19, 16) + "  " + left(from, 20, 17) + "  " + left(to, 20, 17) + "  " + text.Line(outcome) + "\n"
}

// outcomeOf sums a record up: "3 OK, 1 no answer".
func outcomeOf(r msg.Record) string {
	if r.Refused != "" {
		return "refused: " + r.Refused
	}
	count := map[string]int{}
	var order []string
	for _, x := range r.Receipts {
		word := outcomeWord(x, r.Message)
		if count[word] == 0 {
			order = append(order, word)
		}
		count[word]++
	}
	if order == nil {
		return "nobody"
	}
	for i, word := range order {
		order[i] = fmt.Sprintf("%d %s", count[word], word)
	}
	return strings.Join(order, ", ")
}

// outcomeWord is a receipt in a word or two; an answer is its button.
func outcomeWord(r msg.Receipt, m msg.Message) string {
	switch {
	case r.Outcome == msg.OutcomeAnswered:
		return r.Answer
	case r.Outcome == msg.OutcomeExpired:
		return "no answer"
	case r.Outcome == msg.OutcomeAccepted && !r.Final && m.Wait:
		return "waiting"
	}
	return string(r.Outcome)
}

// MessageDetail is the output of "query message ID": all that is on record.
func MessageDetail(r msg.Record, loc text.Locale) string {
	var b strings.Builder
	m := r.Message
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-10s%s\n", name, text.Line(value))
		}
	}
	line("ID", m.ID)
	line("Sent", loc.Format(m.Sent)+" by "+m.From)
	line("To", strings.Join(r.To, ", "))
	line("Title", m.Title)
	if m.Wait {
		line("Buttons", strings.Join(m.Buttons.Labels(), ", "))
		line("Time", waitWord(m.Timeout))
	}
	if m.Queue > 0 {
		line("Kept for", span(m.Queue))
	}
	line("Refused", r.Refused)
	b.WriteString("Text\n")
	indent(&b, text.Plain(m.Text))
	if len(r.Receipts) > 0 {
		b.WriteString("Outcome\n")
	}
	for _, x := range r.Receipts {
		indent(&b, receiptLine(x, m, loc))
	}
	return b.String()
}

// waitWord is how long an answer is waited for.
func waitWord(d time.Duration) string {
	if d == 0 {
		return "until it is answered"
	}
	return span(d)
}

// receiptLine is one session's part of a record.
func receiptLine(r msg.Receipt, m msg.Message, loc text.Locale) string {
	line := SessionLabel(r.Session, true)
	if user := r.Session.User; user != "" && r.Session.ID != "" {
		line += " (" + text.Line(user) + ")"
	}
	line += ": " + text.Line(outcomeWord(r, m)) + ", " + loc.Format(r.At)
	if r.Detail != "" {
		line += ": " + text.Line(r.Detail)
	}
	return line
}

// indent writes lines under a heading.
func indent(b *strings.Builder, lines string) {
	for _, l := range strings.Split(lines, "\n") {
		b.WriteString(strings.TrimRight("    "+l, " ") + "\n")
	}
}
