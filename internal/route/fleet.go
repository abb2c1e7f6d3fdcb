package route

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"msg"
	"msg/internal/control"
	"msg/internal/hostname"
	"msg/internal/text"
)

// fleetScheme is in front of members that are called so.
const fleetScheme = "fleet://"

// IsPattern reports whether what stands behind /server: can mean several
// members of a fleet: *, tag:lab, lab-*.
func IsPattern(host string) bool {
	host, _ = cutFleet(host)
	return strings.ContainsAny(host, "*?") || len(host) >= 4 && strings.EqualFold(host[:4], "tag:")
}

// cutFleet takes fleet:// off.
func cutFleet(host string) (rest string, found bool) {
	if len(host) > len(fleetScheme) && strings.EqualFold(host[:len(fleetScheme)], fleetScheme) {
		return strings.TrimSuffix(host[len(fleetScheme):], "/"), true
	}
	return host, false
}

// memberTime bounds the question which names are members: other ways are there
// as well. It is more than the hub takes that waits in vain for the leaf hub of a
// site, whose link was cut without a word: that is no reason not to know the rest.
const memberTime = 4 * time.Second

// Split finds the hosts that are reached by the fleet of this computer: those
// that say so or are a pattern, and plain names of members, if whoever asks may
// send to them. The others go their own ways.
func (r Router) Split(ctx context.Context, hosts []string) (members, others []string) {
	var plain []string
	for _, h := range hosts {
		name, forced := cutFleet(h)
		switch {
		case forced || IsPattern(h):
			members = append(members, name)
		case !hostname.IsLocal(h) && !strings.ContainsAny(h, `:\/@ `):
			plain = append(plain, strings.ToLower(h)) // as members are called
		}
	}
	known := r.membersAmong(ctx, plain)
	for _, h := range hosts {
		_, forced := cutFleet(h)
		switch {
		case forced || IsPattern(h):
		case known[strings.ToLower(h)]:
			members = append(members, strings.ToLower(h))
		default:
			others = append(others, h)
		}
	}
	return members, others
}

func (r Router) membersAmong(ctx context.Context, names []string) map[string]bool {
	if len(names) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, memberTime)
	defer cancel()
	list, err := control.NewClient(control.DialLocal(r.Socket), "").Members(ctx, names)
	known := map[string]bool{}
	if err == nil { // else there is no fleet here, or it is not for this user
		for _, m := range list {
			known[m.Name] = true
		}
	}
	return known
}

// noFleet is why a name does not go by the fleet: that it is no member of it, or
// that the fleet of this computer cannot, or may not, be asked.
func (r Router) noFleet(ctx context.Context, name string) string {
	if r.Socket == "" { // where there is no msgd at all
		return notMember
	}
	ctx, cancel := context.WithTimeout(ctx, memberTime)
	defer cancel()
	_, err := control.NewClient(control.DialLocal(r.Socket), "").Members(ctx, []string{strings.ToLower(name)})
	if err == nil || errors.Is(err, control.ErrNoDaemon) || errors.Is(err, errors.ErrUnsupported) {
		return notMember // the last is of a computer that is in no fleet
	}
	return text.Line(err.Error())
}

// Fleet is the way to members of the fleet, all of them in one message. reach,
// which may be nil, is told how far that is.
func (r Router) Fleet(members []string, reach func(msg.Reach)) *Computer {
	c := r.here()
	c.By, c.Why = "the fleet", "it names members"
	c.members, c.reach = slices.Clone(members), reach
	return c
}

// Members lists the members of the fleet that these names and patterns mean,
// or all.
func (r Router) Members(ctx context.Context, hosts []string) ([]msg.Member, error) {
	list, err := control.NewClient(control.DialLocal(r.Socket), "").Members(ctx, hosts)
	return list, needsDaemon(err)
}

// needsDaemon says what needs the msgd that is not running.
func needsDaemon(err error) error {
	if errors.Is(err, control.ErrNoDaemon) {
		return fmt.Errorf("a fleet is reached by the msgd of this computer: %w", err)
	}
	return err
}

// toFleet sends to members. What was sent goes on when ctx ends.
func (c *Computer) toFleet(ctx context.Context, t msg.Target, m msg.Message, report func(msg.Receipt)) error {
	return needsDaemon(c.Client.SendTo(ctx, c.members, t, m, report, c.reach))
}

// errNoFleetMessages is for the question what a fleet was sent.
const errNoFleetMessages = msg.UnsupportedError("messages to a fleet are known to the computer that has sent them: query message, without /server")
