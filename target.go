package msg

import (
	"errors"
	"slices"
	"strings"
)

// Target is what the sender wrote to say who is meant: one or more selectors.
// It is resolved on the host that has the sessions, against what is there.
type Target []Selector

// Selector is one parsed recipient: "*", "bob", "42", "pts/3", "console",
// "bob:2", ":2", "bob:", "adm*". See ParseTarget.
type Selector struct {
	text string // as written
	user string // left of the colon, if there is one
	id   string // right of the colon
	form form
}

type form int

const (
	formBare    form = iota // equals an ID, a name or a user
	formAll                 // *
	formUser                // bob:
	formID                  // :2
	formUserID              // bob:2
	formConsole             // console
)

// Rank says how well a session fits a selector. A selector takes the sessions
// of its best rank only, so that "bob" is never "Bob" while there is a "bob".
type Rank int

// The ranks, from worst to best.
const (
	NoMatch    Rank = iota
	LooseMatch      // but for upper and lower case, or the domain that was left out
	ExactMatch
)

// ErrTarget is returned for a recipient list that names nobody.
var ErrTarget = errors.New("no recipient is named")

// ParseTarget reads a list of selectors separated by commas. It does not open
// files: "@file" is expanded by whoever may read the sender's files.
func ParseTarget(list string) (Target, error) {
	var t Target
	for _, s := range strings.Split(list, ",") {
		if s = strings.TrimSpace(s); s != "" {
			t = append(t, ParseSelector(s))
		}
	}
	if len(t) == 0 {
		return nil, ErrTarget
	}
	return t, nil
}

// ParseSelector reads one selector; a comma in it is part of a name.
func ParseSelector(s string) Selector {
	sel := Selector{text: s}
	user, id, colon := strings.Cut(s, ":")
	switch {
	case s == "*":
		sel.form = formAll
	case strings.EqualFold(s, "console"):
		sel.form = formConsole
	case !colon || user == "" && id == "":
		sel.form = formBare
	case user == "":
		sel.form, sel.id = formID, id
	case id == "":
		sel.form, sel.user = formUser, user
	default:
		sel.form, sel.user, sel.id = formUserID, user, id
	}
	return sel
}

// String returns the selector as it was written.
func (s Selector) String() string { return s.text }

// Match says how well one session fits. It is pure: no clock, no look-up.
func (s Selector) Match(x Session) Rank {
	switch {
	case s.matches(x, matchExact):
		return ExactMatch
	case s.matches(x, matchFold):
		return LooseMatch
	}
	return NoMatch
}

// matches reports whether the session fits when names are compared by eq.
func (s Selector) matches(x Session, eq matcher) bool {
	if strings.ContainsAny(s.text, "*?") && x.User == "" {
		return false // wildcards mean people, not listeners
	}
	switch s.form {
	case formAll:
		return true
	case formConsole:
		return x.Console || eq(s.text, x.Name) || eq(s.text, x.User)
	case formUser:
		return eq.user(s.user, x.User)
	case formUserID:
		// A name may have a colon of its own: "localhost:10.0".
		return eq.user(s.user, x.User) && eq.id(s.id, x.ID) || eq(s.text, x.Name)
	case formID:
		// ":0" is the ID 0 and the name of a display; the ID goes first.
		return eq.id(s.id, x.ID) || eq.folds() && eq(s.text, x.Name)
	default:
		return eq.id(s.text, x.ID) || eq(s.text, x.Name) || eq.user(s.text, x.User)
	}
}

// matcher compares a pattern, in which * and ? are wildcards, with a value.
type matcher func(pattern, value string) bool

func matchExact(pattern, value string) bool {
	if !strings.ContainsAny(pattern, "*?") { // nearly all, and much cheaper
		return value != "" && pattern == value
	}
	return value != "" && glob(pattern, value)
}

func matchFold(pattern, value string) bool {
	if !strings.ContainsAny(pattern, "*?") {
		return value != "" && strings.EqualFold(pattern, value)
	}
	return value != "" && glob(strings.ToLower(pattern), strings.ToLower(value))
}

// folds reports whether the matcher is the loose one.
func (eq matcher) folds() bool { return eq("a", "A") }

// id compares IDs, in which * and ? mean themselves.
func (eq matcher) id(id, value string) bool {
	return id == value || eq.folds() && strings.EqualFold(id, value)
}

// user compares user names. CORP\bob and bob@corp are two spellings of one
// name; the domain may be left out where that is the only way to a match.
func (eq matcher) user(pattern, value string) bool {
	if eq(pattern, value) {
		return true
	}
	pdomain, pname := splitDomain(pattern)
	vdomain, vname := splitDomain(value)
	switch {
	case vdomain == "":
		return false
	case pdomain == "":
		return eq.folds() && eq(pname, vname)
	}
	return strings.EqualFold(pdomain, vdomain) && eq(pname, vname)
}

// splitDomain takes CORP\bob or bob@corp apart.
func splitDomain(user string) (domain, name string) {
	if d, n, ok := strings.Cut(user, `\`); ok {
		return d, n
	}
	if n, d, ok := strings.Cut(user, "@"); ok {
		return d, n
	}
	return "", user
}

// glob matches * (any run of characters) and ? (one character). There is no
// escape and no bracket, because no user or session name needs one.
// It runs in time proportional to the product of the lengths at worst.
func glob(pattern, s string) bool {
	p, v := []rune(pattern), []rune(s)
	i, j, star, mark := 0, 0, -1, 0
	for j < len(v) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == v[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '*' {
		i++
	}
	return i == len(p)
}

// All reports whether everybody is meant, whoever that turns out to be.
func (t Target) All() bool {
	return slices.ContainsFunc(t, func(s Selector) bool { return s.form == formAll })
}

// Broadcast reports whether the target is a description of people, such as *
// or adm*, rather than their names.
func (t Target) Broadcast() bool {
	return slices.ContainsFunc(t, func(s Selector) bool { return strings.ContainsAny(s.text, "*?") })
}

// Person returns the user whom the selector names, or "" if it may mean several
// or none at all.
func (s Selector) Person() string {
	switch {
	case strings.ContainsAny(s.text, "*?"):
		return ""
	case s.form == formBare:
		return s.text
	case s.form == formUser:
		return s.user
	}
	return ""
}

// Strings returns the selectors as they were written.
func (t Target) Strings() []string {
	list := make([]string, len(t))
	for i, s := range t {
		list[i] = s.text
	}
	return list
}

// Resolve picks the sessions that are meant, each once and in the order of
// the list, and names the selectors that fit nothing.
func (t Target) Resolve(sessions []Session) (matched []Session, missing []Selector) {
	taken := make([]bool, len(sessions))
	for _, sel := range t {
		best := NoMatch
		ranks := make([]Rank, len(sessions))
		for i, s := range sessions {
			ranks[i] = sel.Match(s)
			best = max(best, ranks[i])
		}
		if best == NoMatch {
			if !slices.Contains(missing, sel) {
				missing = append(missing, sel)
			}
			continue
		}
		for i, r := range ranks {
			taken[i] = taken[i] || r == best
		}
	}
	for i, s := range sessions {
		if taken[i] {
			matched = append(matched, s)
		}
	}
	return matched, missing
}
