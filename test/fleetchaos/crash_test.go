package fleetchaos

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"msg"
	"msg/internal/fleet"
)

// TestMemberKilled holds that a member which is killed at any point between
// taking a message in and telling what came of it shows the message once when
// it is back, and that the sender learns what came of it. A message that was
// being drawn may be there once more, and says so.
func TestMemberKilled(t *testing.T) {
	needLinux(t)
	t.Parallel()
	o := newOffice(t, "127.0.0.1")
	c := o.crew()
	c.desk("send to lab-*, broadcast, up to 10 hosts, 1000 a minute")
	for _, test := range []struct {
		point string
		wait  bool
		again int // showings of the second life that are marked
		fresh int // those that are not
		once  int // showings of the first life
	}{
		{point: pointSpooled, fresh: seats},
		{point: pointSpooled, wait: true, fresh: seats},
		{point: pointDrawing, again: seats},
		{point: pointShown, once: seats},
		{point: pointAsked, wait: true, once: seats},
	} {
		name := test.point
		if test.wait {
			name += " and waited for"
		}
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			host := "lab-" + strings.ReplaceAll(name, " ", "-")
			if err := fleet.Join(context.Background(), filepath.Join(dir, "fleet"), host, o.token); err != nil {
				t.Fatal(err)
			}
			first := startMember(t, dir, test.point)
			o.untilConnected(t, host)
			m := msg.Message{ID: msg.NewID(time.Now()), Sent: time.Now(), Timeout: time.Hour, Wait: test.wait, Queue: time.Hour, Text: name}
			l := c.send(m, host)
			first.until(t, "at "+test.point)
			first.kill()
			second := startMember(t, dir, pointNone)
			o.until(t, "the message is over", func() bool { return l.over })
			second.kill()
			shown := func(life *life) (fresh, again int) {
				for _, line := range life.lines {
					switch {
					case strings.HasPrefix(line, "shown ") && strings.Contains(line, " true "):
						again++
					case strings.HasPrefix(line, "shown "):
						fresh++
					}
				}
				return fresh, again
			}
			if fresh, again := shown(first); fresh != test.once || again != 0 {
				t.Errorf("before it was killed it was shown %d and %d times, want %d", fresh, again, test.once)
			}
			if fresh, again := shown(second); fresh != test.fresh || again != test.again {
				t.Errorf("afterwards it was shown %d times, and %d marked, want %d and %d", fresh, again, test.fresh, test.again)
			}
			want := fmt.Sprint(msg.OutcomeAccepted)
			if test.wait {
				want = fmt.Sprint(msg.OutcomeAnswered)
			}
			got := slices.Sorted(maps.Values(l.outcomes()))
			if l.err != "" || len(got) != seats || got[0] != want || got[seats-1] != want {
				t.Errorf("the sender knows %v %q, want %d times %s", got, l.err, seats, want)
			}
		})
	}
}

// life is a process of a member.
type life struct {
	cmd   *exec.Cmd
	lines []string
	more  chan string
}

func startMember(t *testing.T, dir, point string) *life {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l := &life{cmd: exec.Command(self), more: make(chan string, 100)}
	l.cmd.Env = append(os.Environ(), markMember+"="+dir, markPoint+"="+point)
	l.cmd.Stderr = os.Stderr
	_, err1 := l.cmd.StdinPipe() // open for as long as this process lives
	out, err2 := l.cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(l.more)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			l.more <- lines.Text()
		}
	}()
	t.Cleanup(l.kill)
	return l
}

// until waits until it says something.
func (l *life) until(t *testing.T, line string) {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case got, more := <-l.more:
			if !more {
				t.Fatalf("the member has ended before it said %q: %q", line, l.lines)
			}
			l.lines = append(l.lines, got)
			if got == line {
				return
			}
		case <-late:
			t.Fatalf("the member never says %q: %q", line, l.lines)
		}
	}
}

// kill ends it with SIGKILL, and reads what it has said.
func (l *life) kill() {
	if l.cmd.ProcessState != nil {
		return
	}
	_ = l.cmd.Process.Kill()
	for line := range l.more {
		l.lines = append(l.lines, line)
	}
	_ = l.cmd.Wait() // it was killed
}
