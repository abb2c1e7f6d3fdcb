package daemon

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"msg"
)

// Action is what somebody wants to do with a session.
type Action string

// The actions that rules tell apart.
const (
	ActionSend      Action = "send"      // a message to somebody who was named
	ActionBroadcast Action = "broadcast" // a message to whoever fits a pattern: * or adm*
	ActionQueue     Action = "queue"     // a message that is kept until the person signs in
)

// Names in rules that mean more than one account.
const (
	anybody = "*"
	oneself = "self" // in Rule.To: the sender's own account
	groupOf = "@"    // in front of the name of a group
)

// consoleSessions stands in Rule.Sessions, beside the kinds of msg.Kind, for
// the session at the computer's own screen.
const consoleSessions = "console"

// Rule allows or forbids. It fits if each of its lists does.
type Rule struct {
	From     []string // who sends: names, @groups, or "*"
	To       []string // whose session it is: names, @groups, "self", or "*"
	Actions  []Action // empty is all of them
	Sessions []string // "terminal", "desktop", "console"; empty is all of them
	Allow    bool
	Reason   string // with Allow false: what the sender is told
	Urgent   bool   // with Allow: goes through a do-not-disturb
}

// Rules are asked in their order; the first that fits decides, and where none
// does it is not allowed. A superuser may do all the same: whoever can read
// the memory of msgd is not kept out by a file of its own.
type Rules []Rule

// DefaultRules hold where msgd.toml has none.
func DefaultRules() Rules {
	return Rules{
		{From: []string{"@msg"}, To: []string{anybody}, Allow: true},
		{From: []string{anybody}, To: []string{oneself}, Allow: true},
		{From: []string{groupOf + fleetMark + "all"}, To: []string{anybody}, Allow: true},
	}
}

// Verdict is what rules say.
type Verdict struct {
	Allow  bool
	Urgent bool
	Reason string // why not
}

// inGroup knows who is in which group; the error says that it cannot be told.
type inGroup func(user, group string) (bool, error)

// Judge asks the rules whether p may do a with s. in knows the groups of the
// person whose session it is; those of p come with p.
//
// Where it cannot be told whether somebody is in a group, a rule that allows
// does not fit, and one that forbids does.
func (r Rules) Judge(p msg.Principal, a Action, s msg.Session, in inGroup) Verdict {
	for _, rule := range r {
		if !rule.Allow && p.Superuser {
			continue
		}
		if rule.fits(p, a, s, in, false) {
			return rule.verdict()
		}
		if !rule.Allow && rule.fits(p, a, s, in, true) {
			return Verdict{Reason: "a rule of msgd.toml forbids it to a group, and who is in that cannot be told now; try again later"}
		}
	}
	if p.Superuser {
		return Verdict{Allow: true}
	}
	return Verdict{Reason: r.otherwise(p)}
}

func (r Rule) verdict() Verdict {
	if r.Allow {
		return Verdict{Allow: true, Urgent: r.Urgent}
	}
	return Verdict{Reason: cmp.Or(r.Reason, "a rule of msgd.toml forbids it")}
}

// otherwise is the reason where no rule fits.
func (r Rules) otherwise(p msg.Principal) string {
	if r.areDefault() {
		return p.User + " is not in group msg and may send to their own sessions only; ask an administrator (msgd.toml)"
	}
	return "no rule lets " + p.User + " do this; ask an administrator (msgd.toml)"
}

func (r Rules) areDefault() bool { return reflect.DeepEqual(r, DefaultRules()) }

// fits reports whether the rule is about this. With unsure those count as members
// of a group of whom it cannot be told.
func (r Rule) fits(p msg.Principal, a Action, s msg.Session, in inGroup, unsure bool) bool {
	return r.isFrom(p, unsure) && (len(r.Actions) == 0 || slices.Contains(r.Actions, a)) && r.isIn(s) && r.isTo(p, s, in, unsure)
}

func (r Rule) isFrom(p msg.Principal, unsure bool) bool {
	return slices.ContainsFunc(r.From, func(name string) bool {
		group, isGroup := strings.CutPrefix(name, groupOf)
		return name == anybody || !isFleet(p) && isUser(name, p.User) ||
			isGroup && (slices.Contains(p.Groups, group) || !r.Allow && slices.Contains(p.Denied, group) || unsure && slices.Contains(p.Unsure, group))
	})
}

// isUser reports whether the name in a rule is that of a user.
func isUser(name, user string) bool {
	return name == user || isWindowsName(name) && strings.EqualFold(name, user)
}

