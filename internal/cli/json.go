package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"

	"msg/internal/text"
)

// JSONLine writes v as one line of JSON that is also safe on a terminal: what
// cannot be shown as plain text is escaped, not only what JSON asks for.
func JSONLine(v any) (string, error) {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", fmt.Errorf("writing JSON: %w", err)
	}
	line := strings.TrimSuffix(b.String(), "\n")
	if !strings.ContainsFunc(line, hidden) {
		return line + "\n", nil
	}
	b.Reset()
	for _, r := range line {
		if !hidden(r) {
			b.WriteRune(r)
			continue
		}
		for _, u := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, `\u%04x`, u)
		}
	}
	return b.String() + "\n", nil
}

// hidden reports whether r would not be shown as itself.
func hidden(r rune) bool { return r > 0x7e && text.Plain(string(r)) != string(r) }
