package tsts

import (
	"bufio"
	"context"
	"io"
	"os"
	"sync"
	"time"

	"github.com/cloudsoda/go-smb2"
)

// pipe is a named pipe of another computer. Close may be called at any time and
// ends what is under way.
type pipe struct {
	file *smb2.File
	in   *bufio.Reader // a message that is read in parts is lost
	life *lifetime
	ops  sync.RWMutex // held for writing by Close, after everybody else
	shut bool
}

// maxMessage is the longest message of a pipe.
const maxMessage = 1 << 16

// closeTime is how long the other computer may take to close a pipe.
const closeTime = time.Second

// openPipe opens a pipe by its name. ctx is for the opening.
func openPipe(ctx context.Context, ipc *smb2.Share, name string) (*pipe, error) {
	life := &lifetime{}
	end := life.begin(context.Background())
	stop := context.AfterFunc(ctx, end)
	file, err := ipc.WithContext(life).OpenFile(name, os.O_RDWR, 0)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		end()
		return nil, err
	}
	return &pipe{file: file, in: bufio.NewReaderSize(file, maxMessage), life: life}, nil
}

// Read reads from the pipe.
func (p *pipe) Read(b []byte) (int, error) {
	p.ops.RLock()
	defer p.ops.RUnlock()
	if p.shut {
		return 0, os.ErrClosed
	}
	return p.in.Read(b)
}

// Write writes to the pipe.
func (p *pipe) Write(b []byte) (int, error) {
	p.ops.RLock()
	defer p.ops.RUnlock()
	if p.shut {
		return 0, os.ErrClosed
	}
	return p.file.Write(b)
}

// Close ends what is under way and lets go of the pipe.
func (p *pipe) Close() error {
	p.life.stop()
	p.ops.Lock()
	defer p.ops.Unlock()
	if p.shut {
		return nil
	}
	p.shut = true
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	defer p.life.begin(ctx)()
	return p.file.Close()
}

// lifetime is the context of a pipe, which the library keeps for all that it
// does with one: it ends when the pipe is to be closed, and begins anew for the
// request that closes it.
type lifetime struct {
	mu  sync.Mutex
	ctx context.Context
	end context.CancelFunc
}

// begin begins a life within another one.
func (l *lifetime) begin(ctx context.Context) context.CancelFunc {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ctx, l.end = context.WithCancel(ctx)
	return l.end
}

func (l *lifetime) now() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ctx
}

// stop ends the life that is.
func (l *lifetime) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end()
}

// Deadline is that of the life.
func (l *lifetime) Deadline() (time.Time, bool) { return l.now().Deadline() }

// Done is closed at the end of the life.
func (l *lifetime) Done() <-chan struct{} { return l.now().Done() }

// Err is why it has ended.
func (l *lifetime) Err() error { return l.now().Err() }

// Value has none.
func (l *lifetime) Value(any) any { return nil }

var _ io.ReadWriteCloser = (*pipe)(nil)
