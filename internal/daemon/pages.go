package daemon

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"os"

	"msg/internal/text"
)

// The store maps its file into memory and trusts every number in it: with a
// wrong one it reads somewhere else and the program ends, which no code can
// prevent. So the pages are looked at with plain reads before. The format is
// that of bbolt 1.x (version 2 of the file), which is fixed.
const (
	pageHeader   = 16 // id 8, flags 2, count 2, overflow 4
	pageElement  = 16 // of a branch and of a leaf
	metaSize     = 64 // after the header of its page
	metaChecked  = 56 // of which the checksum is
	bucketHeader = 16 // root 8, sequence 8; an inline page follows if root is 0

	flagBranch, flagLeaf, flagFree = 1, 2, 16

	storeMagic, storeVersion = 0xED0CDAED, 2
	noFreelist               = ^uint64(0)
)

// pages is the file while it is looked at.
type pages struct {
	file           *os.File
	pageSize       int64
	root, freelist uint64
	txid           uint64
	end            uint64          // no page has this number or a higher one
	seen           map[uint64]bool // pages that something is in
}

// checkPages reports what is wrong with a file. Nobody may write to it
// meanwhile.
func checkPages(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	p := &pages{file: f, seen: map[uint64]bool{}}
	if err := p.readHead(); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if uint64(info.Size()/p.pageSize) < p.end {
		return fmt.Errorf("%d bytes are too short for %d pages", info.Size(), p.end)
	}
	if err := p.checkRoot(); err != nil {
		return err
	}
	return p.checkFree()
}

// readHead finds the newer of the two heads that are whole, as the store does.
func (p *pages) readHead() error {
	if !p.head(0) { // the first says where the second is
		for size := int64(1 << 10); size <= 1<<24 && !p.head(size); size *= 2 {
		}
	} else {
		p.head(p.pageSize)
	}
	if p.pageSize == 0 {
		return errors.New("it has no head")
	}
	return nil
}

// head takes over the head at an offset if it is whole and newer.
func (p *pages) head(offset int64) bool {
	b := make([]byte, metaSize)
	if _, err := p.file.ReadAt(b, offset+pageHeader); err != nil {
		return false
	}
	sum := fnv.New64a()
	sum.Write(b[:metaChecked])
	magic, version, size, txid := u32(b), u32(b[4:]), int64(u32(b[8:])), u64(b[48:])
	if magic != storeMagic || version != storeVersion || u64(b[metaChecked:]) != sum.Sum64() || size < 1<<10 || p.pageSize != 0 && txid < p.txid {
		return false
	}
	p.pageSize, p.root, p.freelist, p.end, p.txid = size, u64(b[16:]), u64(b[32:]), u64(b[40:]), txid
	return true
}

// page is one page with those that it runs over into.
type page struct {
	id    uint64
	flags uint16
	count int
	data  []byte
}

func parsePage(data []byte) page {
	return page{u64(data), binary.NativeEndian.Uint16(data[8:]), int(binary.NativeEndian.Uint16(data[10:])), data}
}

// read reads a page that nothing else may be in.
func (p *pages) read(id uint64) (page, error) {
	header := make([]byte, pageHeader)
	if id < 2 || id >= p.end {
		return page{}, fmt.Errorf("there is no page %d", id)
	}
	if _, err := p.file.ReadAt(header, int64(id)*p.pageSize); err != nil {
		return page{}, err
	}
	over := uint64(u32(header[12:]))
	if u64(header) != id || over >= p.end-id {
		return page{}, fmt.Errorf("page %d is none", id)
	}
	for i := id; i <= id+over; i++ {
		if p.seen[i] {
			return page{}, fmt.Errorf("page %d is used twice", i)
		}
		p.seen[i] = true
	}
	data := make([]byte, int64(over+1)*p.pageSize)
	_, err := p.file.ReadAt(data, int64(id)*p.pageSize)
	return parsePage(data), err
}

// element is one of a page, or why there is none.
func (pg page) element(i int) (e element, err error) {
	at := pageHeader + i*pageElement
	if at+pageElement > len(pg.data) {
		return e, fmt.Errorf("page %d has no element %d", pg.id, i)
	}
	b := pg.data[at:]
	if pg.flags == flagBranch {
		return e, e.cut(b, u32(b), u32(b[4:]), 0, u64(b[8:]), 0)
	}
	return e, e.cut(b, u32(b[4:]), u32(b[8:]), u32(b[12:]), 0, u32(b))
}

