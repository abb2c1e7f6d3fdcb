package fleet

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Hosts says which members are meant: "*", "tag:lab", "lab-*" and "lab-07",
// side by side.
type Hosts []string

// tagMark is in front of a tag.
const tagMark = "tag:"

// maxHosts is how many selectors one message may have.
const maxHosts = 10_000

// ParseHosts reads selectors as somebody has written them.
func ParseHosts(list []string) (Hosts, error) {
	var h Hosts
	for _, s := range list {
		s = strings.ToLower(strings.TrimSpace(s))
		if err := checkSelector(s); err != nil {
			return nil, err
		}
		if !slices.Contains(h, s) {
			h = append(h, s)
		}
	}
	if len(h) == 0 {
		return nil, fmt.Errorf("no host is named")
	}
	return h, h.check()
}

func (h Hosts) check() error {
	if len(h) == 0 || len(h) > maxHosts {
		return fmt.Errorf("there are %d hosts in the list, 1 to %d are allowed", len(h), maxHosts)
	}
	for _, s := range h {
		if err := checkSelector(s); err != nil {
			return err
		}
	}
	return nil
}

func checkSelector(s string) error {
	tag, isTag := strings.CutPrefix(s, tagMark)
	switch {
	case isTag && tag == "":
		return fmt.Errorf("%q names no tag: write, for example, %slab", s, tagMark)
	case isTag:
		return CheckName(tag)
	}
	return CheckName(strings.NewReplacer("*", "x", "?", "x").Replace(s))
}

// isPattern reports whether a selector can mean several members.
func isPattern(s string) bool {
	return strings.HasPrefix(s, tagMark) || strings.ContainsAny(s, "*?")
}

// fits reports whether one selector means a member.
func fits(selector, name string, tags []string) bool {
	if tag, ok := strings.CutPrefix(selector, tagMark); ok {
		return slices.Contains(tags, tag)
	}
	ok, err := path.Match(selector, name) // names and selectors have no / [ or \
	return ok && err == nil
}

// Match reports whether a member is meant.
func (h Hosts) Match(name string, tags []string) bool {
	return slices.ContainsFunc(h, func(s string) bool { return fits(s, name, tags) })
}

// IsFleet reports whether what stands behind /server: can only mean members of
// a fleet, and returns it without its scheme.
func IsFleet(server string) (selector string, ok bool) {
	const scheme = "fleet://"
	if len(server) >= len(scheme) && strings.EqualFold(server[:len(scheme)], scheme) {
		return strings.TrimSuffix(server[len(scheme):], "/"), true
	}
	return server, isPattern(strings.ToLower(server))
}

// String joins the selectors.
func (h Hosts) String() string { return strings.Join(h, ",") }
