package main

import (
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A detector reads the masters of the healthy ptys, always, so that none fills up, and
// notes when each has shown a token.
//
// It is one thread in one epoll loop. A goroutine per pty would do, but its wake-ups
// compete with the program that is measured, above all on two cores.
type detector struct {
	epoll   int
	wake    int // an eventfd that ends the loop
	started bool
	ended   chan struct{}

	mu       sync.Mutex // held for each batch of events
	streams  []*stream
	watch    *watch
	lastByte time.Time
}

// A stream is what the detector knows of one pty.
type stream struct {
	pty     *pty
	matcher matcher
	want    bool // the watch waits for it
}

// A watch is the wait for a token on a set of ptys. Its fields are the detector's until
// done is closed or unwatch has returned.
type watch struct {
	token []byte
	left  int       // ptys that have not shown it
	at    time.Time // when the latest one did
	done  chan struct{}
}

// wakeKey is the eventfd's place in epoll events; the others are indexes of streams.
const wakeKey = -1

func newDetector() (*detector, error) {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("making an epoll: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(epoll)
		return nil, fmt.Errorf("making an eventfd: %w", err)
	}
	d := &detector{epoll: epoll, wake: wake, ended: make(chan struct{})}
	return d, d.register(wake, wakeKey)
}

func (d *detector) register(fd int, key int32) error {
	// Level-triggered: a read of a pty may stop where its ring buffer wraps.
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: key}
	if err := unix.EpollCtl(d.epoll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("adding to an epoll: %w", err)
	}
	return nil
}

// add makes the detector read a pty. All are added before start.
func (d *detector) add(p *pty) error {
	d.streams = append(d.streams, &stream{pty: p})
	return d.register(p.master, int32(len(d.streams)-1))
}

// start makes the detector read, until close.
func (d *detector) start() {
	d.started = true
	go d.loop()
}

func (d *detector) loop() {
	defer close(d.ended)
	runtime.LockOSThread()
	events := make([]unix.EpollEvent, 512)
	buf := make([]byte, 1<<16)
	for {
		n, err := unix.EpollWait(d.epoll, events, -1)
		if err != nil && err != unix.EINTR {
			return // every run is incomplete from here, and says so
		}
		if n > 0 && !d.handle(events[:n], buf) {
			return
		}
	}
}

// handle reads what is there; false means the end.
func (d *detector) handle(events []unix.EpollEvent, buf []byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, ev := range events {
		if ev.Fd == wakeKey {
			return false
		}
		s := d.streams[ev.Fd]
		n, err := unix.Read(s.pty.master, buf)
		if err != nil && err != unix.EAGAIN && err != unix.EINTR {
			unix.EpollCtl(d.epoll, unix.EPOLL_CTL_DEL, s.pty.master, nil)
			continue
		}
		if n > 0 {
			d.seen(s, buf[:n])
		}
	}
	return true
}

// seen looks for the token in what a pty has shown.
func (d *detector) seen(s *stream, piece []byte) {
	now := time.Now()
	d.lastByte = now
	if !s.want || !s.matcher.feed(d.watch.token, piece) {
		return
	}
	s.want = false
	d.watch.at = now
	if d.watch.left--; d.watch.left == 0 {
		close(d.watch.done)
	}
}

// expect starts a watch for the token on those of the ptys that are healthy.
func (d *detector) expect(token string, ps []*pty) *watch {
	wanted := make(map[*pty]bool, len(ps))
	for _, p := range ps {
		wanted[p] = true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	w := &watch{token: []byte(token), done: make(chan struct{})}
	for _, s := range d.streams {
		s.want = wanted[s.pty]
		s.matcher.reset()
		if s.want {
			w.left++
		}
	}
	d.watch = w
	return w
}

// unwatch ends the watch and tells how many ptys never showed the token.
func (d *detector) unwatch(w *watch) (missed int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.streams {
		s.want = false
	}
	return w.left
}

// settle waits until no pty has shown anything for a while, so that the end of one
// run's output is not read during the next.
func (d *detector) settle() {
	const quiet = 10 * time.Millisecond
	for range 100 {
		time.Sleep(quiet)
		d.mu.Lock()
		idle := time.Since(d.lastByte)
		d.mu.Unlock()
		if idle >= quiet {
			return
		}
	}
}

// close ends the loop and waits for it.
func (d *detector) close() {
	if d.started {
		unix.Write(d.wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
		<-d.ended
	}
	unix.Close(d.wake)
	unix.Close(d.epoll)
}
