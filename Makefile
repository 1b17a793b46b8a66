# Every target with a "## comment" is listed by `make help`.
SHELL := /bin/bash
.DEFAULT_GOAL := build

GO        ?= go
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS   := -s -w -X main.version=$(VERSION)
BIN       := bin/clawconsole
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME  ?= 20s
DEMOFLAGS ?=

# With no home there is no default for Go's folders: keep them in the checkout.
ifeq ($(HOME),)
export HOME := $(CURDIR)/.cache/home
endif

.PHONY: build
build: ## build the static binary into bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN) ./cmd/clawconsole

.PHONY: demo
demo: build ## run the console against an embedded Telegram and a real OpenClaw gateway
	$(BIN) demo $(DEMOFLAGS)

.PHONY: test
test: ## run every test that CI runs, those against the real OpenClaw gateway included
	./scripts/test-deps
	$(GO) test -race -timeout 20m ./...

.PHONY: race
race: test ## the same: tests always run with the race detector

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME each
	./scripts/fuzz $(FUZZTIME)

.PHONY: bench
bench: ## run the benchmarks and print each figure with its bar
	./scripts/bench

.PHONY: lint
lint: ## gofmt, go vet, staticcheck
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "gofmt wants:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

.PHONY: help
help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 10
