//go:build !windows

package console

import (
	"io"
	"os"

	"msg/internal/text"
)

// Output is f: a terminal and a file take UTF-8.
func Output(f *os.File, utf8 bool) io.Writer { return f }

// Input is b, which was read from f.
func Input(f *os.File, b []byte, utf8 bool) []byte { return b }

// Locale returns name, the environment's locale, and how it writes dates.
func Locale(name string) (string, text.Locale) { return name, text.LocaleFor(name) }
