//go:build !windows

package main

import (
	"errors"

	"msg/internal/cli"
)

// serviceCommands are those of Windows.
func serviceCommands() []command { return nil }

// hasService is whether serve knows --service.
const hasService = false

// serveService is never called: there is no such flag.
func (p program) serveService(options) int {
	return p.fail(cli.ExitFailed, errors.New("only Windows has services of that kind"))
}
