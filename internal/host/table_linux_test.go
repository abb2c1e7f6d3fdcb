package host

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"msg"
)

// testTable is a table of a computer on which listing takes a while.
type testTable struct {
	*table
	took time.Duration

	mu    sync.Mutex
	times []time.Duration // when a listing began
	begun time.Time
	here  *listing // what it finds
	err   error
}

func newTestTable(sessions ...string) *testTable {
	t := &testTable{begun: time.Now(), took: time.Millisecond}
	t.is(true, sessions...)
	t.table = newTable(func(ctx context.Context) (*listing, error) {
		t.mu.Lock()
		t.times = append(t.times, time.Since(t.begun))
		x, err, took := t.here, t.err, t.took
		t.mu.Unlock()
		select {
		case <-time.After(took):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return x, err
	})
	return t
}

// is changes who is there.
func (t *testTable) is(hasLogind bool, sessions ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var places []place
	for _, id := range sessions {
		places = append(places, place{Session: msg.Session{ID: id, Name: id, Kind: msg.KindTerminal}})
	}
	t.here = newListing(places, hasLogind, true)
}

// takes changes how long it takes to list.
func (t *testTable) takes(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.took = d
}

// listings are when listings began, since the last time it was asked.
func (t *testTable) listings() []time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer func() { t.times, t.begun = nil, time.Now() }()
	return t.times
}

// keeping keeps the table in a bubble, and lets it come to rest.
func keeping(t *testing.T, test func(*testing.T, *testTable)) {
	synctest.Test(t, func(t *testing.T) {
		x := newTestTable("1", "2")
		ctx, cancel := context.WithCancel(t.Context())
		if err := x.start(); err != nil {
			t.Fatal(err)
		}
		defer x.stop()
		defer cancel()
		x.busIs(true)
		go x.keep(ctx)
		time.Sleep(10*time.Second + 50*time.Millisecond) // of the bubble's clock
		<-x.changes
		x.listings()
		test(t, x)
	})
}

func (t *testTable) isQuiet() bool {
	_, quiet := t.quiet()
	return quiet
}

func (t *testTable) ids(tb testing.TB) []string {
	tb.Helper()
	x, quiet := t.quiet()
	if !quiet {
		var err error
		if x, err = t.anew(tb.Context()); err != nil {
			tb.Fatal(err)
		}
	}
	var ids []string
	for _, p := range x.places {
		ids = append(ids, p.ID)
	}
	return ids
}

func TestTableAtRest(t *testing.T) {
	keeping(t, func(t *testing.T, x *testTable) {
		for range 100 {
			if got := x.ids(t); len(got) != 2 {
				t.Errorf("lists %q", got)
			}
		}
		if got := x.listings(); len(got) != 0 {
			t.Errorf("at rest it was listed at %v", got)
		}
		time.Sleep(60 * time.Second)
		if got := x.listings(); len(got) != 2 {
			t.Errorf("in a minute it was listed at %v, want every %v", got, relistTime)
		}
	})
}

// What has happened before somebody asks is in what they get, however soon
// after.
func TestTableAfterAnEvent(t *testing.T) {
	keeping(t, func(t *testing.T, x *testTable) {
		x.event()
		x.is(true, "1", "2", "3")
		if x.isQuiet() {
			t.Error("right after an event the old list counts")
		}
		if got := x.ids(t); len(got) != 3 {
			t.Errorf("right after an event %q are listed", got)
		}
		time.Sleep(settleTime / 2)
		x.is(true, "1", "2", "3", "4") // and no event tells
		if got := x.ids(t); len(got) != 4 {
			t.Errorf("while things settle %q are listed", got)
		}
	})
}

func TestTableFollowsUp(t *testing.T) {
	keeping(t, func(t *testing.T, x *testTable) {
		x.event()
		time.Sleep(20 * time.Second)
		want := []time.Duration{soonTime, settleTime, lateTime}
		if got := x.listings(); !slices.Equal(got, want) {
			t.Errorf("after an event it was listed at %v, want %v", got, want)
		}
		if !x.isQuiet() {
			t.Error("it does not come to rest")
		}
	})
}

