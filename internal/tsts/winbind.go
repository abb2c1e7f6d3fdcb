package tsts

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"

	"msg/internal/dcerpc"
)

// Winbind checks accounts by Samba's winbind: ntlm_auth(1) asks it, so that no
// hash of a password is ever here. It is a dcerpc.Verifier.
type Winbind struct {
	// Command is ntlm_auth with its arguments; DefaultNTLMAuth if empty.
	Command []string
	// Names says how accounts are called.
	Names *Names

	once sync.Once
	busy chan struct{} // one for each helper that runs a check
	mu   sync.Mutex
	idle []*helper
	rest *time.Timer // ends the idle ones
	end  bool
}

// DefaultNTLMAuth is Debian's ntlm_auth in its protocol for programs.
var DefaultNTLMAuth = []string{"/usr/bin/ntlm_auth", "--helper-protocol=ntlm-server-1"}

// Limits of the helpers.
const (
	maxHelpers = 8                // checks at the same time
	checkTime  = 10 * time.Second // of one check, which may ask a domain controller
	idleTime   = time.Minute      // until helpers that nobody needs are ended
)

var (
	errNotProved = errors.New("winbind does not accept it")
	errKey       = errors.New("winbind gave no session key, as for a guest")
)

// Verify asks winbind. An account without a domain is one of this computer. If
// winbind cannot be asked, or does not answer in time, the error holds a
// *dcerpc.Fault that says so: nobody is told to look for another password.
func (w *Winbind) Verify(ctx context.Context, challenge [8]byte, domain, user, _ string, _, nt []byte) (key [16]byte, who dcerpc.Account, err error) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	domain, err = w.Names.domain(ctx, domain)
	switch {
	case errors.Is(err, errDomain):
		return key, who, err
	case err != nil:
		return key, who, couldNotAsk(err)
	}
	w.once.Do(func() { w.busy = make(chan struct{}, maxHelpers) })
	select {
	case w.busy <- struct{}{}:
	case <-ctx.Done():
		return key, who, couldNotAsk(errors.New("waiting for other checks took too long"))
	}
	defer func() { <-w.busy }()
	h, err := w.take()
	if err != nil {
		return key, who, couldNotAsk(err)
	}
	stop := context.AfterFunc(ctx, h.kill)
	key, err = h.check(challenge, domain, user, nt)
	switch late := !stop(); {
	case late || err != nil && !errors.Is(err, errNotProved):
		h.close()
		if len(h.said.text) > 0 {
			err = fmt.Errorf("%w; ntlm_auth says %q", err, h.said.text)
		}
	default:
		w.give(h)
	}
	switch {
	case errors.Is(err, errNotProved), errors.Is(err, errKey):
		return key, who, err
	case err != nil:
		return key, who, couldNotAsk(err)
	}
	return key, dcerpc.Account{User: user, Domain: domain}, nil
}

func couldNotAsk(err error) error {
	return fmt.Errorf("%w: %w", err, &dcerpc.Fault{Status: dcerpc.StatusBusy})
}

// take takes an idle helper, or starts one.
func (w *Winbind) take() (*helper, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.idle); n > 0 {
		h := w.idle[n-1]
		w.idle = w.idle[:n-1]
		return h, nil
	}
	command := w.Command
	if len(command) == 0 {
		command = DefaultNTLMAuth
	}
	return startHelper(command)
}

func (w *Winbind) give(h *helper) {
	w.mu.Lock()
	end := w.end
	if !end {
		w.idle = append(w.idle, h)
		if w.rest == nil {
			w.rest = time.AfterFunc(idleTime, w.endIdle)
		}
		w.rest.Reset(idleTime)
	}
	w.mu.Unlock()
	if end {
		h.close()
	}
}

// Close ends the helpers.
func (w *Winbind) Close() {
	w.mu.Lock()
	w.end = true
	w.mu.Unlock()
	w.endIdle()
}

func (w *Winbind) endIdle() {
	w.mu.Lock()
	idle := w.idle
	w.idle = nil
	w.mu.Unlock()
	for _, h := range idle {
		h.close()
	}
}

// helper is one ntlm_auth, which answers one question after another.
type helper struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader

	said complaint // to be read when it has ended
}

// complaint is the beginning of what a helper writes to its standard error.
type complaint struct{ text []byte }

// maxComplaint is a line or two.
const maxComplaint = 256

// Write keeps what fits.
func (c *complaint) Write(b []byte) (int, error) {
	c.text = append(c.text, b[:min(len(b), maxComplaint-len(c.text))]...)
	return len(b), nil
}

func startHelper(command []string) (*helper, error) {
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = []string{}
	cmd.WaitDelay = 100 * time.Millisecond // for what it has started itself
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("starting %q: %w", command[0], err)
	}
	h := &helper{cmd: cmd, in: in}
	cmd.Stderr = &h.said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("starting %q: %w; it is in the package winbind", command[0], err)
	}
	h.out = bufio.NewReaderSize(out, 4096)
	return h, nil
}

func (h *helper) kill() { _ = h.cmd.Process.Kill() } // it may have ended already

func (h *helper) close() {
	h.in.Close()
	h.kill()
	_ = h.cmd.Wait() // how it ended is of no interest
}

// check asks one question. Names go in base64: there may be anything in them.
func (h *helper) check(challenge [8]byte, domain, user string, nt []byte) (key [16]byte, err error) {
	text := base64.StdEncoding.EncodeToString
	_, err = fmt.Fprintf(h.in, "LANMAN-Challenge: %x\nNT-Response: %x\nNT-Domain:: %s\nUsername:: %s\nRequest-User-Session-Key: Yes\n.\n",
		challenge, nt, text([]byte(domain)), text([]byte(user)))
	if err != nil {
		return key, fmt.Errorf("asking winbind: %w", err)
	}
	answer, err := h.answer()
	if err != nil {
		return key, fmt.Errorf("asking winbind: %w", err)
	}
	switch {
	case answer["Authenticated"] != "Yes":
		return key, fmt.Errorf("%w: %s", errNotProved, answer["Authentication-Error"])
	case len(answer["User-Session-Key"]) != 2*len(key):
		return key, errKey
	}
	_, err = hex.Decode(key[:], []byte(answer["User-Session-Key"]))
	return key, err
}

// maxLines is far more than an answer has.
const maxLines = 20

// answer reads lines up to a dot. One is left over from an answer before: of a
// failure ntlm_auth says the end twice.
func (h *helper) answer() (map[string]string, error) {
	answer := map[string]string{}
	for range maxLines {
		line, err := h.out.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		text := strings.TrimSuffix(string(line), "\n")
		name, value, _ := strings.Cut(text, ": ")
		switch {
		case text == "." && len(answer) == 0:
		case text == ".":
			return answer, nil
		case strings.EqualFold(name, "Error"):
			return nil, fmt.Errorf("ntlm_auth says %q", value)
		default:
			answer[name] = value
		}
	}
	return nil, errors.New("ntlm_auth says too much")
}
