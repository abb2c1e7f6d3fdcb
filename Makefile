# make run    build, and show the main job working
# make test   install what the tests need (Debian), then run every test
# make quick  the tests that need no root, in under a minute
# make bench  compare with wall(1), msg.exe with an empty program, remote calls with Impacket, and a fleet with plain NATS and
#             clush(1); times never fail anything
# make fuzz   every fuzz target for FUZZTIME
# make all && sudo make install   into DESTDIR/PREFIX
# make packages VERSION=1.2.3     bin/msg_1.2.3_amd64.deb and bin/msg-1.2.3-1.x86_64.rpm
# make windows VERSION=1.2.3      bin/windows: zip and MSI for amd64 and arm64, SHA256SUMS
#   DOWNLOADS=https://...         and the manifests for winget, Scoop and Chocolatey
#   SIGN_KEY= SIGN_CERT= SIGN_PASS= SIGN_TS=    signed: see dist/windows/main.go

PREFIX ?= /usr/local
FUZZTIME ?= 10m
# Of a release; without it the programs say what Go knows of the build.
VERSION ?=
ARCH ?= amd64
BIN ?= bin

GO ?= go
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0
NFPM = github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
LDFLAGS = -s -w$(if $(VERSION), -X msg/internal/cli.version=$(VERSION))
BUILD = CGO_ENABLED=0 $(GO) build -trimpath -ldflags='$(LDFLAGS)'

.PHONY: all build run test quick check bench fuzz man install packages windows clean

all: build man

build:
	$(BUILD) -o $(BIN)/ ./cmd/msg ./cmd/msgd ./cmd/query
	$(BUILD) -tags remote -o $(BIN)/msg-remote ./cmd/msg
	ln -sf query $(BIN)/qwinsta
	ln -sf query $(BIN)/quser

run: build
	$(GO) run ./test/demo $(BIN)/msg $(BIN)/query

test:
	test/install-tools
	$(MAKE) check
	GO=$(GO) test/run-tests

# Most of these tests wait for a window or a terminal rather than for the CPU.
quick:
	$(GO) vet ./...
	$(GO) test -race -short -p 4 -parallel 8 ./...

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
	$(GO) test -run '^$$' -bench Start -benchtime 1x ./test/wine
	$(GO) test -run '^$$' -bench Message -benchtime 1x ./test/samba
	$(GO) test -run '^$$' -bench 'Fleet|Shell|Relay' -benchtime 1x -timeout 30m ./internal/fleet

fuzz:
	GO=$(GO) test/fuzz $(FUZZTIME)

MAN = msg.1 query.1 msgd.toml.5 msgd.8

man: $(MAN:%=$(BIN)/%)

$(BIN)/%: doc/%.scd
	@mkdir -p $(BIN)
	scdoc < $< > $@

# systemd and the shells look below /usr/local as well as below /usr.
install:
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m755 $(BIN)/msg $(BIN)/msgd $(BIN)/query $(DESTDIR)$(PREFIX)/bin
	install -Dm755 $(BIN)/msg-remote $(DESTDIR)$(PREFIX)/lib/msg/msg-remote
	ln -sf query $(DESTDIR)$(PREFIX)/bin/qwinsta
	ln -sf query $(DESTDIR)$(PREFIX)/bin/quser
	for page in $(MAN); do \
		install -Dm644 $(BIN)/$$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$$page || exit; \
	done
	ln -sf query.1 $(DESTDIR)$(PREFIX)/share/man/man1/qwinsta.1
	ln -sf query.1 $(DESTDIR)$(PREFIX)/share/man/man1/quser.1
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|/usr/bin/|$(PREFIX)/bin/|' dist/systemd/msgd.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/msgd.service
	sed 's|/usr/bin/|$(PREFIX)/bin/|' dist/systemd/msgd-hub.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/msgd-hub.service
	sed 's|/usr/bin/|$(PREFIX)/bin/|' dist/systemd/msgd-fleet.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/msgd-fleet.service
	install -m644 dist/systemd/msgd.socket dist/systemd/msgd-windows.socket dist/systemd/msgd-fleet.socket $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -Dm644 doc/windows.md $(DESTDIR)$(PREFIX)/share/doc/msg/windows.md
	install -Dm644 doc/fleet.md $(DESTDIR)$(PREFIX)/share/doc/msg/fleet.md
	install -Dm644 dist/sysusers.d/msg.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/msg.conf
	test -e $(DESTDIR)/etc/msg/msgd.toml || install -Dm644 doc/msgd.toml $(DESTDIR)/etc/msg/msgd.toml
	install -Dm644 dist/completions/msg.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/msg
	for name in msgd query qwinsta quser; do \
		ln -sf msg $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$name || exit; \
	done
	install -Dm644 dist/completions/_msg $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_msg
	for name in msg msgd query; do \
		install -Dm644 dist/completions/$$name.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$name.fish || exit; \
	done
	ln -sf query.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/qwinsta.fish
	ln -sf query.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/quser.fish

packages:
	GOOS=linux GOARCH=$(ARCH) $(MAKE) all
	GO="$(GO)" dist/packages "$(BIN)" "$(or $(VERSION),0.0.0)" "$(ARCH)" $(NFPM)

windows:
	GO="$(GO)" $(GO) run ./dist/windows -version "$(or $(VERSION),0.0.0)" -out "$(BIN)/windows" -downloads "$(DOWNLOADS)" \
		-sign-key "$(SIGN_KEY)" -sign-cert "$(SIGN_CERT)" -sign-pass "$(SIGN_PASS)" -sign-ts "$(SIGN_TS)"

clean:
	rm -rf $(BIN)
