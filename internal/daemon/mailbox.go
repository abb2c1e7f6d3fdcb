package daemon

import "sync"

// mailbox passes values on, in their order, to one goroutine that may be
// slower. Putting one in never waits.
type mailbox[T any] struct {
	mu     sync.Mutex
	filled *sync.Cond
	list   []T
	closed bool
}

func newMailbox[T any]() *mailbox[T] {
	m := &mailbox[T]{}
	m.filled = sync.NewCond(&m.mu)
	return m
}

// put adds a value, unless the mailbox is closed.
func (m *mailbox[T]) put(v T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.list = append(m.list, v)
		m.filled.Signal()
	}
}

// close lets take return what is left, and then no more.
func (m *mailbox[T]) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.filled.Broadcast()
}

// take waits for values and returns all there are; none means that the
// mailbox is closed.
func (m *mailbox[T]) take() []T {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.list) == 0 && !m.closed {
		m.filled.Wait()
	}
	all := m.list
	m.list = nil
	return all
}
