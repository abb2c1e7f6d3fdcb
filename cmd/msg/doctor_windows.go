package main

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"

	"msg/internal/host"
)

var (
	kernel32                  = windows.NewLazySystemDLL("kernel32.dll")
	procGetOEMCP              = kernel32.NewProc("GetOEMCP")
	procGetUserDefaultLocName = kernel32.NewProc("GetUserDefaultLocaleName")
)

// surroundings are the user's locale and the code pages that text is read and
// written in.
func surroundings(func(string) string) []host.Finding {
	oem, _, _ := procGetOEMCP.Call()
	return []host.Finding{
		{About: "locale", Found: localeName()},
		{About: "code pages", Found: fmt.Sprintf("ANSI %d, OEM %d, console input %s, console output %s",
			windows.GetACP(), uint32(oem), codePage(windows.GetConsoleCP()), codePage(windows.GetConsoleOutputCP()))},
	}
}

func localeName() string {
	var name [85]uint16 // LOCALE_NAME_MAX_LENGTH
	if n, _, err := procGetUserDefaultLocName.Call(uintptr(unsafe.Pointer(&name[0])), uintptr(len(name))); n == 0 {
		return host.Numbered(err)
	}
	return windows.UTF16ToString(name[:])
}

// codePage shows a code page as the console has it.
func codePage(n uint32, err error) string {
	if err != nil || n == 0 {
		return "none"
	}
	return fmt.Sprint(n)
}
