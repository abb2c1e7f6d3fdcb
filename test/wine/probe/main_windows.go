package main

import "syscall"

func main() {
	// syscall's loader, unlike that of x/sys for DLLs of the system, looks beside
	// the program first.
	p := syscall.NewLazyDLL("wtsapi32.dll").NewProc("WTSEnumerateSessionsW")
	_, _, _ = p.Call()
}
