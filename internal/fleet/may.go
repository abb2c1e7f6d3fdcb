package fleet

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What a May is if it does not say so.
const (
	defaultHosts = 100
	defaultRate  = 30
	defaultLife  = 365 * 24 * time.Hour

	mostHosts = 1_000_000

	// MostUses is how many computers a join token can be for.
	MostUses = mostHosts

	mostRate = 10_000
)

// mayExample stands in errors.
const mayExample = `"send to tag:lab, broadcast, up to 500 hosts, 30 a minute, until 2027-12-31"`

// ParseMay reads what somebody may do, written as a list of "send",
// "broadcast" and "query", the hosts behind one of them ("send to tag:lab and
// web1", which is for all of them), "up to N hosts", "N a minute" and "until DATE". A year
// alone ends when it begins. Without hosts all are meant, 100 at a time; without
// a date it ends in a year.
func ParseMay(s string, now time.Time) (May, error) {
	m := May{Hosts: defaultHosts, Rate: defaultRate, Until: now.UTC().Add(defaultLife).Truncate(time.Second)}
	for _, phrase := range strings.Split(s, ",") {
		if err := m.phrase(strings.Fields(strings.ToLower(phrase)), now); err != nil {
			return May{}, fmt.Errorf("%q is not understood: %w; write, for example, %s", strings.TrimSpace(phrase), err, mayExample)
		}
	}
	if len(m.To) == 0 {
		m.To = Hosts{"*"}
	}
	return m, m.check()
}

func (m *May) phrase(words []string, now time.Time) error {
	joined := strings.Join(words, " ")
	switch {
	case len(words) == 0:
		return errors.New("it is empty")
	case joined == "send" || joined == "broadcast" || joined == "query":
		m.add(Action(joined))
	case len(words) > 2 && words[1] == "to" && words[0] != "up": // what is not an action is found by check
		m.add(Action(words[0]))
		return m.hosts(words[2:])
	case len(words) == 4 && words[0] == "up" && words[1] == "to" && (words[3] == "hosts" || words[3] == "host"):
		return number(&m.Hosts, words[2], mostHosts)
	case len(words) == 3 && words[1] == "a" && words[2] == "minute":
		return number(&m.Rate, words[0], mostRate)
	case len(words) == 2 && words[0] == "until":
		return m.until(words[1], now)
	default:
		return errors.New("there is no such phrase")
	}
	return nil
}

func (m *May) add(a Action) {
	if !slices.Contains(m.Actions, a) {
		m.Actions = append(m.Actions, a)
	}
}

// hosts reads "tag:lab and lab-*".
func (m *May) hosts(words []string) error {
	for i, w := range words {
		if i%2 == 1 {
			if w != "and" {
				return fmt.Errorf(`%q stands where "and" should`, w)
			}
			continue
		}
		if err := checkSelector(w); err != nil {
			return err
		}
		if !slices.Contains(m.To, w) {
			m.To = append(m.To, w)
		}
	}
	if len(words)%2 == 0 {
		return errors.New(`a host is missing behind "and"`)
	}
	return nil
}

func number(into *int, s string, most int) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > most {
		return fmt.Errorf("%q is not a number from 1 to %d", s, most)
	}
	*into = n
	return nil
}

func (m *May) until(s string, now time.Time) error {
	for _, layout := range []string{"2006", time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, strings.ToUpper(s)); err == nil {
			if m.Until = t.UTC(); !now.Before(m.Until) {
				return errors.New("that is over already")
			}
			return nil
		}
	}
	return fmt.Errorf("%q is not a date", s)
}

func (m May) check() error {
	switch {
	case len(m.Actions) == 0:
		return fmt.Errorf("nothing is allowed: write, for example, %s", mayExample)
	case m.Hosts < 1 || m.Hosts > mostHosts || m.Rate < 1 || m.Rate > mostRate || m.Until.IsZero():
		return fmt.Errorf("it has %d hosts, %d messages a minute and the end %v", m.Hosts, m.Rate, m.Until)
	}
	for _, a := range m.Actions {
		if a != ActionSend && a != ActionBroadcast && a != ActionQuery {
			return fmt.Errorf("there is nothing called %q to allow", a)
		}
	}
	return m.To.check()
}

// String writes it so that ParseMay reads the same.
func (m May) String() string {
	var phrases []string
	for i, a := range m.Actions {
		phrases = append(phrases, string(a))
		if i == 0 {
			phrases[0] += " to " + strings.Join(m.To, " and ")
		}
	}
	return strings.Join(append(phrases, fmt.Sprintf("up to %d hosts", m.Hosts), fmt.Sprintf("%d a minute", m.Rate), "until "+m.Until.Format(time.RFC3339)), ", ")
}
