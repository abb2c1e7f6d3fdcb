package main

import (
	"fmt"

	"golang.org/x/sys/windows"

	"msg/internal/console"
	"msg/internal/host"
)

var getOEMCP = windows.NewLazySystemDLL("kernel32.dll").NewProc("GetOEMCP")

// surroundings are the user's locale and the code pages that text is read and
// written in.
func surroundings(func(string) string) []host.Finding {
	oem, _, _ := getOEMCP.Call()
	locale, _ := console.Locale("")
	return []host.Finding{
		{About: "locale", Found: locale},
		{About: "code pages", Found: fmt.Sprintf("ANSI %d, OEM %d, console input %s, console output %s",
			windows.GetACP(), uint32(oem), codePage(windows.GetConsoleCP()), codePage(windows.GetConsoleOutputCP()))},
	}
}

// codePage shows a code page as the console has it.
func codePage(n uint32, err error) string {
	if err != nil || n == 0 {
		return "none"
	}
	return fmt.Sprint(n)
}
