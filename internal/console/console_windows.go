package console

import (
	"io"
	"os"
	"time"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"

	"msg/internal/text"
)

// What x/sys does not have of these.
var (
	kernel32             = windows.NewLazySystemDLL("kernel32.dll")
	wideCharToMultiByte  = kernel32.NewProc("WideCharToMultiByte")
	getUserDefaultLocale = kernel32.NewProc("GetUserDefaultLocaleName")
	getDateFormat        = kernel32.NewProc("GetDateFormatEx")
	getTimeFormat        = kernel32.NewProc("GetTimeFormatEx")
)

// Sizes of buffers in UTF-16 units.
const (
	maxLocaleName = 85  // LOCALE_NAME_MAX_LENGTH
	maxFormatted  = 128 // longer than any format of a date
)

// Code pages, and flags of the functions (winnls.h).
const (
	codePageOEM  = 1
	codePageUTF8 = 65001

	noBestFit = 0x400 // WC_NO_BEST_FIT_CHARS
	shortDate = 1     // DATE_SHORTDATE
	noSeconds = 2     // TIME_NOSECONDS
)

func isConsole(f *os.File) bool {
	var mode uint32
	return windows.GetConsoleMode(windows.Handle(f.Fd()), &mode) == nil
}

// Output is where to write what goes to f: to a console as it is, because Go
// writes UTF-16 there; to a file or a pipe in the code page of the console,
// without one in that of the system (OEM), or with utf8 in UTF-8.
func Output(f *os.File, utf8 bool) io.Writer {
	if isConsole(f) {
		return f
	}
	page, err := windows.GetConsoleOutputCP()
	if err != nil || page == 0 {
		page = codePageOEM
	}
	if utf8 || page == codePageUTF8 {
		return writer{f, func(s string) []byte { return []byte(s) }}
	}
	return writer{f, func(s string) []byte { return harmless(encode(s, page)) }}
}

// Input makes UTF-8 of b, which was read from f: Go has done so if that is a
// console; a file or a pipe is in the code page for the input of the console,
// without one in that of the system (OEM), or with utf8 in UTF-8.
func Input(f *os.File, b []byte, utf8 bool) []byte {
	if isConsole(f) {
		return b
	}
	page, err := windows.GetConsoleCP()
	if err != nil || page == 0 {
		page = codePageOEM
	}
	if utf8 || page == codePageUTF8 {
		return b
	}
	return decodeInput(b, func(b []byte) string { return decode(b, page) })
}

// encode writes s in a code page.
func encode(s string, page uint32) []byte {
	u := utf16.Encode([]rune(s))
	if len(u) == 0 {
		return nil
	}
	out := make([]byte, 4*len(u))
	n, _, _ := wideCharToMultiByte.Call(uintptr(page), noBestFit, uintptr(unsafe.Pointer(&u[0])), uintptr(len(u)),
		uintptr(unsafe.Pointer(&out[0])), uintptr(len(out)), 0, 0)
	if n == 0 { // a code page that is not installed, or takes no flags
		return ascii(s)
	}
	return out[:n]
}

// decode reads b in a code page.
func decode(b []byte, page uint32) string {
	if len(b) == 0 {
		return ""
	}
	u := make([]uint16, len(b))
	n, err := windows.MultiByteToWideChar(page, 0, &b[0], int32(len(b)), &u[0], int32(len(u)))
	if err != nil {
		return string(b)
	}
	return string(utf16.Decode(u[:n]))
}

// Locale returns the name of the user's locale, such as de-AT, and how that
// user writes dates; the environment's name counts for nothing here.
func Locale(string) (string, text.Locale) {
	name := make([]uint16, maxLocaleName)
	_, _, _ = getUserDefaultLocale.Call(uintptr(unsafe.Pointer(&name[0])), uintptr(len(name)))
	return windows.UTF16ToString(name), text.LocaleBy(formatDate)
}

// formatDate writes date and time as the user has set it. Without an answer
// from Windows it is ISO 8601.
func formatDate(t time.Time) string {
	c := windows.Systemtime{
		Year: uint16(t.Year()), Month: uint16(t.Month()), Day: uint16(t.Day()), DayOfWeek: uint16(t.Weekday()),
		Hour: uint16(t.Hour()), Minute: uint16(t.Minute()), Second: uint16(t.Second()),
	}
	day, clock := make([]uint16, maxFormatted), make([]uint16, maxFormatted)
	d, _, _ := getDateFormat.Call(0, shortDate, uintptr(unsafe.Pointer(&c)), 0, uintptr(unsafe.Pointer(&day[0])), uintptr(len(day)), 0)
	h, _, _ := getTimeFormat.Call(0, noSeconds, uintptr(unsafe.Pointer(&c)), 0, uintptr(unsafe.Pointer(&clock[0])), uintptr(len(clock)))
	if d == 0 || h == 0 {
		return text.Locale{}.Format(t)
	}
	return date(windows.UTF16ToString(day), windows.UTF16ToString(clock))
}
