package fleet

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
)

// TestBrief holds that who knows the members is told only who is connected, and
// that who knows other members is told all.
func TestBrief(t *testing.T) {
	list := func() []MemberInfo {
		return []MemberInfo{
			{Name: "a", Key: "U1", Tags: []string{"lab"}, Online: true, Seen: noon},
			{Name: "b", Key: "U2", Tags: []string{}},
			{Name: "c", Key: "U3", Site: "berlin", Number: 7, Online: true},
		}
	}
	full := told{Members: list()}.brief(ask{})
	expect(t, "members", len(full.Members), 3)
	known := ask{Digest: full.Digest}
	now := list()
	now[0].Online, now[1].Online, now[0].Seen, now[0].Version = false, true, noon.Add(time.Hour), "2"
	short := told{Members: now}.brief(known)
	expect(t, "members", len(short.Members), 0)
	expect(t, "online", []bool{short.Online.has(0), short.Online.has(1), short.Online.has(2)}, "[false true true]")
	for what, change := range map[string]func(*[]MemberInfo){
		"a name":    func(l *[]MemberInfo) { (*l)[1].Name = "bb" },
		"a key":     func(l *[]MemberInfo) { (*l)[1].Key = "U9" },
		"a tag":     func(l *[]MemberInfo) { (*l)[1].Tags = []string{"lab"} },
		"a tag off": func(l *[]MemberInfo) { (*l)[0].Tags = nil },
		"a site":    func(l *[]MemberInfo) { (*l)[2].Site = "" },
		"a number":  func(l *[]MemberInfo) { (*l)[2].Number = 8 },
		"one more":  func(l *[]MemberInfo) { *l = append(*l, MemberInfo{Name: "d"}) },
		"one less":  func(l *[]MemberInfo) { *l = (*l)[:2] },
	} {
		other := list()
		change(&other)
		if got := (told{Members: other}).brief(known); len(got.Members) != len(other) || bytes.Equal(got.Digest, known.Digest) {
			t.Errorf("%s is another: %d members are told of %d", what, len(got.Members), len(other))
		}
	}
	if page := (told{Members: list(), More: true}).brief(known); len(page.Members) != 3 || page.Digest != nil {
		t.Errorf("a page of several is %+v", page)
	}
}

// TestRoster holds that a sender knows who is connected, and which tags members
// have, when it is told in short.
func TestRoster(t *testing.T) { onBoth(t, testRoster) }

func testRoster(t *testing.T, o *office) {
	boss := o.join("desk-1")
	lab := o.join("lab-07")
	o.allow(boss, "send")
	online := func() []string {
		var names []string
		for _, m := range first(boss.roster(t.Context())).Members {
			if m.Online {
				names = append(names, m.Name)
			}
		}
		return names
	}
	expect(t, "members", online(), "[desk-1 lab-07]")
	expect(t, "told in short", online(), "[desk-1 lab-07]")
	known := boss.known.Digest
	answer := first(boss.fleet(t.Context(), ask{Digest: known}))
	if len(answer.Members) != 0 || len(answer.Online) == 0 {
		t.Errorf("the hub tells of %d members who are known", len(answer.Members))
	}
	lab.end()
	boss.waitFor("it is gone", func() bool { return slices.Equal(online(), []string{"desk-1"}) })
	if !bytes.Equal(known, boss.known.Digest) {
		t.Error("all members were told again, though none is another")
	}
	o.join("lab-08")
	expect(t, "one more", online(), "[desk-1 lab-08]")
}

// TestReportsComeTogether holds how long the hub waits for more reports: until
// none comes, but not longer than it may.
func TestReportsComeTogether(t *testing.T) {
	for _, test := range []struct {
		what    string
		most    time.Duration
		reports int // one each 60 ms, after the first
		want    time.Duration
	}{
		{"one", ackLongest, 0, ackPause},
		{"some", ackLongest, 3, 300 * time.Millisecond},
		{"many", ackLongest, 100, ackLongest},
		{"many, at a leaf hub", ackPause, 100, ackPause},
	} {
		t.Run(test.what, func(t *testing.T) { gatherOnce(t, test.most, test.reports, test.want) })
	}
}

func gatherOnce(t *testing.T, most time.Duration, reports int, want time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		a := &acks{hub: &Hub{}, pause: most, more: make(chan struct{}, 1)}
		go func() {
			for range reports {
				time.Sleep(60 * time.Millisecond)
				a.take(&nats.Msg{})
			}
		}()
		begin := time.Now()
		if !a.gather(t.Context()) {
			t.Error("it was ended")
		}
		expect(t, "it waits", time.Since(begin), want)
		time.Sleep(time.Minute)
	})
}
