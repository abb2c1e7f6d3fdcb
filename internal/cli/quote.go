package cli

import (
	"strconv"
	"strings"

	"msg/internal/text"
)

// quote shows a word that somebody typed in an error.
func quote(s string) string {
	return `"` + text.Cut(text.Line(s), 60) + `"`
}

// shellQuote writes a word so that a Unix shell gives it back unchanged.
// Words that would not be plain text are shown, not to be pasted.
func shellQuote(s string) string {
	if s != "" && !strings.ContainsFunc(s, isShellSpecial) {
		return s
	}
	if text.Plain(s) != s {
		return strconv.QuoteToASCII(s)
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func isShellSpecial(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("!\"#$&'()*;<>?[\\]^`{|}~=", r)
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
