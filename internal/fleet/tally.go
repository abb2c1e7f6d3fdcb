package fleet

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"msg"
)

// tally is what a relay knows of one message on the members of its site.
type tally struct {
	to    []string           // selectors of people
	until time.Time          // nothing counts any more
	hosts map[string]counted // by name
	found map[string]int     // members that are done, or keep it, by the selectors that fit somebody there
	sum   Summary            // but for the exceptions

	changed  bool
	due      time.Time // of the next summary
	pause    time.Duration
	sent     uint64 // serial
	sentAt   time.Time
	accepted uint64 // serial that the main hub has
}

// counted is one member's part: as much of its report as has to be taken out
// again when a later one comes.
type counted struct {
	serial   int
	outcomes []msg.Outcome
	found    []string
	rank     int
	item     item // the report as it was signed, if its rank is not 0
}

// Ranks of members whose own words matter.
const (
	rankAnswered = iota + 1
	rankFailed
)

func newTally(e Envelope, org, site string) *tally {
	return &tally{to: e.To, until: e.over(), hosts: map[string]counted{}, found: map[string]int{}, pause: firstSummary,
		sum: Summary{Org: org, ID: e.ID, Sender: e.Sender, Site: site, Sessions: map[msg.Outcome]int{}}}
}

// take puts the report of a member, whose number is given, in the place of an
// earlier one; entry is that of stream AUDIT which it is in.
func (t *tally) take(r Report, number int, i item, entry uint64, now time.Time) {
	old := t.hosts[r.Host] // which counts nothing if there is none
	if old.serial >= r.Serial {
		return
	}
	c := t.counted(r)
	if c.rank > 0 {
		c.item = i
	}
	t.add(old, -1)
	t.add(c, 1)
	t.hosts[r.Host] = c
	t.sum.Reached.set(number, true)
	t.sum.Done.set(number, r.Done)
	t.sum.Failed.set(number, r.Done && r.Error != "")
	t.sum.Nobody.set(number, r.Done && r.Error == "" && len(r.Receipts) == 0)
	t.sum.Answered.set(number, slices.Contains(c.outcomes, msg.OutcomeAnswered))
	t.sum.Kept.set(number, r.Kept && !r.Done)
	t.sum.Serial = max(t.sum.Serial, entry)
	if !t.changed {
		t.changed, t.due = true, now.Add(t.pause)
	}
}

func (t *tally) counted(r Report) counted {
	c := counted{serial: r.Serial}
	for _, x := range r.Receipts {
		c.outcomes = append(c.outcomes, x.Outcome)
		switch {
		case x.Outcome.Bad():
			c.rank = rankFailed
		case x.Outcome == msg.OutcomeAnswered:
			c.rank = max(c.rank, rankAnswered)
		}
	}
	if r.Error != "" {
		c.rank = rankFailed
	} else if r.Done || r.Kept {
		c.found = slices.DeleteFunc(slices.Clone(t.to), func(to string) bool { return slices.Contains(r.Missing, to) })
	}
	return c
}

// add counts a member in, or out with -1.
func (t *tally) add(c counted, n int) {
	for _, o := range c.outcomes {
		if t.sum.Sessions[o] += n; t.sum.Sessions[o] == 0 {
			delete(t.sum.Sessions, o)
		}
	}
	for _, to := range c.found {
		t.found[to] += n
	}
}

// summary is what there is to say now.
func (t *tally) summary(now time.Time) Summary {
	s := t.sum
	s.At = now.UTC()
	if s.Done.count() > s.Failed.count() {
		for _, to := range t.to {
			if t.found[to] == 0 {
				s.Missing = append(s.Missing, to)
			}
		}
	}
	size := 0
	for _, name := range t.exceptions() {
		i := t.hosts[name].item
		if len(s.Exceptions) == maxExceptions || len(i.Data) > maxException || size+len(i.Data) > maxSaid {
			s.More++
			continue
		}
		size += len(i.Data)
		s.Exceptions = append(s.Exceptions, i)
	}
	return s
}

// exceptions are the members whose own words matter: those where it failed, and
// then those that answered, by name.
func (t *tally) exceptions() []string {
	var names []string
	for name, c := range t.hosts {
		if c.rank > 0 {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(x, y string) int {
		return cmp.Or(t.hosts[y].rank-t.hosts[x].rank, cmp.Compare(x, y))
	})
	return names
}

// settled reports whether the main hub has all that there is.
func (t *tally) settled() bool { return !t.changed && t.accepted >= t.sent }

// forget lets go of tallies that nothing can come for.
func forget(tallies map[string]*tally, now time.Time) {
	maps.DeleteFunc(tallies, func(_ string, t *tally) bool { return now.After(t.until) && t.settled() })
}
