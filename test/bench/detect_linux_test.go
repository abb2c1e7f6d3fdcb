package main

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestDetector proves the detector with pipes, which need neither root nor a terminal.
func TestDetector(t *testing.T) {
	d, err := newDetector()
	if err != nil {
		t.Fatal(err)
	}
	var ps []*pty
	for range 3 {
		p := pipe(t)
		if err := d.add(p); err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
	d.start()
	t.Cleanup(d.close)

	w := d.expect("TOKEN", ps[:2])
	start := time.Now()
	write(t, ps[0], "a TOK", "EN b")
	write(t, ps[2], "TOKEN") // not waited for
	write(t, ps[1], "TOKEN")
	<-w.done
	if missed := d.unwatch(w); missed != 0 || w.at.Before(start) {
		t.Errorf("missed %d, at %v after the start", missed, w.at.Sub(start))
	}

	// The other token, written to all, is not taken for the one on a third.
	w = d.expect("TOKEN2", ps)
	write(t, ps[0], "TOKEN1")
	write(t, ps[1], "TOKEN1")
	write(t, ps[2], "TOKEN1")
	d.settle()
	if missed := d.unwatch(w); missed != 3 {
		t.Errorf("missed %d, want 3", missed)
	}
}

// pipe returns a pipe as a pty of which the detector reads the master.
func pipe(t *testing.T) *pty {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	p := &pty{master: fds[0], slave: fds[1]}
	t.Cleanup(p.close)
	return p
}

func write(t *testing.T, p *pty, pieces ...string) {
	t.Helper()
	for _, piece := range pieces {
		if _, err := unix.Write(p.slave, []byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNamesAll(t *testing.T) {
	ps := []*pty{{line: "pts/1"}, {line: "pts/12"}}
	for text, want := range map[string]bool{
		"pts/1 and pts/12 are stuck": true,
		"pts/12, pts/1":              true,
		"pts/12, pts/123":            false,
		"pts/1":                      false,
		"":                           false,
	} {
		if got := namesAll([]byte(text), ps); got != want {
			t.Errorf("%q names all: %v, want %v", text, got, want)
		}
	}
}

func TestMix(t *testing.T) {
	fine := make([]*pty, 40)
	for i := range fine {
		fine[i] = &pty{}
	}
	stuck := []*pty{{state: stuckFull}, {state: stuckFull}}
	got := mix(stuck, fine)
	if len(got) != 42 || got[0] != stuck[0] || got[21] != stuck[1] {
		t.Errorf("%d ptys, or the stuck ones are not at 0 and 21", len(got))
	}
	if got := mix(nil, fine); len(got) != 40 {
		t.Errorf("%d ptys without stuck ones, want 40", len(got))
	}
}
