//go:build !windows

package main

import (
	"fmt"

	"msg/internal/host"
)

// surroundings are the variables that say how dates are written.
func surroundings(env func(string) string) []host.Finding {
	found := ""
	for _, name := range []string{"LC_ALL", "LC_TIME", "LANG"} {
		value := env(name)
		if len(value) > maxLocale {
			value = "(too long)"
		}
		found += fmt.Sprintf("%s=%q ", name, value)
	}
	return []host.Finding{{About: "locale", Found: found[:len(found)-1]}}
}
