package cli

import (
	"fmt"
	"io"
)

// Output is standard output that remembers whether it could be written: a
// command that could not say what it did has not done all of it.
type Output struct {
	W   io.Writer
	Err error // the first error
}

// Write writes until the first error.
func (o *Output) Write(b []byte) (int, error) {
	if o.Err != nil {
		return 0, o.Err
	}
	n, err := o.W.Write(b)
	o.Err = err
	return n, err
}

// OutputError says that standard output could not be written.
func OutputError(err error) error { return fmt.Errorf("standard output: %w", err) }
