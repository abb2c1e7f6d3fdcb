package wts

import (
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Of what x/sys has of this API, WTSEnumerateSessions does not tell an error 0
// from others; the calls below are those that have to.
var (
	library           = windows.NewLazySystemDLL("wtsapi32.dll")
	openServer        = library.NewProc("WTSOpenServerW")
	closeServer       = library.NewProc("WTSCloseServer")
	enumerateSessions = library.NewProc("WTSEnumerateSessionsW")
	querySession      = library.NewProc("WTSQuerySessionInformationW")
	sendMessage       = library.NewProc("WTSSendMessageW")
)

// Server is a computer, from Open or Local.
type Server struct {
	handle uintptr
}

// Local is this computer.
func Local() Server { return Server{currentServer} }

// Open is another computer. Nothing is asked of it yet: an error usually comes
// with the first call.
func Open(name string) (Server, error) {
	n, _ := units(name)
	handle, err := call(openServer, uintptr(unsafe.Pointer(&n[0])))
	return Server{handle}, err
}

// Close gives the computer back. No call may be under way.
func (s Server) Close() {
	if s.handle != currentServer {
		_, _, _ = closeServer.Call(s.handle) // it returns nothing
	}
}

// call calls a function that returns 0 when it has failed.
//
//go:uintptrescapes
func call(p *windows.LazyProc, args ...uintptr) (uintptr, error) {
	if err := p.Find(); err != nil {
		return 0, &Error{Call: p.Name, Code: code(err), Text: err.Error()}
	}
	r, _, last := p.Call(args...)
	if r == 0 {
		return 0, &Error{Call: p.Name, Code: code(last), Text: last.Error()}
	}
	return r, nil
}

// code is the number of an error of the system.
func code(err error) uint32 {
	switch e := err.(type) {
	case *windows.DLLError:
		return code(e.Err)
	case syscall.Errno:
		return uint32(e)
	}
	return 0
}

// free gives back what a call has allocated.
func free(p unsafe.Pointer) {
	if p != nil {
		windows.WTSFreeMemory(uintptr(p))
	}
}

// Sessions is WTSEnumerateSessionsW: all of them, also those with nobody.
func (s Server) Sessions() ([]Session, error) {
	var first *rawSession
	var count uint32
	_, err := call(enumerateSessions, s.handle, 0, 1, uintptr(unsafe.Pointer(&first)), uintptr(unsafe.Pointer(&count)))
	if err != nil {
		return nil, err
	}
	defer free(unsafe.Pointer(first))
	sessions := make([]Session, count)
	for i, raw := range unsafe.Slice(first, count) {
		sessions[i] = Session{ID: raw.id, Name: windows.UTF16PtrToString(raw.name), State: State(raw.state)}
	}
	return sessions, nil
}

// query is WTSQuerySessionInformationW. The caller frees the buffer.
func (s Server) query(id uint32, class Class) (buffer unsafe.Pointer, bytes uint32, err error) {
	_, err = call(querySession, s.handle, uintptr(id), uintptr(class), uintptr(unsafe.Pointer(&buffer)), uintptr(unsafe.Pointer(&bytes)))
	return buffer, bytes, err
}

// Query asks for a string.
func (s Server) Query(id uint32, class Class) (string, error) {
	buffer, bytes, err := s.query(id, class)
	if err != nil {
		return "", err
	}
	defer free(buffer)
	if buffer == nil {
		return "", nil
	}
	return windows.UTF16ToString(unsafe.Slice((*uint16)(buffer), bytes/2)), nil
}

// Times asks for the times of a session.
func (s Server) Times(id uint32) (Times, error) {
	buffer, bytes, err := s.query(id, sessionInfo)
	if err != nil {
		return Times{}, err
	}
	defer free(buffer)
	if buffer == nil || uintptr(bytes) < unsafe.Sizeof(rawInfo{}) {
		return Times{}, &Error{Call: querySession.Name, Code: uint32(windows.ERROR_INSUFFICIENT_BUFFER), Text: windows.ERROR_INSUFFICIENT_BUFFER.Error()}
	}
	raw := (*rawInfo)(buffer)
	return Times{LastInput: fileTime(raw.lastInput), Logon: fileTime(raw.logon), Current: fileTime(raw.current)}, nil
}

// Send is WTSSendMessageW. With wait it returns when the box is closed, which
// can be never.
func (s Server) Send(id uint32, b Box, wait bool) (Response, error) {
	title, titleBytes := units(b.Title)
	text, textBytes := units(b.Text)
	var response uint32
	waits := uintptr(0)
	if wait {
		waits = 1
	}
	_, err := call(sendMessage, s.handle, uintptr(id),
		uintptr(unsafe.Pointer(&title[0])), uintptr(titleBytes), uintptr(unsafe.Pointer(&text[0])), uintptr(textBytes),
		uintptr(b.Style), uintptr(b.Timeout/time.Second), uintptr(unsafe.Pointer(&response)), waits)
	return Response(response), err
}

// Show is MessageBoxW, in the session of this process. It has no time-out.
func Show(b Box) (Response, error) {
	title, _ := units(b.Title)
	text, _ := units(b.Text)
	r, err := windows.MessageBox(0, &text[0], &title[0], b.Style)
	if r == 0 {
		return 0, &Error{Call: "MessageBoxW", Code: code(err), Text: err.Error()}
	}
	return Response(r), nil
}

// Own is the session of this process.
func Own() (uint32, error) {
	var id uint32
	if err := windows.ProcessIdToSessionId(windows.GetCurrentProcessId(), &id); err != nil {
		return 0, &Error{Call: "ProcessIdToSessionId", Code: code(err), Text: err.Error()}
	}
	return id, nil
}

// Console is the session of the screen and keyboard; ok is false while none is
// connected.
func Console() (id uint32, ok bool) {
	id = windows.WTSGetActiveConsoleSessionId()
	return id, id != 0xffffffff
}
