package tsts

import (
	"bufio"
	"context"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/cloudsoda/go-smb2"
)

// pipe is a named pipe of another computer. Close may be called at any time and
// ends what is under way.
type pipe struct {
	file *smb2.File
	in   *bufio.Reader // a message that is read in parts is lost
	end  func()        // of the context of all that is done with the pipe
	shut atomic.Bool
}

// maxMessage is the longest message of a pipe.
const maxMessage = 1 << 16

// closeTime is how long the other computer may take to close a pipe.
const closeTime = time.Second

// openPipe opens a pipe by its name. ctx is for the opening.
func openPipe(ctx context.Context, ipc *smb2.Share, name string) (*pipe, error) {
	life, end := context.WithCancel(context.Background())
	stop := context.AfterFunc(ctx, end)
	file, err := ipc.WithContext(life).OpenFile(name, os.O_RDWR, 0)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		end()
		return nil, err
	}
	return &pipe{file: file, in: bufio.NewReaderSize(file, maxMessage), end: end}, nil
}

// Read reads from the pipe.
func (p *pipe) Read(b []byte) (int, error) {
	if p.shut.Load() {
		return 0, os.ErrClosed
	}
	return p.in.Read(b)
}

// Write writes to the pipe.
func (p *pipe) Write(b []byte) (int, error) {
	if p.shut.Load() {
		return 0, os.ErrClosed
	}
	return p.file.Write(b)
}

// Close lets go of the pipe, and so ends what is under way. The context ends after
// that only: the library has one buffer for all requests of a connection, and if
// a context ends while one is sent, the next one is written over it, and the
// other computer hangs up.
func (p *pipe) Close() error {
	if p.shut.Swap(true) {
		return nil
	}
	late := time.AfterFunc(closeTime, p.end)
	defer late.Stop()
	defer p.end()
	return p.file.Close()
}

var _ io.ReadWriteCloser = (*pipe)(nil)
