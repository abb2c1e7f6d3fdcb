package ssh

import (
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for written, want := range map[string]Host{
		"web1":                 {Name: "web1"},
		"web1.example.org":     {Name: "web1.example.org"},
		"web1:2222":            {Name: "web1", Port: "2222"},
		"bob@web1":             {User: "bob", Name: "web1"},
		"bob@corp@web1:22":     {User: "bob@corp", Name: "web1", Port: "22"},
		`CORP\bob@web1`:        {User: `CORP\bob`, Name: "web1"},
		"10.0.0.1:22":          {Name: "10.0.0.1", Port: "22"},
		"::1":                  {Name: "::1"},
		"[::1]":                {Name: "::1"},
		"[fe80::1%eth0]:22":    {Name: "fe80::1%eth0", Port: "22"},
		"jürgen@xn--bcher-kva": {User: "jürgen", Name: "xn--bcher-kva"},
	} {
		if got, err := Parse(written); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", written, got, err, want)
		}
	}
	for _, written := range []string{
		"", "@", "bob@", "@web1", ":22", "web1:", "web1:0", "web1:65536", "web1:http", "web1:-1",
		"-oProxyCommand=evil", "-oProxyCommand=evil@web1", "bob@-oProxyCommand=evil", "[-oProxyCommand]:22",
		"web1;evil", "$(evil)", "`evil`@web1", "we b1", "web1\n", "web1'", "a|b", "bücher.example", "web1/x", "web1\x00", "\xff",
	} {
		if got, err := Parse(written); err == nil {
			t.Errorf("%q is taken for %+v", written, got)
		}
	}
}

// FuzzParse holds that nothing in a name can be an option or mean something to
// a shell.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"web1", "bob@web1:22", "[::1]:22", "-o", `a\b@c`, "$(x)@y", "[-x]:1", "a@b@c", "%"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := Parse(s)
		if err != nil {
			return
		}
		args := h.args(false)
		end := slices.Index(args, "--")
		if !slices.Equal(args[end+1:], []string{h.Name, "msgd", "relay"}) {
			t.Fatalf("%q: %q", s, args)
		}
		for _, word := range []string{h.Name, h.User, h.Port} {
			if strings.HasPrefix(word, "-") || strings.ContainsAny(word, " \t\r\n\x00;|&$`'\"<>(){}*?!~#") {
				t.Fatalf("%q has the part %q", s, word)
			}
		}
	})
}

func TestArgs(t *testing.T) {
	h := Host{User: "bob", Name: "web1", Port: "2222"}
	line := strings.Join(h.args(true), " ")
	if !strings.HasSuffix(line, " -p 2222 -l bob -- web1 msgd relay") || strings.Contains(line, "BatchMode") {
		t.Errorf("one that may ask: %s", line)
	}
	if line := strings.Join(h.args(false), " "); !strings.Contains(line, "-o BatchMode=yes ") {
		t.Errorf("one that must not ask: %s", line)
	}
}
