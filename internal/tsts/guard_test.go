package tsts

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
)

// setup is an answer of the session setup of SMB2 with these flags.
func setup(status uint32, flags uint16) []byte {
	b := make([]byte, frameHead+64+9)
	binary.BigEndian.PutUint32(b, uint32(len(b)-frameHead))
	copy(b[frameHead:], "\xfeSMB")
	binary.LittleEndian.PutUint32(b[statusAt:], status)
	binary.LittleEndian.PutUint16(b[commandAt:], sessionSetup)
	binary.LittleEndian.PutUint16(b[flagsAt:], flags)
	return b
}

const moreProcessing = 0xC0000016

func TestGuard(t *testing.T) {
	negotiated := setup(0, 3)
	negotiated[commandAt] = 0
	other := append(setup(0, 3), make([]byte, 70000)...) // as data behind the sign-in
	for _, c := range []struct {
		name   string
		frames [][]byte
		refuse bool
	}{
		{"an account", [][]byte{negotiated, setup(moreProcessing, 0), setup(0, 0), other}, false},
		{"an account, encrypted", [][]byte{setup(0, 4)}, false},
		{"a guest", [][]byte{negotiated, setup(moreProcessing, 0), setup(0, 1)}, true},
		{"anonymous", [][]byte{setup(moreProcessing, 0), setup(0, 2)}, true},
		{"a refusal", [][]byte{setup(0xC000006D, 0)}, false},
		{"too much", [][]byte{{0x7f, 0xff, 0xff, 0xff}}, true},
		{"cut short", [][]byte{{0, 0, 0, 4, 1, 2, 3, 4}, setup(0, 1)}, true},
	} {
		for _, step := range []int{1, 7, 1 << 20} {
			here, there := net.Pipe()
			go func() {
				defer there.Close()
				for _, f := range c.frames {
					for len(f) > 0 {
						n := min(step, len(f))
						if step == 1 && len(f) > 1000 {
							n = len(f)
						}
						if _, err := there.Write(f[:n]); err != nil {
							return
						}
						f = f[n:]
					}
				}
			}()
			_, err := io.Copy(io.Discard, &guard{Conn: here})
			here.Close()
			if (err != nil) != c.refuse || c.name == "a guest" && !errors.Is(err, errGuest) {
				t.Errorf("%s, %d bytes at a time: %v", c.name, step, err)
			}
		}
	}
}

func FuzzGuard(f *testing.F) {
	f.Add(setup(0, 1), setup(0, 0))
	f.Add(setup(moreProcessing, 0), []byte{0, 0})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		var g guard
		for _, part := range [][]byte{a, b, a} {
			if !g.done {
				g.seen = append(g.seen, part...)
				g.look()
			}
		}
		if g.done && len(g.seen) > 0 && g.err == nil {
			t.Errorf("%d bytes are kept", len(g.seen))
		}
	})
}
