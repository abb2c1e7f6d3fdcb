package main

import (
	"testing"

	"msg/internal/cli"
	"msg/internal/hosttest"
)

// TestDocumentedExamples parses what the help, the README and the man page show.
func TestDocumentedExamples(t *testing.T) {
	documents := []string{"../../README.md", "../../doc/fleet.md", "../../doc/query.1.scd"}
	hosttest.CheckExamples(t, cli.Help("query"), documents, func(words []string) error {
		_, err := cli.ParseQuery(words[0], words[1:])
		return err
	}, "query", "qwinsta", "quser")
}
