package wine_test

import (
	"os/exec"
	"slices"
	"testing"
	"time"

	"msg/test/wine"
)

// rounds of BenchmarkStart; the first ones warm up.
const rounds, warm = 41, 3

// BenchmarkStart compares how long msg.exe takes to print its version and to
// send a message with a Go program that says hello, in Wine, by turns.
func BenchmarkStart(b *testing.B) {
	p := wine.Boot(b)
	desk := p.Desk(b)
	desk.Sessions(".|1|Console|active|bob|VM||resp=1")
	msg, hello := wine.Build(b, "msg/cmd/msg"), wine.Build(b, "msg/test/wine/hello")
	for b.Loop() {
		var plain, version, send []time.Duration
		for i := range rounds + warm {
			times := []time.Duration{
				timed(b, desk.Command(hello)),
				timed(b, desk.Command(msg, "--version")),
				timed(b, desk.Command(msg, "bob", "hello")),
			}
			if i < warm {
				continue
			}
			plain, version, send = append(plain, times[0]), append(version, times[1]), append(send, times[2])
		}
		report(b, "hello", plain, plain)
		report(b, "version", version, plain)
		report(b, "send", send, plain)
	}
	b.ReportMetric(0, "ns/op") // says nothing
}

func timed(b *testing.B, cmd *exec.Cmd) time.Duration {
	b.Helper()
	begin := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%q: %v\n%s", cmd.Args, err, out)
	}
	return time.Since(begin)
}

// report prints the median, the spread (the middle half), and the ratio to
// what it is compared with.
func report(b *testing.B, name string, of, to []time.Duration) {
	slices.Sort(of)
	slices.Sort(to)
	median, n := of[len(of)/2], len(of)
	b.Logf("%-8s median %v, middle half %v to %v, %.2f times hello", name, median.Round(time.Millisecond/10),
		of[n/4].Round(time.Millisecond/10), of[3*n/4].Round(time.Millisecond/10), float64(median)/float64(to[len(to)/2]))
	b.ReportMetric(float64(median)/float64(to[len(to)/2]), name+"/hello")
}
