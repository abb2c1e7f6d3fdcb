package host

import (
	"bytes"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestParseUtmp(t *testing.T) {
	t.Run("compat", func(t *testing.T) { testParseUtmp(t, utmpCompat) })
	t.Run("long", func(t *testing.T) { testParseUtmp(t, utmpLong) })
}

func testParseUtmp(t *testing.T, l utmpLayout) {
	since := time.Unix(1767225600, 0)
	alice := utmpEntry{pid: 42, line: "pts/3", user: "alice", host: "192.0.2.1", since: since}
	full := utmpEntry{pid: 7, line: strings.Repeat("l", 32), user: strings.Repeat("u", 32), host: strings.Repeat("h", 256), since: time.Unix(1<<31, 0)}
	var b bytes.Buffer
	b.Write(utmpRecord(l, 2, utmpEntry{line: "~", user: "reboot"}))
	b.Write(utmpRecord(l, utmpUserProcess, alice))
	b.Write(utmpRecord(l, 8, utmpEntry{pid: 9, line: "pts/4"})) // DEAD_PROCESS
	b.Write(utmpRecord(l, utmpUserProcess, utmpEntry{line: "pts/5"}))
	b.Write(utmpRecord(l, utmpUserProcess, full))
	b.WriteString("half a record")
	got := utmpFile{l, b.Bytes()}.logins()
	if len(got) != 2 || got[0] != alice || got[1] != full {
		t.Errorf("logins = %+v", got)
	}
}

func TestReadUtmp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "utmp")
	if got, err := readUtmp([]string{path}); err != nil || got.len() != 0 {
		t.Errorf("no file: %v, %v", got, err)
	}
	write(t, path, utmpRecord(utmpOf(runtime.GOARCH), utmpUserProcess, utmpEntry{line: "pts/1", user: "bob"}))
	if got, err := readUtmp([]string{path + ".none", path}); err != nil || len(got.logins()) != 1 {
		t.Errorf("file: %v, %v", got, err)
	}
}

func FuzzParseUtmp(f *testing.F) {
	f.Add(utmpRecord(utmpCompat, utmpUserProcess, utmpEntry{pid: 1, line: "pts/0", user: "bob", host: ":0"}))
	f.Add([]byte("short"))
	f.Add(utmpRecord(utmpCompat, utmpUserProcess, utmpEntry{pid: 1, line: ".", user: "bob"}))
	f.Add(bytes.Repeat([]byte{7, 0}, 400))
	f.Fuzz(func(t *testing.T, b []byte) {
		l := utmpCompat
		if len(b)%2 == 1 {
			l = utmpLong
		}
		for _, e := range (utmpFile{l, b}).logins() {
			if e.line == "" || e.user == "" || len(e.line) > 32 || len(e.user) > 32 || len(e.host) > 256 {
				t.Fatalf("entry %+v", e)
			}
			if again := (utmpFile{l, utmpRecord(l, utmpUserProcess, e)}).logins(); len(again) != 1 || again[0] != e {
				t.Fatalf("%+v reads back as %+v", e, again)
			}
			if ttyName(e.line) && !strings.HasPrefix(filepath.Join("/dev", e.line), "/dev/") {
				t.Fatalf("the line %q leaves /dev", e.line)
			}
		}
	})
}
