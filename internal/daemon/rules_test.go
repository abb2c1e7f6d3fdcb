package daemon

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"msg"
)

// rules reads the rules of a configuration.
func rules(t *testing.T, content string) Rules {
	t.Helper()
	c, err := ReadConfig("msgd.toml", []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return c.Rules
}

func inTestGroup(user, group string) (bool, error) {
	return slices.Contains(principal(user).Groups, group), nil
}

// TestRules asks rules on behalf of some about the sessions of others. What is
// allowed is written "user", what goes through a do-not-disturb as well
// "user!".
func TestRules(t *testing.T) {
	for _, c := range []struct {
		name, rules string
		from        string
		action      Action
		want        string // of alice, bob, root, zoe
	}{
		{"defaults", "", "alice", ActionSend, "alice"},
		{"defaults, broadcast", "", "alice", ActionBroadcast, "alice"},
		{"defaults, group msg", "", "zoe", ActionBroadcast, "alice bob root zoe"},
		{"defaults, root", "", "root", ActionSend, "alice bob root zoe"},
		{"the first that fits", "[[rule]]\nfrom=['alice']\nto=['bob']\nallow=false\n[[rule]]\nfrom=['*']\n", "alice", ActionSend, "alice root zoe"},
		{"the first that fits, other way round", "[[rule]]\nfrom=['*']\n[[rule]]\nfrom=['alice']\nto=['bob']\nallow=false\n", "alice", ActionSend, "alice bob root zoe"},
		{"no rule fits", "[[rule]]\nfrom=['zoe']\n", "alice", ActionSend, ""},
		{"the defaults are replaced", "[[rule]]\nfrom=['root']\n", "zoe", ActionSend, ""},
		{"groups of the sender", "[[rule]]\nfrom=['@adm']\n", "bob", ActionSend, "alice bob root zoe"},
		{"groups of the person", "[[rule]]\nfrom=['*']\nto=['@adm','@msg']\n", "alice", ActionSend, "bob zoe"},
		{"a group is no user", "[[rule]]\nfrom=['adm']\nto=['*']\n", "bob", ActionSend, ""},
		{"actions", "[[rule]]\nfrom=['*']\nactions=['send']\n", "alice", ActionBroadcast, ""},
		{"actions that fit", "[[rule]]\nfrom=['*']\nactions=['send','queue']\n", "alice", ActionQueue, "alice bob root zoe"},
		{"sessions", "[[rule]]\nfrom=['*']\nsessions=['desktop']\n", "alice", ActionSend, ""},
		{"sessions that fit", "[[rule]]\nfrom=['*']\nsessions=['desktop','terminal']\n", "alice", ActionSend, "alice bob root zoe"},
		{"urgent", "[[rule]]\nfrom=['@adm']\nto=['alice']\nurgent=true\n[[rule]]\nfrom=['*']\n", "bob", ActionSend, "alice! bob root zoe"},
		{"nothing forbids root", "[[rule]]\nfrom=['*']\nallow=false\n", "root", ActionSend, "alice bob root zoe"},
		{"root can be urgent", "[[rule]]\nfrom=['*']\nto=['bob']\nallow=false\n[[rule]]\nfrom=['root']\nurgent=true\n", "root", ActionSend, "alice! bob! root! zoe!"},
		{"self", "[[rule]]\nfrom=['@adm']\nto=['self','alice']\n", "bob", ActionSend, "alice bob"},
	} {
		list, got := rules(t, c.rules), []string{}
		for _, user := range []string{"alice", "bob", "root", "zoe"} {
			v := list.Judge(principal(c.from), c.action, seat("1", user).Session, inTestGroup)
			if v.Allow == (v.Reason != "") || v.Urgent && !v.Allow {
				t.Errorf("%s: %+v", c.name, v)
			}
			if v.Urgent {
				user += "!"
			}
			if v.Allow {
				got = append(got, user)
			}
		}
		want(t, c.name, strings.Join(got, " "), c.want)
	}
}

func TestRuleSessions(t *testing.T) {
	list := rules(t, "[[rule]]\nfrom=['*']\nsessions=['console']\n")
	s := seat("1", "bob").Session
	for _, console := range []bool{true, false} {
		s.Console = console
		if list.Judge(principal("alice"), ActionSend, s, inTestGroup).Allow != console {
			t.Errorf("at the console: %v", console)
		}
	}
	if list.Judge(principal("alice"), ActionQueue, msg.Session{User: "bob"}, inTestGroup).Allow {
		t.Error("somebody who is not signed in is at the console")
	}
}

// TestRuleNames: Windows tells capitals and small letters not apart, Linux does.
func TestRuleNames(t *testing.T) {
	list := rules(t, "[[rule]]\nfrom=['*']\nto=['corp\\Bob', 'alice']\n")
	for user, allowed := range map[string]bool{`CORP\bob`: true, `CORP\bobby`: false, `PC\bob`: false, "bob": false, "alice": true, "Alice": false} {
		if v := list.Judge(principal("zoe"), ActionSend, msg.Session{User: user}, inTestGroup); v.Allow != allowed {
			t.Errorf("to %s: %v, want %v", user, v.Allow, allowed)
		}
	}
}

// TestUnsure: while nobody can tell who is in a group, rules about it allow
// nothing, and forbid what they forbid.
func TestUnsure(t *testing.T) {
	away := func(string, string) (bool, error) { return false, errors.New("the directory is away") }
	unsure, bob := principal("alice"), seat("1", "bob").Session
	unsure.Unsure = []string{"students"}
	denied := principal("alice")
	denied.Denied = []string{"students"}
	const forFrom, forTo, rest = "[[rule]]\nfrom=['@students']\nallow=", "[[rule]]\nfrom=['*']\nto=['@students']\nallow=", "\n[[rule]]\nfrom=['*']\nto=['bob']\nsessions=['terminal']\n"
	const later = "a rule of msgd.toml forbids it to a group, and who is in that cannot be told now; try again later"
	for _, c := range []struct {
		name, rules string
		from        msg.Principal
		in          inGroup
		allow       bool
		reason      string
	}{
		{"forbidden to a sender, who may be in it", forFrom + "false" + rest, unsure, inTestGroup, false, later},
		{"forbidden to a sender, who is not in it", forFrom + "false" + rest, principal("alice"), inTestGroup, true, ""},
		{"allowed to a sender, who may be in it", forFrom + "true", unsure, inTestGroup, false, "no rule lets alice do this; ask an administrator (msgd.toml)"},
		{"forbidden towards somebody, who may be in it", forTo + "false" + rest, principal("alice"), away, false, later},
		{"forbidden towards somebody, who is not in it", forTo + "false" + rest, principal("alice"), inTestGroup, true, ""},
		{"allowed towards somebody, who may be in it", forTo + "true", principal("alice"), away, false, "no rule lets alice do this; ask an administrator (msgd.toml)"},
		{"forbidden to a sender, who has it for that only", forFrom + "false" + rest, denied, inTestGroup, false, "a rule of msgd.toml forbids it"},
		{"allowed to a sender, who has it for denials only", forFrom + "true", denied, inTestGroup, false, "no rule lets alice do this; ask an administrator (msgd.toml)"},
		{"root", forTo + "false", principal("root"), away, true, ""},
	} {
		v := rules(t, c.rules).Judge(c.from, ActionSend, bob, c.in)
		if v.Allow != c.allow || v.Reason != c.reason {
			t.Errorf("%s: %+v", c.name, v)
		}
	}
}

func TestReasons(t *testing.T) {
	bob := seat("1", "bob").Session
	for name, c := range map[string]struct{ rules, want string }{
		"defaults":       {"", "alice is not in group msg and may send to their own sessions only; ask an administrator (msgd.toml)"},
		"the rule's own": {"[[rule]]\nfrom=['*']\nallow=false\nreason='not today'\n", "not today"},
		"a rule without": {"[[rule]]\nfrom=['*']\nallow=false\n", "a rule of msgd.toml forbids it"},
		"no rule":        {"[[rule]]\nfrom=['root']\n", "no rule lets alice do this; ask an administrator (msgd.toml)"},
	} {
		want(t, name, rules(t, c.rules).Judge(principal("alice"), ActionSend, bob, inTestGroup).Reason, c.want)
	}
}
