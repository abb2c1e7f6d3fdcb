package tsts

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"msg/internal/ndr"
)

// Greetings as Debian's smbd sent them, to a test account that was made for it.
const (
	hello7 = "testdata/npa-4.17.12.bin" // Debian 12
	hello8 = "testdata/npa-4.22.11.bin" // Debian 13
)

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// hello5 is a greeting of level 5, written from the published interface of
// Samba 4.16 (librpc/idl/named_pipe_auth.idl, auth.idl and security.idl), of
// which no smbd was at hand.
func hello5() []byte {
	var w ndr.Writer
	string8 := func(s string) {
		w.U32(uint32(len(s) + 1))
		w.U32(0)
		w.U32(uint32(len(s) + 1))
		w.Bytes(append([]byte(s), 0))
	}
	w.Zero(4)
	w.Bytes([]byte("NPAM"))
	w.U32(5)
	w.U32(5)
	w.U8(2) // NCACN_NP
	w.Pointer(true)
	w.Pointer(true)
	w.U16(40000)
	w.Pointer(true)
	w.Pointer(true)
	w.U16(445)
	w.Pointer(true)
	w.U8(0) // need_idle_server
	for _, s := range []string{"pc42", "192.0.2.42", "linuxbox", "192.0.2.1"} {
		string8(s)
	}
	w.Pointer(true) // session_info
	w.U32(0)        // exported_gssapi_credentials
	for range 4 {
		w.Pointer(true)
	}
	w.U32(0) // torture
	w.U32(16)
	w.Zero(16) // session_key
	w.U32(0)   // credentials
	w.Zero(16) // unique_session_token
	w.U16(2)   // ticket_type
	w.U32(1)   // security_token
	w.U32(1)
	w.Bytes([]byte{1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0}) // S-1-5-32-544
	w.U64(0)
	w.U32(0)
	w.U32(2) // security_unix_token
	w.U64(1001)
	w.U64(1001)
	w.U32(2)
	w.U64(1001)
	w.U64(900)
	w.Pointer(true) // auth_user_info
	w.Pointer(false)
	w.U8(0)
	w.Pointer(true)
	for range 7 {
		w.Pointer(false)
	}
	for range 12 {
		w.U32(0)
	}
	w.U16(0)
	w.U16(0)
	w.U32(0x10)
	w.U8(1) // authenticated
	string8("alice")
	string8("LINUXBOX")
	w.Pointer(true) // auth_user_info_unix
	w.Pointer(false)
	string8("alice")
	b := w.Data()
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

func TestReadHello(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes []byte
		want  Hello
	}{
		{"4.16", hello5(), Hello{Level: 5, ClientName: "pc42", ClientAddr: "192.0.2.42", ClientPort: 40000, ServerName: "linuxbox", ServerAddr: "192.0.2.1",
			ServerPort: 445, Domain: "LINUXBOX", Account: "alice", UnixName: "alice", UID: 1001}},
		{"4.17.12", readFile(t, hello7), Hello{Level: 7, ClientName: "linuxbox", ClientAddr: "127.0.0.1", ServerName: "linuxbox", ServerAddr: "127.0.0.1",
			ServerPort: 445, Domain: "LINUXBOX", Account: "alice", UnixName: "alice", UID: 1001}},
		{"4.22.11", readFile(t, hello8), Hello{Level: 8, ClientName: "linuxbox", ClientAddr: "127.0.0.1", ServerName: "linuxbox", ServerAddr: "127.0.0.1",
			ServerPort: 445, Domain: "LINUXBOX", Account: "alice", UnixName: "alice", UID: 1000}},
	} {
		r := bytes.NewReader(append(c.bytes, "what follows"...))
		got, err := ReadHello(r)
		if c.want.Level != 5 {
			got.ClientPort = 0 // a different one each time
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", c.name, got, err, c.want)
		}
		if rest, _ := io.ReadAll(r); string(rest) != "what follows" {
			t.Errorf("%s: %d bytes are left", c.name, len(rest))
		}
	}
}

func TestReadHelloRefused(t *testing.T) {
	level := func(n byte) []byte {
		b := readFile(t, hello7)
		b[8], b[12] = n, n
		return b
	}
	for _, c := range []struct {
		name  string
		bytes []byte
		want  string
	}{
		{"a later level", level(9), "level 9 of named_pipe_auth"},
		{"a level that was never released", level(6), "level 6 of named_pipe_auth"},
		{"another program", append([]byte{0, 0, 0, 12}, "GET / HTTP/1"...), "not smbd"},
		{"too long", []byte{0xff, 0xff, 0xff, 0xff}, "the limit is 262144"},
	} {
		_, err := ReadHello(bytes.NewReader(c.bytes))
		var refused *HelloError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := ReadHello(bytes.NewReader(hello5()[:100])); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a greeting that ends early: %v", err)
	}
}

// TestHelloDetails goes on without the account if it cannot be read.
func TestHelloDetails(t *testing.T) {
	for _, b := range [][]byte{hello5(), readFile(t, hello7), readFile(t, hello8)} {
		cut := bytes.Clone(b[:400])
		binary.BigEndian.PutUint32(cut, 396)
		h, err := ReadHello(bytes.NewReader(cut))
		if err != nil || h.Details == nil || h.ServerName != "linuxbox" {
			t.Errorf("%+v, %v", h, err)
		}
	}
}

// TestAnswerHello has the bytes that Samba's own servers answer.
func TestAnswerHello(t *testing.T) {
	var b bytes.Buffer
	if err := answerHello(&b, 7); err != nil {
		t.Fatal(err)
	}
	const want = "00000020 4e50414d 07000000 07000000 0200 ff05 00000000 0010000000000000 00000000"
	if got := hex.EncodeToString(b.Bytes()); got != strings.ReplaceAll(want, " ", "") {
		t.Errorf("%s, want %s", got, want)
	}
}

type pipeEnd struct{ bytes.Buffer }

func (*pipeEnd) Close() error { return nil }

func TestFramed(t *testing.T) {
	end := &pipeEnd{}
	f := &framed{ReadWriteCloser: end}
	long := bytes.Repeat([]byte("0123456789abcdef"), 5000)
	if n, err := f.Write(long); n != len(long) || err != nil {
		t.Fatal(n, err)
	}
	if end.Len() != len(long)+4 {
		t.Errorf("%d bytes in two messages", end.Len())
	}
	got, err := io.ReadAll(f)
	if err != nil || !bytes.Equal(got, long) {
		t.Errorf("%d bytes come back, %v", len(got), err)
	}
	end.Write([]byte{0, 0})
	if _, err := f.Read(make([]byte, 1)); !errors.Is(err, errFrame) {
		t.Errorf("an empty message: %v", err)
	}
}

func FuzzReadHello(f *testing.F) {
	f.Add(hello5())
	f.Add(readFile(f, hello7))
	f.Add(readFile(f, hello8))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ReadHello(bytes.NewReader(b))
		if err != nil {
			return
		}
		for _, s := range []string{h.ClientName, h.ClientAddr, h.ServerName, h.ServerAddr, h.Domain, h.Account, h.UnixName} {
			if len(s) > 3*maxDetail || strings.ToValidUTF8(s, "") != s {
				t.Fatalf("read %q", s)
			}
		}
	})
}
