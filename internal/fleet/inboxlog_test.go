package fleet

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"msg"
)

// newHeld is a message that was just taken in.
func newHeld(text string) *held {
	id := msg.NewID(noon)
	return &held{ID: id, Wire: []byte(text), Expires: noon.Add(time.Hour), Copies: []int64{0}, Report: Report{ID: id, Serial: 1, At: noon}}
}

func addHeld(t *testing.T, b *inbox, text string) *held {
	t.Helper()
	h, fresh, err := b.add(newHeld(text), noon)
	if err != nil || !fresh {
		t.Fatalf("adding %q: fresh %v, %v", text, fresh, err)
	}
	return h
}

// end finishes a message, and has the hub know it.
func (h *held) end(t *testing.T, b *inbox) {
	t.Helper()
	h.mu.Lock()
	h.Report.Done, h.Report.Serial, h.Wire = true, 2, nil
	err := b.finish(h, first(h.entry()).Report)
	h.Taken, h.Copies, h.dirty = 2, append(h.Copies, 7), true
	h.mu.Unlock()
	wantErr(t, "finishing", err, "")
}

// saysOf is what an inbox knows of a message, in one line.
func saysOf(b *inbox, h *held) string {
	got := b.get(h.ID)
	if got == nil {
		return "nothing"
	}
	return fmt.Sprintf("%q done %v taken %d copies %d", got.Wire, got.Report.Done, got.Taken, got.Copies)
}

// TestInboxLog holds what is there when the inbox is opened anew, whatever
// became of the end of its file.
func TestInboxLog(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, inboxFile)
	b := first(openInbox(dir, noon))
	shown, waiting := addHeld(t, b, "shown"), addHeld(t, b, "waiting")
	shown.end(t, b)
	wantErr(t, "flushing", b.flushAll(), "")
	want := func(what string, b *inbox) {
		t.Helper()
		expect(t, what, saysOf(b, shown), `"" done true taken 2 copies [0 7]`)
		expect(t, what, saysOf(b, waiting), `"waiting" done false taken 0 copies [0]`)
	}
	want("opened anew", first(openInbox(dir, noon)))

	whole := first(os.ReadFile(path))
	next := whole[:bytes.IndexByte(whole, '\n')]
	for what, data := range map[string][]byte{
		"cut off":               append(bytes.Clone(whole), next[:len(next)-3]...),
		"zeros behind it":       append(bytes.Clone(whole), make([]byte, 700)...),
		"a line that is no one": append(bytes.Clone(whole), "00000000 {}\n"...),
	} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		again := first(openInbox(dir, noon))
		want(what, again)
		third := addHeld(t, again, "third")
		third.end(t, again)
		reopened := first(openInbox(dir, noon))
		want(what+", and more behind it", reopened)
		expect(t, what, saysOf(reopened, third), `"" done true taken 0 copies [0]`)
		wantErr(t, what, again.log.close(), "")
	}
}

// TestInboxLogForgets holds that what has expired goes, also from the disk, and
// that a text is not kept there when it is done.
func TestInboxLogForgets(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, inboxFile)
	b := first(openInbox(dir, noon))
	h, waiting := addHeld(t, b, "the first text"), addHeld(t, b, "the second text")
	h.end(t, b)
	wantErr(t, "resting", b.log.rest(), "")
	data := string(first(os.ReadFile(path)))
	if strings.Contains(data, base64.StdEncoding.EncodeToString([]byte("the first text"))) || !strings.Contains(data, base64.StdEncoding.EncodeToString([]byte("the second text"))) {
		t.Errorf("the log has %s", data)
	}
	stat := first(os.Stat(path))
	wantErr(t, "resting again", b.log.rest(), "")
	if !os.SameFile(stat, first(os.Stat(path))) {
		t.Error("it is written anew, though nothing has changed")
	}
	wantErr(t, "forgetting", b.forget(noon.Add(2*time.Hour)), "")
	expect(t, "expired", saysOf(b, h), "nothing")
	again := first(openInbox(dir, noon))
	expect(t, "forgotten", saysOf(again, h), "nothing")
	expect(t, "not done", saysOf(again, waiting), `"the second text" done false taken 0 copies [0]`)
	wantErr(t, "closing", b.log.close(), "")
}

// TestInboxLogStaysSmall holds that the file does not grow for ever, and that
// nothing is lost when it is written anew while others write.
func TestInboxLogStaysSmall(t *testing.T) {
	dir := t.TempDir()
	b := first(openInbox(dir, noon))
	text := strings.Repeat("x", 20_000)
	const writers, each = 4, 50
	var kept [writers]*held
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			for range each {
				h := addHeld(t, b, text)
				h.end(t, b)
				kept[i] = h
			}
		})
	}
	all.Wait()
	size := first(os.Stat(filepath.Join(dir, inboxFile))).Size()
	if most := int64(3 * mayGrow); size > most {
		t.Errorf("the log has %d bytes after %d messages, want at most %d", size, writers*each, most)
	}
	again := first(openInbox(dir, noon))
	expect(t, "messages", len(again.all()), writers*each)
	for _, h := range kept {
		expect(t, "the last", saysOf(again, h), `"" done true taken 0 copies [0]`)
	}
	wantErr(t, "closing", b.log.close(), "")
}

// TestInboxLogFails holds that what could not be written is not taken in, and
// that the next message is, when it can be.
func TestInboxLogFails(t *testing.T) {
	dir := t.TempDir()
	b := first(openInbox(dir, noon))
	before := addHeld(t, b, "before")
	b.log.mu.Lock()
	b.log.file.Close() // as if the disk were gone
	b.log.mu.Unlock()
	lost := newHeld("lost")
	_, _, err := b.add(lost, noon)
	wantErr(t, "adding", err, "writing the inbox")
	expect(t, "after that", saysOf(b, lost), "nothing")
	after := addHeld(t, b, "after")
	again := first(openInbox(dir, noon))
	expect(t, "before", saysOf(again, before), `"before" done false taken 0 copies [0]`)
	expect(t, "lost", saysOf(again, lost), "nothing")
	expect(t, "after", saysOf(again, after), `"after" done false taken 0 copies [0]`)
	wantErr(t, "closing", b.log.close(), "")
}
