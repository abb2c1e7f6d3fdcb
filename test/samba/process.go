package samba

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// launchLimit is far more than a start takes on a busy computer.
const launchLimit = time.Minute

// process is a service that says when it is ready, as systemd wants it:
// sd_notify(3).
type process struct {
	cmd  *exec.Cmd
	out  bytes.Buffer
	done chan struct{}
	once sync.Once
}

// launch starts a service, and returns when it is ready.
func launch(name string, args ...string) (*process, error) {
	path := filepath.Join(folder, filepath.Base(name)+".notify")
	_ = os.Remove(path)
	ready, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("samba: %v", err)
	}
	defer ready.Close()
	p := &process{cmd: exec.Command(name, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+path)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("samba: %v", err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // how it ended is of no interest
		_ = ready.SetReadDeadline(time.Unix(1, 0))
	}()
	_ = ready.SetReadDeadline(time.Now().Add(launchLimit))
	for b := make([]byte, 4096); ; {
		n, err := ready.Read(b)
		if err != nil {
			p.stop()
			return nil, fmt.Errorf("samba: %s does not get ready: %w\n%s", name, errors.Join(err), p.out.Bytes())
		}
		if bytes.Contains(b[:n], []byte("READY=1")) {
			return p, nil
		}
	}
}

// stop kills it, and waits for its end.
func (p *process) stop() {
	p.once.Do(func() {
		_ = p.cmd.Process.Kill() // it may have ended already
		<-p.done
	})
}
