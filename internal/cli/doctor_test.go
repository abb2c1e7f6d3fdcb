package cli

import (
	"strings"
	"testing"
)

func TestAnonymous(t *testing.T) {
	hide := Anonymous([]string{"bob", `CORP\alice`, "bobby", "root", "web1", "", "Łukasz"})
	for s, want := range map[string]string{
		"bob":                               "<name>",
		"stat /home/bob/x: denied":          "stat /home/<name>/x: denied",
		"bob,bob bob":                       "<name>,<name> <name>",
		"bobby and bob, not bobs or kabob":  "<name> and <name>, not bobs or kabob",
		`CORP\alice on web1, not on web12`:  `<name>\<name> on <name>, not on web12`,
		"root reaches Łukasz, ŁukaszŁukasz": "root reaches <name>, ŁukaszŁukasz",
		"":                                  "",
	} {
		if got := hide(s); got != want {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
	}
}

func TestFindingLine(t *testing.T) {
	line := FindingLine("logind\x1b[2J", "two\nlines \u202e")
	if strings.ContainsAny(line, "\x1b\n\u202e") {
		t.Errorf("%q can do something", line)
	}
	if line := FindingLine("tmux", "3.3a"); line != "tmux            3.3a" {
		t.Errorf("%q", line)
	}
}
