package control

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

// cancelTime is how long a request that was cancelled may take to say what
// came of it.
const cancelTime = time.Second

// stream is a Client's way to a msgd for one request.
type stream struct {
	io.ReadWriteCloser
	once sync.Once
}

// Close closes the stream, once.
func (s *stream) Close() (err error) {
	s.once.Do(func() { err = s.ReadWriteCloser.Close() })
	return err
}

// converse sends a request and gives each reply to take, up to the last line.
// It does not wait for the greeting first: that would be a way there and back
// more. Nor does an error in writing end it, because a server that refuses
// says why before it closes.
func (s *stream) converse(ctx context.Context, request []byte, take func(reply) bool) (*done, error) {
	written := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { s.cancel(written) })
	defer stop()
	_, _ = s.Write(request)
	close(written)
	in := bufio.NewReader(s)
	if err := greeted(in); err != nil {
		return nil, err
	}
	if d, ok := s.ReadWriteCloser.(interface{ SetReadDeadline(time.Time) error }); ok {
		_ = d.SetReadDeadline(time.Time{}) // DialLocal's
	}
	return replies(in, take)
}

// cancel asks the server to end the request, by a byte after it, and gives it
// some time to say what came of it, also when it has not yet read the request.
func (s *stream) cancel(written <-chan struct{}) {
	time.AfterFunc(cancelTime, func() { s.Close() })
	<-written
	_, _ = s.Write([]byte("\n"))
}

// replies reads up to the last line.
func replies(in *bufio.Reader, take func(reply) bool) (*done, error) {
	for {
		line, err := readLine(in, maxReply)
		if err != nil {
			return nil, fmt.Errorf("%w (%v)", ErrLost, err)
		}
		r, err := decodeReply(line)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%w (%w)", ErrLost, err)
		case r.Done != nil:
			return r.Done, nil
		case !take(r):
			return nil, fmt.Errorf("%w (%w: a reply to something else)", ErrLost, errLine)
		}
	}
}

// greeted reads up to the greeting.
func greeted(in *bufio.Reader) error {
	for n := 0; n < maxNoise; {
		line, err := readLine(in, maxNoise-n)
		if err != nil {
			return fmt.Errorf("%w (%v)", ErrSilent, err)
		}
		if _, found, err := decodeGreeting(line); found {
			return err
		}
		n += len(line) + 1
	}
	return fmt.Errorf("%w (but something else does)", ErrSilent)
}