// A computer on which terminals come and go all the time is not listed all the
// time.
func TestTableInAStormOfEvents(t *testing.T) {
	keeping(t, func(t *testing.T, x *testTable) {
		for range 1000 {
			x.event()
			if x.isQuiet() {
				t.Fatal("it is quiet in a storm")
			}
			time.Sleep(10 * time.Millisecond)
		}
		if got := x.listings(); len(got) < 9 || len(got) > 11 {
			t.Errorf("in ten seconds it was listed %d times, at %v", len(got), got)
		}
	})
}

// Everybody who asks at the same time shares a listing that began after all of
// them; the one that was under way counts for none of them.
func TestTableListsForAll(t *testing.T) {
	keeping(t, func(t *testing.T, x *testTable) {
		// Longer than keep waits for things to settle, so that it asks before
		// the one under way has ended, as everybody else does.
		x.takes(3 * settleTime / 2)
		x.event()
		go func() { _, _ = x.anew(t.Context()) }()
		synctest.Wait()
		x.is(true, "new")
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if got := x.ids(t); !slices.Equal(got, []string{"new"}) {
					t.Errorf("%q are listed, want what was there before it was asked", got)
				}
			})
		}
		all.Wait()
		if got := x.listings(); len(got) != 2 {
			t.Errorf("it was listed at %v, want the one that was under way and one for all others", got)
		}
	})
}

func TestTableOfOneWhoGivesUp(t *testing.T) {
	keeping(t, func(t *testing.T, x *testTable) {
		x.takes(time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := x.anew(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a listing that never ends: %v", err)
		}
		if _, err := x.anew(t.Context()); err == nil {
			t.Error("a listing that never ends has come to something")
		}
	})
}

func TestTableTellsOfChanges(t *testing.T) {
	keeping(t, func(t *testing.T, x *testTable) {
		changed := func() bool {
			select {
			case <-x.changes:
				return true
			default:
				return false
			}
		}
		x.event()
		time.Sleep(20 * time.Second)
		if changed() {
			t.Error("nothing has changed, and it says so")
		}
		for _, who := range []string{"3", "4", "5"} {
			x.is(true, "1", "2", who)
			x.event()
			time.Sleep(2 * time.Second)
		}
		if !changed() || changed() {
			t.Error("three changes that nobody looked at are to be told once")
		}
	})
}

func TestTableWithASourceThatFails(t *testing.T) {
	keeping(t, func(t *testing.T, x *testTable) {
		x.mu.Lock()
		x.here = newListing(nil, true, false)
		x.mu.Unlock()
		x.event()
		time.Sleep(time.Minute)
		if x.isQuiet() {
			t.Error("half a list is kept")
		}
		x.mu.Lock()
		x.err = errors.New("no list at all")
		x.mu.Unlock()
		if _, err := x.anew(t.Context()); err == nil || x.isQuiet() {
			t.Errorf("no list at all: %v, quiet %v", err, x.isQuiet())
		}
		if got := x.listings(); len(got) > 20 {
			t.Errorf("in a minute it was listed %d times", len(got))
		}
	})
}

func TestTableWithoutABus(t *testing.T) {
	keeping(t, func(t *testing.T, x *testTable) {
		x.busIs(false)
		time.Sleep(time.Minute)
		if x.isQuiet() {
			t.Error("nobody tells of sessions of logind, and the list is kept")
		}
		x.is(false, "pts/1") // there is no logind any more
		time.Sleep(time.Minute)
		if !x.isQuiet() {
			t.Error("a computer without logind needs no bus")
		}
	})
}

// A message that is sent while logind is being restarted waits for it.
func TestTableWhileLogindIsRestarted(t *testing.T) {
	for _, c := range []struct {
		name       string
		told, back bool          // whether its leaving is told, and its coming back
		after      time.Duration // when it is back
		want       int
		within     time.Duration
	}{
		{"it comes back", true, true, 350 * time.Millisecond, 2, 10 * time.Millisecond},
		{"its leaving is not told", false, true, 350 * time.Millisecond, 2, 10 * time.Millisecond},
		{"its coming back was told before", false, false, 350 * time.Millisecond, 2, logindAgain},
		{"it does not", true, false, logindReturns, 1, logindAgain},
	} {
		t.Run(c.name, func(t *testing.T) {
			keeping(t, func(t *testing.T, x *testTable) {
				x.is(false, "pts/1")
				if c.told {
					x.logindWent()
				}
				x.event()
				go func() {
					<-time.After(c.after)
					if c.want > 1 {
						x.is(true, "1", "2")
					}
					if c.back {
						x.logindCame()
					}
				}()
				begun := time.Now()
				if got := x.ids(t); len(got) != c.want {
					t.Errorf("%q are listed, want %d", got, c.want)
				}
				if took := time.Since(begun); took < c.after || took > c.after+c.within {
					t.Errorf("it took %v, want %v to %v", took, c.after, c.after+c.within)
				}
				begun = time.Now()
				if got := x.ids(t); len(got) != c.want || time.Since(begun) > 10*time.Millisecond {
					t.Errorf("a second time it took %v to list %q", time.Since(begun), got)
				}
			})
		})
	}
}

func TestTableIsKeptOnce(t *testing.T) {
	x := newTestTable()
	if err := x.start(); err != nil {
		t.Fatal(err)
	}
	if err := x.start(); !errors.Is(err, errKept) {
		t.Errorf("a second time: %v", err)
	}
	x.stop()
	if err := x.start(); err != nil {
		t.Errorf("after the first has ended: %v", err)
	}
}

// Whoever waits for a listing when keeping ends gets one all the same.
func TestTableThatIsKeptNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newTestTable("1")
		x.takes(time.Second)
		if err := x.start(); err != nil {
			t.Fatal(err)
		}
		go func() {
			<-time.After(time.Millisecond)
			x.stop()
		}()
		if got := x.ids(t); len(got) != 1 {
			t.Errorf("%q are listed", got)
		}
		if x.isKept() || x.isQuiet() {
			t.Error("it counts as kept")
		}
	})
}