// isWindowsName reports whether a name has a domain, CORP\bob. Windows tells
// capitals and small letters of them not apart.
func isWindowsName(name string) bool { return strings.Contains(name, `\`) }

// isIn is false for a place that is not a session yet, if the rule is about
// some sessions only: which it will be is not known.
func (r Rule) isIn(s msg.Session) bool {
	return len(r.Sessions) == 0 || slices.Contains(r.Sessions, string(s.Kind)) || s.Console && slices.Contains(r.Sessions, consoleSessions)
}

func (r Rule) isTo(p msg.Principal, s msg.Session, in inGroup, unsure bool) bool {
	return slices.ContainsFunc(r.To, func(name string) bool {
		if group, isGroup := strings.CutPrefix(name, groupOf); isGroup {
			is, err := in(s.User, group)
			return is || unsure && err != nil
		}
		return name == anybody || name == oneself && p.Owns(s) || isUser(name, s.User)
	})
}

// names lists the accounts and the groups that the rules name.
func (r Rules) names() (users, groups []string) {
	for _, rule := range r {
		for _, name := range slices.Concat(rule.From, rule.To) {
			group, isGroup := strings.CutPrefix(name, groupOf)
			switch {
			case strings.HasPrefix(group, fleetMark): // no group of this system
			case isGroup:
				groups = append(groups, group)
			case name != anybody && name != oneself:
				users = append(users, name)
			}
		}
	}
	slices.Sort(users)
	slices.Sort(groups)
	return slices.Compact(users), slices.Compact(groups)
}

// rawRule is a [[rule]] as it is written.
type rawRule struct {
	From     []string `toml:"from"`
	To       []string `toml:"to"`
	Actions  []string `toml:"actions"`
	Sessions []string `toml:"sessions"`
	Allow    *bool    `toml:"allow"`
	Reason   string   `toml:"reason"`
	Urgent   bool     `toml:"urgent"`
}

// rule checks what is written. Left out: to is everybody, actions and sessions
// are all, allow is true. from has no default, because it is the one that must
// not be forgotten.
func (c *checker) rule(key string, raw rawRule) Rule {
	r := Rule{From: raw.From, To: raw.To, Sessions: raw.Sessions, Allow: raw.Allow == nil || *raw.Allow, Reason: raw.Reason, Urgent: raw.Urgent}
	if len(r.From) == 0 {
		c.wrong(key+".from", "is missing or empty", `names of users, @groups, @fleet:all, or "*" for anybody`)
	}
	if r.To == nil {
		r.To = []string{anybody}
	}
	for _, name := range r.From {
		isFleet := strings.HasPrefix(name, groupOf+fleetMark)
		c.name(key+".from", name, `names of users, @groups, @fleet:all, or "*" for anybody`, name != oneself && (!isFleet || name == groupOf+fleetMark+"all"))
	}
	for _, name := range r.To {
		c.name(key+".to", name, `names of users, @groups of this computer, "self", or "*" for everybody`, !strings.HasPrefix(name, groupOf+fleetMark))
	}
	for _, a := range raw.Actions {
		c.oneOf(key+".actions", a, string(ActionSend), string(ActionBroadcast), string(ActionQueue))
		r.Actions = append(r.Actions, Action(a))
	}
	for _, s := range raw.Sessions {
		c.oneOf(key+".sessions", s, string(msg.KindTerminal), string(msg.KindDesktop), consoleSessions)
	}
	if len(r.To) == 0 || raw.Actions != nil && len(raw.Actions) == 0 || raw.Sessions != nil && len(raw.Sessions) == 0 {
		c.wrong(key, "has an empty list, with which it never fits", "to leave the list out, which is all of them")
	}
	if r.Allow && r.Reason != "" || !r.Allow && r.Urgent {
		c.wrong(key, "has a reason but allows, or is urgent but does not allow", "reason with allow = false, urgent with allow = true")
	}
	return r
}

// name checks one name of an account or a group.
func (c *checker) name(key, name, allowed string, ok bool) {
	bare := strings.TrimPrefix(name, groupOf)
	if !ok || name != anybody && (bare == "" || strings.ContainsAny(bare, "*?") || strings.ContainsFunc(bare, unicode.IsControl)) {
		c.wrong(key, fmt.Sprintf("= %q", name), allowed)
	}
}

// fitsAll reports whether the rule leaves nothing for those behind it.
func (r Rule) fitsAll() bool {
	return len(r.Actions) == 0 && len(r.Sessions) == 0 && slices.Contains(r.From, anybody) && slices.Contains(r.To, anybody)
}
