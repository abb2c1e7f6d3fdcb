package control

import (
	"errors"
	"net"
	"sync"
	"time"
)

// Limits of what waits for a client that does not read.
const (
	maxWaiting = 4 << 20  // bytes; who may not be held up drops the client there
	maxHeldUp  = 1 << 20  // bytes; who can wait does so from here on
	maxWrite   = 64 << 10 // bytes that a client takes in one write time-out, at least
)

// errGone is why lines go nowhere: the client does not read, or has gone.
var errGone = errors.New("the client takes no more lines")

// out passes lines on to a client without waiting for it: a goroutine writes
// what has come together since its last write.
type out struct {
	conn    net.Conn
	timeout time.Duration // for each write

	mu      sync.Mutex
	changed sync.Cond
	waiting []byte
	ended   bool // nothing is added any more
	broken  bool // nothing is written any more
	done    chan struct{}
}

func newOut(conn net.Conn, timeout time.Duration) *out {
	o := &out{conn: conn, timeout: timeout, done: make(chan struct{})}
	o.changed.L = &o.mu
	go o.run()
	return o
}

// put adds a line, which is dropped if the client does not take any more. It
// waits for room only if the caller can be held up.
func (o *out) put(v any, canWait bool) error {
	line, err := encode(v)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for canWait && len(o.waiting) > maxHeldUp && !o.broken {
		o.changed.Wait()
	}
	if len(o.waiting)+len(line) > max(maxWaiting, len(line)) {
		o.breakOff()
	}
	if o.broken || o.ended {
		return errGone
	}
	o.waiting = append(o.waiting, line...)
	o.changed.Broadcast()
	return nil
}

// breakOff gives the client up. Closing the connection ends the write and the
// read that may be under way. The caller holds mu.
func (o *out) breakOff() {
	o.broken, o.waiting = true, nil
	o.conn.Close()
	o.changed.Broadcast()
}

// end waits until the client has taken every line or was given up.
func (o *out) end() {
	o.mu.Lock()
	o.ended = true
	o.changed.Broadcast()
	o.mu.Unlock()
	<-o.done
}

func (o *out) run() {
	defer close(o.done)
	for {
		batch, ok := o.take()
		if !ok {
			return
		}
		if err := o.write(batch); err != nil {
			o.mu.Lock()
			o.breakOff()
			o.mu.Unlock()
		}
	}
}

// take waits for lines and takes all of them.
func (o *out) take() (batch []byte, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.waiting) == 0 && !o.ended && !o.broken {
		o.changed.Wait()
	}
	batch, o.waiting = o.waiting, nil
	o.changed.Broadcast()
	return batch, len(batch) > 0
}

func (o *out) write(batch []byte) error {
	for len(batch) > 0 {
		n := min(len(batch), maxWrite)
		if err := o.conn.SetWriteDeadline(time.Now().Add(o.timeout)); err != nil {
			return err
		}
		if _, err := o.conn.Write(batch[:n]); err != nil {
			return err
		}
		batch = batch[n:]
	}
	return nil
}