func TestListingFind(t *testing.T) {
	at := time.Unix(1700000000, 0)
	one := msg.Session{ID: "1", Name: "pts/1", Account: "1000", Kind: msg.KindTerminal, Since: at}
	screen := msg.Session{ID: "4", Name: ":0", Account: "1000", Kind: msg.KindDesktop, Since: at}
	x := newListing([]place{{Session: one, uid: 1}, {Session: screen, uid: 2}}, true, true)
	change := func(s msg.Session, f func(*msg.Session)) msg.Session {
		f(&s)
		return s
	}
	for name, c := range map[string]struct {
		s    msg.Session
		here bool
	}{
		"as it was listed":              {one, true},
		"another ID of the terminal":    {change(one, func(s *msg.Session) { s.ID = "pts/1" }), true},
		"time that varies":              {change(one, func(s *msg.Session) { s.Since = at.Add(time.Second) }), true},
		"no time":                       {change(one, func(s *msg.Session) { s.Since = time.Time{} }), true},
		"another terminal":              {change(one, func(s *msg.Session) { s.Name = "pts/2" }), false},
		"somebody else":                 {change(one, func(s *msg.Session) { s.Account = "1001" }), false},
		"an earlier sign-in":            {change(one, func(s *msg.Session) { s.Since = at.Add(-time.Hour) }), false},
		"what another source says":      {change(one, func(s *msg.Session) { s.Since, s.Source = at.Add(-time.Hour), "proc" }), true},
		"desktop":                       {screen, true},
		"desktop before it has a name":  {change(screen, func(s *msg.Session) { s.Name = "x11" }), true},
		"another desktop":               {change(screen, func(s *msg.Session) { s.ID = "5" }), false},
		"a desktop where a terminal is": {change(one, func(s *msg.Session) { s.Kind = msg.KindDesktop }), false},
	} {
		places, gone := x.find([]msg.Session{c.s, c.s})
		if len(places) == 1 != c.here || len(gone) == 0 != c.here {
			t.Errorf("%s: places %v, gone %v", name, places, gone)
		}
		if c.here && (places[0].ID != c.s.ID || places[0].uid == 0) {
			t.Errorf("%s: place %+v", name, places[0])
		}
	}
}
