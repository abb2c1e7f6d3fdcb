package dcerpc

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"

	"msg/internal/ndr"
)

// windowsBind is what Windows asks: NDR, NDR64 and the features of binding,
// each in a context of its own ([MS-RPCE] 2.2.2.14).
func windowsBind() bind {
	ndr64 := Syntax{mustUUID("71710533-beba-4937-8319-b5dbef9ccc36"), 1, 0}
	question := Syntax{mustUUID("6cb71c2c-9812-4540-0300-000000000000"), 1, 0}
	return bind{fragmentSize, fragmentSize, 0, []presentation{
		{0, ifaceEcho, []Syntax{ndr32}}, {1, ifaceEcho, []Syntax{ndr64}}, {2, ifaceEcho, []Syntax{question}}}}
}

func TestUUID(t *testing.T) {
	const s = "8a885d04-1ceb-11c9-9fe8-08002b104860"
	u, err := ParseUUID(s)
	if err != nil || u.String() != s || !bytes.Equal(u[:], unhex(t, "045d888aeb1cc9119fe808002b104860")) {
		t.Errorf("%v, %x, %v", u, u[:], err)
	}
	for _, bad := range []string{"", s[1:], s + "0", "8a885d04x1ceb-11c9-9fe8-08002b104860", "ga885d04-1ceb-11c9-9fe8-08002b104860"} {
		if _, err := ParseUUID(bad); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

func TestBindBothWays(t *testing.T) {
	w := begin(kindBind, flagWhole|flagHeaderSign, 2)
	windowsBind().write(w)
	got := finish(w, nil)
	p, err := parsePDU(got)
	if err != nil || p.kind != kindBind || p.call != 2 || p.auth != nil {
		t.Fatalf("%+v, %v", p, err)
	}
	want := unhex(t, `05000b07 10000000 a000 0000 02000000 d016d016 00000000 03000000
		0000 0100 d609484839421b47b5bc61df8c23ac48 0100 0000 045d888aeb1cc9119fe808002b104860 02000000
		0100 0100 d609484839421b47b5bc61df8c23ac48 0100 0000 33057171babe37498319b5dbef9ccc36 01000000
		0200 0100 d609484839421b47b5bc61df8c23ac48 0100 0000 2c1cb76c129840450300000000000000 01000000`)
	if !bytes.Equal(got, want) {
		t.Errorf("the bind is %x", got)
	}
	b, err := readBind(p.body())
	if err != nil || !reflect.DeepEqual(b, windowsBind()) {
		t.Errorf("the bind is read as %+v, %v", b, err)
	}
}

// TestBindResults declines what is not spoken, with the reason for it.
func TestBindResults(t *testing.T) {
	c := &conn{Server: newPair().server, contexts: map[uint16]Syntax{}}
	got := c.results(append(windowsBind().contexts, presentation{3, ifaceUnknown, []Syntax{ndr32}}))
	want := []result{{resultAccepted, 0, ndr32}, {resultRejected, reasonTransfer, Syntax{}}, {resultFeatures, 0, Syntax{}}, {resultRejected, reasonInterface, Syntax{}}}
	if !reflect.DeepEqual(got, want) || len(c.contexts) != 1 {
		t.Errorf("the results are %v, want %v", got, want)
	}
}

func TestBindAckBothWays(t *testing.T) {
	want := bindAck{5840, 5840, 0x53f0, `\PIPE\x`, []result{{resultAccepted, 0, ndr32}}}
	w := begin(kindBindAck, flagWhole, 1)
	want.write(w)
	b := finish(w, &trailer{authNTLM, LevelPrivacy, 0, 7, []byte{1, 2, 3, 4}})
	example := unhex(t, `05000c03 10000000 4c000400 01000000 d016d016 f0530000 0800 5c504950455c7800 0000
		01000000 0000 0000 045d888aeb1cc9119fe808002b104860 02000000 0a060000 07000000 01020304`)
	if !bytes.Equal(b, example) {
		t.Errorf("the bind_ack is\n%x, want\n%x", b, example)
	}
	p, err := parsePDU(b)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readBindAck(p.body())
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the bind_ack is read as %+v, %v", got, err)
	}
	if a := p.auth; a.kind != authNTLM || a.level != LevelPrivacy || a.context != 7 || !bytes.Equal(a.token, []byte{1, 2, 3, 4}) {
		t.Errorf("the trailer is read as %+v", a)
	}
	if nak := bindNak(3, rejectAuthKind); !bytes.Equal(nak, unhex(t, "05000d03 10000000 18000000 03000000 0800 01 05 00 000000")) {
		t.Errorf("the bind_nak is %x", nak)
	}
}

func TestPDURefused(t *testing.T) {
	whole := unhex(t, "05000003 10000000 24000400 01000000 0000000000000000 0a060000 00000000 01020304")
	if _, err := parsePDU(whole); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func([]byte){
		"version 4":                func(b []byte) { b[0] = 4 },
		"minor version":            func(b []byte) { b[1] = 2 },
		"big endian":               func(b []byte) { b[4] = 0 },
		"other length":             func(b []byte) { b[8]++ },
		"more token than there is": func(b []byte) { b[10] = 13 },
		"a huge token":             func(b []byte) { b[11] = 0xff },
	} {
		b := bytes.Clone(whole)
		change(b)
		if _, err := parsePDU(b); !errors.Is(err, errPDU) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := 1; n < len(whole); n++ {
		if _, err := readPDU(bufio.NewReader(bytes.NewReader(whole[:n]))); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := readPDU(bufio.NewReader(bytes.NewReader(nil))); err != io.EOF {
		t.Errorf("nothing at all: %v", err)
	}
	if _, err := readPDU(bufio.NewReader(bytes.NewReader(make([]byte, 16)))); !errors.Is(err, errPDU) {
		t.Errorf("the length 0: %v", err)
	}
}

func TestCaps(t *testing.T) {
	b := bind{contexts: make([]presentation, maxContexts+1)}
	var w ndr.Writer
	b.write(&w)
	if _, err := readBind(ndr.NewReader(w.Data())); !errors.Is(err, errPDU) {
		t.Errorf("too many contexts: %v", err)
	}
	b = bind{contexts: []presentation{{0, ifaceEcho, make([]Syntax, maxSyntaxes+1)}}}
	w = ndr.Writer{}
	b.write(&w)
	if _, err := readBind(ndr.NewReader(w.Data())); !errors.Is(err, errPDU) {
		t.Errorf("too many syntaxes: %v", err)
	}
}

// FuzzPDU reads anything as a PDU, and as each body.
func FuzzPDU(f *testing.F) {
	w := begin(kindBind, flagWhole, 2)
	windowsBind().write(w)
	f.Add(finish(w, nil))
	w = begin(kindBindAck, flagWhole, 1)
	bindAck{5840, 5840, 1, "x", []result{{resultAccepted, 0, ndr32}}}.write(w)
	f.Add(finish(w, &trailer{authNTLM, LevelPrivacy, 0, 7, []byte{1, 2, 3, 4}}))
	f.Add(bindNak(1, 2))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := parsePDU(raw)
		if err != nil {
			return
		}
		if b, err := readBind(p.body()); err == nil {
			var w ndr.Writer
			b.write(&w)
			if again, err := readBind(ndr.NewReader(w.Data())); err != nil || !reflect.DeepEqual(again, b) {
				t.Fatalf("%+v becomes %+v, %v", b, again, err)
			}
		}
		readBindAck(p.body())
		s, _ := krbPair(t)
		for _, sec := range []protection{{}, {session: s, kind: 9, level: 6}, {session: newNTLMSession(make([]byte, 16), toClient, toServer), kind: 10, level: 6}} {
			part, err := sec.open(p, callHeader)
			if err == nil && sec.session != nil {
				t.Fatalf("%x is taken for protected", part)
			}
		}
	})
}