// element is a key with its value, or with the page below.
type element struct {
	key, value []byte
	below      uint64
	bucket     bool
}

func (e *element) cut(b []byte, pos, keySize, valueSize uint32, below uint64, flags uint32) error {
	start, mid := uint64(pos), uint64(pos)+uint64(keySize)
	if end := mid + uint64(valueSize); end > uint64(len(b)) || flags > 1 {
		return errors.New("an element is not in its page")
	}
	*e = element{key: b[start:mid], value: b[mid : mid+uint64(valueSize)], below: below, bucket: flags == 1}
	return nil
}

// checkRoot checks the list of buckets and each of them.
func (p *pages) checkRoot() error {
	found := 0
	err := p.walk(p.root, nil, nil, func(e element) error {
		name := text.Line(string(e.key))
		if !e.bucket || len(e.value) < bucketHeader {
			return fmt.Errorf("%q is no bucket", name)
		}
		found++
		if root := u64(e.value); root != 0 {
			return p.walk(root, nil, nil, isPlain)
		}
		inline := e.value[bucketHeader:]
		if len(inline) < pageHeader {
			return fmt.Errorf("bucket %q is cut off", name)
		}
		return p.walkPage(parsePage(inline), nil, nil, isPlain)
	})
	if err == nil && found != len(buckets) {
		err = fmt.Errorf("it has %d buckets and should have %d", found, len(buckets))
	}
	return err
}

func isPlain(e element) error {
	if e.bucket {
		return fmt.Errorf("%q is a bucket", text.Line(string(e.key)))
	}
	return nil
}

// walk visits what is below a page; its keys are at least least, if that is
// not nil, and less than most.
func (p *pages) walk(id uint64, least, most []byte, visit func(element) error) error {
	pg, err := p.read(id)
	if err != nil {
		return err
	}
	return p.walkPage(pg, least, most, visit)
}

func (p *pages) walkPage(pg page, least, most []byte, visit func(element) error) error {
	if pg.flags != flagLeaf && (pg.flags != flagBranch || pg.count == 0) {
		return fmt.Errorf("page %d has flags %x and %d elements", pg.id, pg.flags, pg.count)
	}
	for i := range pg.count {
		e, err := pg.element(i)
		if err != nil {
			return err
		}
		order := bytes.Compare(e.key, least) // the first may be that of the branch above
		if order < 0 || order == 0 && i > 0 || most != nil && bytes.Compare(e.key, most) >= 0 {
			return fmt.Errorf("the keys of page %d are in the wrong order", pg.id)
		}
		least = e.key
		if pg.flags == flagLeaf {
			err = visit(e)
		} else {
			err = p.walkBelow(pg, i, e, most, visit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// walkBelow walks what is below element i of a branch, up to the next one.
func (p *pages) walkBelow(pg page, i int, e element, most []byte, visit func(element) error) error {
	if i+1 < pg.count {
		next, err := pg.element(i + 1)
		if err != nil {
			return err
		}
		most = next.key
	}
	return p.walk(e.below, e.key, most, visit)
}

// checkFree checks that no page in the list of free pages is in use.
func (p *pages) checkFree() error {
	if p.freelist == noFreelist {
		return nil
	}
	pg, err := p.read(p.freelist)
	if err != nil {
		return err
	}
	ids, count := pg.data[pageHeader:], uint64(pg.count)
	if count == 0xffff { // more than the header has room for
		count, ids = u64(ids), ids[8:]
	}
	if pg.flags != flagFree || count > uint64(len(ids)/8) {
		return errors.New("the list of free pages is none")
	}
	for i := range count {
		id := u64(ids[8*i:])
		if id < 2 || id >= p.end || p.seen[id] {
			return fmt.Errorf("page %d is free and in use", id)
		}
		p.seen[id] = true
	}
	return nil
}

func u32(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }
func u64(b []byte) uint64 { return binary.NativeEndian.Uint64(b) }
