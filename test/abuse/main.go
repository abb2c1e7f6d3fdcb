// Command abuse does to msgd what nobody should, for the tests of the lab, and
// measures how long others wait meanwhile. Every mode ends by itself.
//
//	abuse half SOCKET N       N clients that send half a line, and stop
//	abuse deaf SOCKET N       N clients that ask again and again, and read nothing
//	abuse flood SOCKET N      N clients that ask as fast as they can
//	abuse connect SOCKET N    N connections, or as many as it gets
//	abuse bus SOCKET 0        a message bus that never replies
//	abuse time N COMMAND... [versus COMMAND...]   the median of N runs of each
//	                          command, which take turns, in microseconds
//
// Each but the last says "ready" when it has begun and stays for half a minute.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"
)

const stay = 30 * time.Second

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "usage: abuse MODE SOCKET N, or abuse time N COMMAND...")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "abuse:", err)
		os.Exit(1)
	}
}

func run(mode string, args []string) error {
	if mode == "time" {
		n, err := strconv.Atoi(args[0])
		if err != nil {
			return err
		}
		return measure(n, commands(args[1:]))
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	abuser, ok := map[string]func(path string){"half": half, "deaf": deaf, "flood": flood, "connect": connect}[mode]
	switch {
	case mode == "bus":
		return bus(args[0])
	case !ok:
		return fmt.Errorf("%q is no mode", mode)
	}
	end := time.After(stay)
	for range n {
		if mode == "connect" || mode == "half" {
			abuser(args[0]) // one after another, so that all are there when it is ready
		} else {
			go abuser(args[0])
		}
	}
	fmt.Println("ready")
	<-end
	return nil
}

// commands divides arguments at "versus".
func commands(args []string) (list [][]string) {
	for {
		i := slices.Index(args, "versus")
		if i < 0 {
			return append(list, args)
		}
		list, args = append(list, args[:i]), args[i+1:]
	}
}

// measure prints the median time, and the spread from the first to the third
// quarter, of commands that have to succeed.
func measure(n int, list [][]string) error {
	took := make([][]time.Duration, len(list))
	for range n {
		for i, argv := range list {
			began := time.Now()
			if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
				return fmt.Errorf("%q: %w: %s", argv, err, out)
			}
			took[i] = append(took[i], time.Since(began))
		}
	}
	for _, t := range took {
		slices.Sort(t)
		fmt.Println(t[n/2].Microseconds(), t[n/4].Microseconds(), t[3*n/4].Microseconds())
	}
	return nil
}

// held keeps connections from being closed.
var held []net.Conn

func connect(path string) {
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		held = append(held, conn)
	}
}

func half(path string) {
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err != nil {
		return
	}
	held = append(held, conn)
	_, _ = io.WriteString(conn, `{"v":1,"op":"sess`) // refused already: as good
}

// ask is a request that anybody may make.
const ask = `{"v":1,"op":"sessions"}` + "\n"

// deaf makes one request after another and does not read the replies.
func deaf(path string) {
	for end := time.Now().Add(stay); time.Now().Before(end); {
		conn, err := net.DialTimeout("unix", path, time.Second)
		if err != nil {
			continue
		}
		_, _ = io.WriteString(conn, ask)
		time.Sleep(100 * time.Millisecond)
		conn.Close()
	}
}

func flood(path string) {
	for end := time.Now().Add(stay); time.Now().Before(end); {
		conn, err := net.DialTimeout("unix", path, time.Second)
		if err != nil {
			continue
		}
		if _, err = io.WriteString(conn, ask); err == nil {
			_, _ = io.Copy(io.Discard, conn)
		}
		conn.Close()
	}
}

// bus takes the place of a user's message bus, and says nothing.
func bus(path string) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return err
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = bufio.NewReader(conn).WriteTo(io.Discard) }()
		}
	}()
	fmt.Println("ready")
	time.Sleep(stay)
	return nil
}
