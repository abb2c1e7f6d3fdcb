// Package hostname tells whether a name or address, as given to /server, is
// the computer that this process runs on. It asks the system and nothing on
// the network, so it neither waits nor tells anybody what is being done.
package hostname

import (
	"net"
	"os"
	"strings"
)

// IsLocal reports whether name is this computer: ".", localhost, one of its
// own names with or without the domain, or one of its own addresses. Windows'
// \\NAME is understood.
func IsLocal(name string) bool {
	name = strings.TrimPrefix(name, `\\`)
	switch strings.ToLower(name) {
	case ".", "localhost", "localhost.localdomain", "localhost6":
		return true
	}
	own, err := os.Hostname()
	if err == nil && same(name, own) {
		return true
	}
	ip := net.ParseIP(strings.Trim(name, "[]"))
	return ip != nil && (ip.IsLoopback() || isOwn(ip))
}

// same compares host names; one of them may lack the domain.
func same(a, b string) bool {
	a, b = strings.TrimSuffix(strings.ToLower(a), "."), strings.TrimSuffix(strings.ToLower(b), ".")
	shortA, _, longA := strings.Cut(a, ".")
	shortB, _, longB := strings.Cut(b, ".")
	return a == b || shortA == shortB && longA != longB
}

func isOwn(ip net.IP) bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.Equal(ip) {
			return true
		}
	}
	return false
}

// Distinct leaves out hosts that were named before, so that nobody gets a
// message twice. All names of this computer are one.
func Distinct(hosts []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, h := range hosts {
		key := strings.ToLower(h)
		if IsLocal(h) {
			key = "."
		}
		if !seen[key] {
			seen[key] = true
			out = append(out, h)
		}
	}
	return out
}
