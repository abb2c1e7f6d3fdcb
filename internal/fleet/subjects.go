package fleet

import (
	"fmt"
	"strings"
)

// Subjects. The sender and the host are tokens of them, and the hub lets each
// member use its own only.
//
//	msg.v1.cmd.SENDER.all | .tag.TAG | .host.SITE.HOST   a message; kept in stream MSG
//	msg.v1.ask.SENDER. the same                          a question; not kept
//	msg.v1.ack.SENDER.ID.SITE.HOST                       what came of it
//	msg.v1.rpc.VERB.HOST                                 a member asks the hub
//	msg.v1.admin.VERB                                    an administrator asks the hub
//	msg.v1.revoked                                       the hub tells of a new list
//	msg.v1.audit.>                                       stream AUDIT
//	msg.v1.kept.SENDER.ID                                a message that came from another hub's store; in stream MSG
const (
	prefix         = "msg.v1."
	subjectRevoked = prefix + "revoked"
	subjectAudit   = prefix + "audit."
	subjectKept    = prefix + "kept."

	// site is where the members of the main hub are. Those of a leaf hub have
	// its site, so that the leaf can take what is for them.
	site = "office"
)

// token writes a name as one token of a subject: other bytes than letters,
// digits, - and _ are =XX.
func token(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; plainByte(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return b.String()
}

func plainByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// untoken reads what token wrote, and nothing else: a name has one spelling.
func untoken(t string) (string, bool) {
	var b []byte
	for i := 0; i < len(t); i++ {
		if t[i] != '=' {
			b = append(b, t[i])
			continue
		}
		var c byte
		if i+3 > len(t) {
			return "", false
		}
		if _, err := fmt.Sscanf(t[i+1:i+3], "%02X", &c); err != nil {
			return "", false
		}
		b = append(b, c)
		i += 2
	}
	name := string(b)
	return name, name != "" && token(name) == t
}

// The kinds of a command's subject.
const (
	kindSend = "cmd"
	kindAsk  = "ask"
)

func subjectAll(kind, sender string) string { return prefix + kind + "." + token(sender) + ".all" }

func subjectTag(kind, sender, tag string) string {
	return prefix + kind + "." + token(sender) + ".tag." + token(tag)
}

// subjectHost is that of a member of the main hub.
func subjectHost(kind, sender, host string) string { return subjectHostAt(kind, sender, site, host) }

func subjectHostAt(kind, sender, site, host string) string {
	return prefix + kind + "." + token(sender) + ".host." + token(site) + "." + token(host)
}

// subjectAck is that of a member of the main hub.
func subjectAck(sender, id, host string) string { return subjectAckAt(sender, id, site, host) }

func subjectAckAt(sender, id, site, host string) string {
	return prefix + "ack." + token(sender) + "." + id + "." + token(site) + "." + token(host)
}

func subjectRPC(verb, host string) string { return prefix + "rpc." + verb + "." + token(host) }

// inboxOf is where the answers to a member's own questions go.
func inboxOf(name string) string { return "_INBOX." + token(name) }

// subjectPoke tells a member that its rights are others now.
func subjectPoke(name string) string { return inboxOf(name) + ".poke" }

// address is the subject of a command, taken apart.
type address struct {
	kind, sender string
	tag, host    string // both empty: to all
	site         string // of the host
}

// parseAddress reads the subject of a command.
func parseAddress(subject string) (a address, ok bool) {
	rest, ok := strings.CutPrefix(subject, prefix)
	parts := strings.Split(rest, ".")
	if !ok || len(parts) < 3 || parts[0] != kindSend && parts[0] != kindAsk {
		return a, false
	}
	a.kind = parts[0]
	if a.sender, ok = untoken(parts[1]); !ok {
		return a, false
	}
	switch {
	case parts[2] == "all" && len(parts) == 3:
		return a, true
	case parts[2] == "tag" && len(parts) == 4:
		a.tag, ok = untoken(parts[3])
		return a, ok
	case parts[2] == "host" && len(parts) == 5:
		var there bool
		a.site, there = untoken(parts[3])
		a.host, ok = untoken(parts[4])
		return a, ok && there
	}
	return a, false
}

// parseAck reads the subject of a report.
func parseAck(subject string) (sender, id, host string, ok bool) {
	rest, ok := strings.CutPrefix(subject, prefix+"ack.")
	parts := strings.Split(rest, ".")
	if !ok || len(parts) != 4 {
		return "", "", "", false
	}
	sender, ok1 := untoken(parts[0])
	host, ok2 := untoken(parts[3])
	_, ok3 := untoken(parts[2])
	return sender, parts[1], host, ok1 && ok2 && ok3
}

// siteOfAck is the site that a report is from; the subject is one that parseAck
// has read.
func siteOfAck(subject string) string {
	site, _ := untoken(strings.Split(subject, ".")[5])
	return site
}
