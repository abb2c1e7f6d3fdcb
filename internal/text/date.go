package text

import (
	"strings"
	"time"
)

// Locale is how a date and a time are written in one place of the world: the
// short forms of Unicode's CLDR, which are what Windows shows as well, but
// always with the whole year.
type Locale struct {
	layout string                 // for time.Time.Format
	format func(time.Time) string // instead, see LocaleBy
}

// Layouts of time.Format.
const (
	isoLayout = "2006-01-02 15:04"
	hour12    = " 3:04 PM"
	hour24    = " 15:04"
)

// layouts by language, and by language and territory where these differ.
var layouts = map[string]string{
	"en_US": "1/2/2006" + hour12, "en_CA": isoLayout, "en_AU": "2/01/2006" + hour12, "en_NZ": "2/01/2006" + hour12,
	"en_IN": "02/01/2006" + hour12, "en_ZA": "2006/01/02" + hour24, "en": "02/01/2006" + hour24,
	"de": "02.01.2006" + hour24, "fr": "02/01/2006" + hour24, "fr_CA": isoLayout, "fr_CH": "02.01.2006" + hour24,
	"es": "2/1/2006" + hour24, "es_MX": "02/01/2006" + hour24, "it": "02/01/2006" + hour24, "it_CH": "02.01.2006" + hour24,
	"pt": "02/01/2006" + hour24, "nl": "02-01-2006" + hour24, "nl_BE": "2/01/2006" + hour24,
	"sv": isoLayout, "lt": isoLayout, "da": "02.01.2006 15.04", "nb": "02.01.2006" + hour24, "no": "02.01.2006" + hour24,
	"fi": "2.1.2006 15.04", "is": "2.1.2006" + hour24, "et": "02.01.2006" + hour24, "lv": "02.01.2006" + hour24,
	"pl": "2.01.2006" + hour24, "cs": "02.01.2006 15:04", "sk": "2. 1. 2006 15:04", "sl": "2. 01. 2006 15:04",
	"hu": "2006. 01. 02. 15:04", "ro": "02.01.2006" + hour24, "bg": "2.01.2006" + hour24, "hr": "02. 01. 2006. 15:04",
	"ru": "02.01.2006" + hour24, "uk": "02.01.2006" + hour24, "el": "2/1/2006 3:04 PM", "tr": "2.01.2006" + hour24,
	"he": "2.1.2006" + hour24, "ja": "2006/01/02" + hour24, "zh": "2006/1/2" + hour24, "ko": "2006. 1. 2. 15:04",
}

// LocaleFor takes the value of LC_ALL, LC_TIME or LANG, such as
// "de_AT.UTF-8". C, POSIX and what is not known get ISO 8601.
func LocaleFor(name string) Locale {
	name, _, _ = strings.Cut(name, ".")
	name, _, _ = strings.Cut(name, "@")
	name = strings.ReplaceAll(name, "-", "_") // the form of Windows: de-AT
	if l, ok := layouts[name]; ok {
		return Locale{layout: l}
	}
	language, _, _ := strings.Cut(name, "_")
	if l, ok := layouts[language]; ok {
		return Locale{layout: l}
	}
	return Locale{layout: isoLayout}
}

// LocaleBy is a Locale whose dates and times somebody else writes: a system
// that knows what its user has set.
func LocaleBy(format func(time.Time) string) Locale { return Locale{format: format} }

// Format writes date and time.
func (l Locale) Format(t time.Time) string {
	if l.format != nil {
		return l.format(t)
	}
	if l.layout == "" {
		return t.Format(isoLayout)
	}
	return t.Format(l.layout)
}

// DefaultTitle is the title of a message that has none of its own.
func DefaultTitle(from string, sent time.Time, loc Locale) string {
	return "Message from " + Line(from) + " " + loc.Format(sent)
}

// Heading returns the title of a message and the line that names the sender. The
// latter is empty if the title is the usual one of this very sender, so that a
// title of the sender's choice can never hide who it is. Without a title it has
// the usual one; again says that it may have been shown before.
func Heading(title, from string, sent time.Time, again bool, loc Locale) (heading, by string) {
	title, from = Line(title), Line(from)
	if title == "" {
		title = DefaultTitle(from, sent, loc)
	}
	by = "from " + from + ", " + loc.Format(sent)
	if strings.HasPrefix(title, "Message from "+from+" ") {
		by = ""
	}
	if again {
		title += " (shown again)"
	}
	return title, by
}

// summaryWidth is how many columns of a title desktops show for sure: GNOME and
// Xfce cut one of 36 off.
const summaryWidth = 32

// Summary is Heading for notifications of desktops, which cut off a long title
// and show one line of it. So the usual one ends with the sender here, and all
// that would be cut off, who it is not the least, is in the other line.
func Summary(title, from string, sent time.Time, again bool, loc Locale) (summary, by string) {
	title, from = Line(title), Line(from)
	by = "from " + from + ", " + loc.Format(sent)
	if title == "" {
		title = "Message from " + from
		if Width(title) <= summaryWidth {
			by = loc.Format(sent)
		}
	}
	if again {
		by += " (shown again)"
	}
	return title, by
}
