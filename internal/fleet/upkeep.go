package fleet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// upkeep is what a hub does by itself from time to time: it gives memory back when
// it has nothing to do, and begins anew when its disk was full and is not any more.
type upkeep struct {
	busy  atomic.Bool // there were messages, or somebody connected
	fails atomic.Bool // the store did not take something
	stuck chan error  // capacity 1: the hub has to be started anew
	free  func()      // gives memory back

	ctx   context.Context
	stop  context.CancelFunc
	tasks *sync.WaitGroup
}

// probeSize is what has to fit on the disk before a hub begins anew that had no
// room: some days of what it writes.
const probeSize = 1 << 20

// mendEvery is how often a hub whose store has failed looks after it.
const mendEvery = 5 * time.Second

func newUpkeep() upkeep {
	ctx, stop := context.WithCancel(context.Background())
	return upkeep{stuck: make(chan error, 1), free: giveBack, ctx: ctx, stop: stop, tasks: &sync.WaitGroup{}}
}

func (u *upkeep) endUpkeep() {
	u.stop()
	u.tasks.Wait()
}

// storeFails tells what the store has not taken.
func (h *Hub) storeFails(what string, err error) {
	if h.fails.Swap(true) {
		h.log.Debug(what, "error", err)
		return
	}
	h.log.Error(what, "error", err)
}

// keepUp is a task of the hub.
func (h *Hub) keepUp() {
	idle, mend := time.NewTicker(idleAfter), time.NewTicker(mendEvery)
	defer idle.Stop()
	defer mend.Stop()
	for was := false; ; {
		select {
		case <-h.ctx.Done():
			return
		case <-idle.C:
			// What was used for messages and handshakes is free half a minute
			// after the last. It costs a collection, and that only then.
			is := h.busy.Swap(false)
			if was && !is {
				h.free()
			}
			was = is
		case <-mend.C:
			if h.fails.Load() {
				h.mend()
			}
		}
	}
}

// mend looks whether the store takes something again. That of the hub's own server
// does not, once it had no room, until it is started anew.
func (h *Hub) mend() {
	ctx, cancel := context.WithTimeout(h.ctx, mendEvery)
	defer cancel()
	err := h.tryStore(ctx)
	switch {
	case h.ctx.Err() != nil:
	case err == nil:
		h.fails.Store(false)
		h.log.Info("the store takes messages again")
	case h.config.Cluster != nil: // its servers know what to do
	case h.tryDisk() == nil:
		select {
		case h.stuck <- fmt.Errorf("the store does not take anything (%w), and there is room on the disk: the hub has to be started anew", err):
		default:
		}
	}
}

// tryStore writes something that nobody reads, and takes it out again.
func (h *Hub) tryStore(ctx context.Context) error {
	for subject, stream := range map[string]jetstream.Stream{subjectAudit + "try": h.audit, subjectKept + "try": h.msgs} {
		if _, err := h.js.Publish(ctx, subject, nil); err != nil {
			return err
		}
		if err := stream.Purge(ctx, jetstream.WithPurgeSubject(subject)); err != nil {
			return err
		}
	}
	return nil
}

// tryDisk reports why there is no room in the folder of the hub.
func (h *Hub) tryDisk() error {
	path := filepath.Join(h.dir, ".room")
	defer func() { _ = os.Remove(path) }()
	return writeFile(path, make([]byte, probeSize))
}

// gaveBack is when giveBack did something, in Unix nanoseconds.
var gaveBack atomic.Int64

// giveBack gives memory that is not used back to the system. It is a matter of
// the process, in which something else may just have done it.
func giveBack() {
	now, before := time.Now().UnixNano(), gaveBack.Load()
	if now-before >= int64(idleAfter) && gaveBack.CompareAndSwap(before, now) {
		shrink()
	}
}

// shrink collects three times. A pool keeps what is in it over the first
// collection, and the stack of a goroutine gets half as large with each: of a hub
// with 1,000 members that has passed a message to all, and their answers, the
// second and the third give back 14 and 4 of 125 MB.
func shrink() {
	runtime.GC()
	runtime.GC()
	debug.FreeOSMemory()
}
