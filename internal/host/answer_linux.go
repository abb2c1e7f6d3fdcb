package host

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"msg"
	"msg/internal/text"
)

// Answer answers for p, and returns the receipt that whoever waits gets.
//
// Without an ID it answers the newest message that waits in p's terminal. With
// one it answers that message there or, if it does not wait there, in all
// sessions of p's account: one person has answered. No right of p's reaches
// another account.
func (l *Local) Answer(ctx context.Context, p msg.Principal, a msg.Answer) (msg.Receipt, error) {
	if err := ctx.Err(); err != nil {
		return msg.Receipt{}, err
	}
	l.waits.mu.Lock()
	defer l.waits.mu.Unlock()
	own := l.waits.ownLocked(p)
	asked, err := choose(own, p.Terminal, a.Message)
	if err != nil {
		return msg.Receipt{}, err
	}
	label, err := button(asked[0].message, a)
	if err != nil {
		return msg.Receipt{}, err
	}
	at := time.Now()
	for _, w := range asked {
		l.waits.settleLocked(w, msg.Receipt{Outcome: msg.OutcomeAnswered, Answer: label, At: at})
	}
	return asked[0].result, nil
}

// ownLocked are the waits in sessions of p's account, the newest first.
func (l *waits) ownLocked(p msg.Principal) []*wait {
	var own []*wait
	for _, w := range slices.Backward(l.list) {
		if p.Owns(w.place.Session) {
			own = append(own, w)
		}
	}
	slices.SortStableFunc(own, newestFirst)
	return own
}

// choose finds the waits of one message that an answer is meant for.
func choose(own []*wait, terminal, id string) ([]*wait, error) {
	var here, all []*wait
	for _, w := range own {
		if id != "" && !msg.IsID(id, w.message.ID) {
			continue
		}
		all = append(all, w)
		if terminal != "" && w.place.Kind == msg.KindTerminal && w.place.Name == terminal {
			here = append(here, w)
		}
	}
	switch {
	case len(here) > 0:
		return here[:1], nil
	case id == "":
		return nil, nothingHere(own)
	case len(all) == 0:
		return nil, fmt.Errorf("%w under the ID %q%s", msg.ErrNothing, id, waysToAnswer(own))
	case slices.ContainsFunc(all, func(w *wait) bool { return w.message.ID != all[0].message.ID }):
		return nil, fmt.Errorf("%w under the ID %q alone: several do, write more of it", msg.ErrNothing, id)
	}
	return all, nil
}

// nothingHere is the error for an answer in a terminal in which nothing waits.
// Which message could be meant is not guessed, not even if there is only one.
func nothingHere(own []*wait) error {
	if len(own) == 0 {
		return msg.ErrNothing
	}
	return fmt.Errorf("%w in this terminal%s", msg.ErrNothing, waysToAnswer(own))
}

// maxWays is how many messages an error lists.
const maxWays = 3

// waysToAnswer lists what could be typed instead, for the newest messages.
func waysToAnswer(own []*wait) string {
	var ways []string
	seen := map[string]bool{}
	for _, w := range own {
		if !seen[w.message.ID] {
			seen[w.message.ID] = true
			ways = append(ways, answerElsewhere(w.message))
		}
	}
	if len(ways) == 0 {
		return ""
	}
	more := ""
	if n := len(ways) - maxWays; n > 0 {
		ways, more = ways[:maxWays], fmt.Sprintf(" (and %d more)", n)
	}
	return "; by its ID: " + strings.Join(ways, ", ") + more
}

// button finds the label that an answer means.
func button(m msg.Message, a msg.Answer) (string, error) {
	written := a.Button
	if written == "" {
		written = msg.LabelOK
	}
	label, ok := m.Buttons.Label(written)
	if !ok {
		suffix := ""
		if a.Message != "" {
			suffix = ":" + text.Line(msg.ShortID(m.ID))
		}
		return "", fmt.Errorf("%w: %q; answer with %s", msg.ErrButton, written, answers(m, suffix))
	}
	return label, nil
}
