package fleet

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"msg"
)

// BenchmarkWorker is not a benchmark: it is the other processes of one.
func BenchmarkWorker(b *testing.B) {
	args := strings.Split(os.Getenv(workerEnv), ",")
	switch {
	case len(args) == 2 && args[0] == "hub":
		workAsHub(b, args[1])
	case len(args) == 2 && args[0] == "plain":
		workAsPlain(b, args[1])
	case len(args) == 5 && args[0] == "crew":
		workAsCrew(b, args[1], args[2]+","+args[3], args[4])
	default:
		b.Skip("is for processes that the other benchmarks start")
	}
}

// untilToldToEnd says that it is ready, obeys, and returns when its standard
// input ends.
func untilToldToEnd(ready string) {
	fmt.Printf("\n=%s\n", ready)
	end := func() {}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		what, path, _ := strings.Cut(in.Text(), " ")
		switch what {
		case "free": // what is not used any more, so that it is not counted
			shrink()
		case "profile":
			end = first(startProfile(path))
		case "profiled":
			end()
		}
		fmt.Printf("\n=\n")
	}
}

// workAsHub runs a hub.
func workAsHub(b *testing.B, dir string) {
	h, err := StartHub(dir, quiet())
	if err != nil {
		b.Fatal(err)
	}
	defer h.Close()
	untilToldToEnd("ready")
}

// workAsPlain runs a plain nats-server with the certificate of a hub, and says
// its address.
func workAsPlain(b *testing.B, dir string) {
	plain, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, TLSHandshakeFirst: true, MaxConn: 100_000,
		TLSTimeout: 30, TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{first(loadCertificate(dir))}}})
	if err != nil {
		b.Fatal(err)
	}
	plain.Start()
	defer plain.Shutdown()
	if !plain.ReadyForConnections(hubStarts) {
		b.Fatal("the plain server does not get ready")
	}
	untilToldToEnd(plain.Addr().String() + "," + dir)
}

// workAsCrew runs members, and clients of the plain server that answer.
func workAsCrew(b *testing.B, homes, plain, count string) {
	n := first(strconv.Atoi(count))
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	turns := make(chan struct{}, 16) // so many connect at a time
	ready := make(chan error)
	for i := range n {
		go func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			err := answerRaw(plain, i)
			if err == nil {
				err = startMember(ctx, &all, homes, memberName(i))
			}
			ready <- err
		}()
	}
	var errs error
	for range n {
		errs = errors.Join(errs, <-ready)
	}
	if errs != nil {
		b.Fatal(errs)
	}
	debug.FreeOSMemory()
	untilToldToEnd("ready")
}

func startMember(ctx context.Context, all *sync.WaitGroup, homes, name string) error {
	n, err := Open(filepath.Join(homes, name), "bench", answerAtOnce(name), quiet())
	if err != nil {
		return err
	}
	ready := make(chan error, 1)
	all.Go(func() {
		if err := runMember(ctx, n, ready); err != nil {
			fmt.Fprintln(os.Stderr, name, err)
		}
	})
	return <-ready
}

// runMember runs a member and tells when it has all its subscriptions.
func runMember(ctx context.Context, n *Node, ready chan<- error) error {
	within, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	go func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			n.mu.Lock()
			there := len(n.subs) > 0
			n.mu.Unlock()
			if there {
				ready <- nil
				return
			}
			select {
			case <-within.Done():
				ready <- fmt.Errorf("%s does not get into the fleet", n.config.Name)
				return
			case <-tick.C:
			}
		}
	}()
	return n.Run(ctx)
}

// answerAtOnce is a computer with one person, who answers everything at once.
func answerAtOnce(name string) Local {
	session := person(name, "1", "bob").Session
	return Local{
		Send: func(_ context.Context, _ msg.Principal, _ msg.Target, m msg.Message, report func(msg.Receipt)) error {
			report(msg.Receipt{Message: m.ID, Session: session, Outcome: msg.OutcomeAnswered, Answer: "ok", Surface: "terminal", At: time.Now().UTC(), Final: true})
			return nil
		},
		Sessions: func(context.Context, msg.Principal) ([]msg.Session, error) { return []msg.Session{session}, nil },
		Follow:   func(context.Context, string, func(msg.Receipt)) (bool, error) { return false, nil },
		InGroup:  func(string, string) bool { return false },
		Refuse:   func(from, id, reason string) { fmt.Fprintln(os.Stderr, name, "refuses", from, id, reason) },
	}
}

const (
	rawAll = "raw.all"
	rawAck = "raw.ack."
)

// connectRaw connects to the plain server; where is "ADDRESS,FOLDER".
func connectRaw(where string) (*nats.Conn, error) {
	address, dir, _ := strings.Cut(where, ",")
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, err
	}
	pin := pinOf(first(loadCertificate(dir)).Leaf)
	return nats.Connect("nats://"+address, nats.Secure(pinned(pin)), nats.TLSHandshakeFirst(), nats.Timeout(30*time.Second))
}

func answerRaw(where string, i int) error {
	conn, err := connectRaw(where)
	if err != nil {
		return err
	}
	subject := rawAck + strconv.Itoa(i)
	if _, err := conn.Subscribe(rawAll, func(m *nats.Msg) { _ = conn.Publish(subject, m.Data[:12]) }); err != nil {
		return err
	}
	return conn.Flush()
}

// rawSender sends what the plain clients answer.
type rawSender struct {
	conn *nats.Conn
	got  chan *nats.Msg
}

func dialRaw(b testing.TB, where string) *rawSender {
	b.Helper()
	conn, err := connectRaw(where)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(conn.Close)
	r := &rawSender{conn, make(chan *nats.Msg, 1<<16)}
	if _, err := conn.ChanSubscribe(rawAck+"*", r.got); err != nil {
		b.Fatal(err)
	}
	return r
}

// round sends one message and waits for the answers of all.
func (r *rawSender) round(b testing.TB, n int) time.Duration {
	b.Helper()
	heard := make(map[string]bool, n)
	late := time.After(time.Minute)
	begin := time.Now()
	if err := r.conn.Publish(rawAll, []byte(strings.Repeat("Reboot at 18:00. ", 18))); err != nil {
		b.Fatal(err)
	}
	for len(heard) < n {
		select {
		case m := <-r.got:
			heard[m.Subject] = true
		case <-late:
			b.Fatalf("%d of %d plain clients answered", len(heard), n)
		}
	}
	return time.Since(begin)
}
