# make run    build, and show the main job working
# make test   install what the tests need (Debian), then run every test
# make quick  the tests that need no root, in under a minute
# make bench  compare with wall(1); times never fail anything
# make fuzz   every fuzz target for FUZZTIME
# make all && sudo make install   into DESTDIR/PREFIX

PREFIX ?= /usr/local
FUZZTIME ?= 10m

GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0
BUILD = CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w'

.PHONY: all build run test quick check bench fuzz man install clean

all: build man

build:
	$(BUILD) -o bin/ ./cmd/msg ./cmd/query
	ln -sf query bin/qwinsta
	ln -sf query bin/quser

run: build
	$(GO) run ./test/demo bin/msg bin/query

test:
	test/install-tools
	$(MAKE) check
	GO=$(GO) test/run-tests

quick:
	$(GO) vet ./...
	$(GO) test -race -short ./...

# The other systems compile; what they do there is not tested here.
check:
	test -z "$$(gofmt -l .)"
	$(GO) mod verify
	GOOS=linux $(GO) vet ./...
	GOOS=windows $(GO) vet ./...
	GOOS=darwin $(GO) vet ./...
	$(GO) run $(STATICCHECK) -checks all ./...
	GO=$(GO) test/vulnerabilities $(GOVULNCHECK)

bench: build
	test/bench/run

fuzz:
	GO=$(GO) test/fuzz $(FUZZTIME)

man: bin/msg.1 bin/query.1

bin/%.1: doc/%.1.scd
	@mkdir -p bin
	scdoc < $< > $@

install:
	install -Dm755 bin/msg $(DESTDIR)$(PREFIX)/bin/msg
	install -Dm755 bin/query $(DESTDIR)$(PREFIX)/bin/query
	ln -sf query $(DESTDIR)$(PREFIX)/bin/qwinsta
	ln -sf query $(DESTDIR)$(PREFIX)/bin/quser
	install -Dm644 bin/msg.1 $(DESTDIR)$(PREFIX)/share/man/man1/msg.1
	install -Dm644 bin/query.1 $(DESTDIR)$(PREFIX)/share/man/man1/query.1
	ln -sf query.1 $(DESTDIR)$(PREFIX)/share/man/man1/qwinsta.1
	ln -sf query.1 $(DESTDIR)$(PREFIX)/share/man/man1/quser.1

clean:
	rm -rf bin
