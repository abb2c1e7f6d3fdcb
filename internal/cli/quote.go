package cli

import (
	"runtime"
	"strconv"
	"strings"

	"msg/internal/text"
)

// quote shows a word that somebody typed in an error.
func quote(s string) string {
	return `"` + text.Cut(text.Line(s), 60) + `"`
}

// onWindows says which shells are those of this system.
const onWindows = runtime.GOOS == "windows"

// shellQuote writes a word so that a shell of this system gives it back
// unchanged. Words that would not be plain text are shown, not to be pasted.
func shellQuote(s string) string { return quoteFor(onWindows, s) }

func quoteFor(windows bool, s string) string {
	special := isShellSpecial
	if windows {
		special = isWindowsSpecial
	}
	switch {
	case s != "" && !strings.ContainsFunc(s, special):
		return s
	case text.Plain(s) != s:
		return strconv.QuoteToASCII(s)
	case windows: // for cmd and PowerShell; neither of them puts names in the place of a star
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func isShellSpecial(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("!\"#$&'()*;<>?[\\]^`{|}~=", r)
}

func isWindowsSpecial(r rune) bool {
	return r <= ' ' || r == 0x7f || strings.ContainsRune("\"#$%&'()+,;<>@^`{|}", r)
}

// shellJoin quotes words that need it and joins them.
func shellJoin(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = shellQuote(w)
	}
	return strings.Join(quoted, " ")
}

func quoteStar() string { return shellQuote("*") }
