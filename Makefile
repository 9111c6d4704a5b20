# `make` alone prints this list. Exact versions of all that is fetched stand here, in go.mod and in interop/.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

GO      ?= go
# The race detector needs a C compiler; without one the tests run without it, and say so.
RACE    := $(shell command -v "$$($(GO) env CC)" >/dev/null 2>&1 && [ "$$($(GO) env CGO_ENABLED)" = 1 ] && echo -race)
# A machine that is four times slower than two idle cores passes.
TIMEOUT := -timeout 20m
# make check vets everything, once. What one clone has compiled, another need not: its path is left out.
ONCE    := -vet=off -trimpath
# How a test run is started; CI counts the tests with another runner.
GOTEST  ?= $(GO) test
BUILD   := $(CURDIR)/.build
RELEASE := -trimpath -ldflags "-s -w"
LINT    := golangci-lint
LINT_VERSION      := v2.15.0
BENCHSTAT_VERSION := v0.0.0-20260908200009-22c9c6c9d4da

.PHONY: help
help: ## print this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## run the server on 127.0.0.1:8080 with the development account
	@CGO_ENABLED=0 $(GO) build $(RELEASE) -o $(BUILD)/nudge ./cmd/nudge && exec $(BUILD)/nudge serve

.PHONY: run-push
run-push: build ## run the server with an APNs, an FCM and a push service on this machine, and print what they get
	@$(GO) build -o $(BUILD)/pushdemo ./cmd/pushdemo && exec $(BUILD)/pushdemo $(BUILD)/nudge $(BUILD)/push

.PHONY: build
build: ## build .build/nudge, static and without debug information: two thirds of the size
	CGO_ENABLED=0 $(GO) build $(RELEASE) -o $(BUILD)/nudge ./cmd/nudge

.PHONY: test
test: ## run all Go tests: the module's own, and the official Go SDK against a running server
ifeq ($(RACE),)
	@echo "No C compiler: the tests run without the race detector."
endif
	$(GOTEST) $(ONCE) $(TIMEOUT) $(RACE) ./...
ifneq ($(RACE),)
	@echo "With the race detector, one in ten of these was tried:"
	$(GOTEST) $(ONCE) $(TIMEOUT) -run '^(TestMutantsAreCaught|TestCorrectServersPass|TestWalkNoticesEveryRemovedRendering|TestChanges|TestOddDocuments|TestStrictServers|TestStrictServersOfForeignDocuments|TestForeignDocuments)$$' ./contract ./portal ./internal/docdiff
endif
	@echo "Other people's code beside it, without the race detector:"
	cd interop && $(GOTEST) $(ONCE) $(TIMEOUT) ./...

.PHONY: quick
quick: ## run the tests that take no time, as often as you like
	$(GO) test -short ./...

.PHONY: generate
generate: ## make all that follows from openapi.yaml, and say what is left to do
	$(GO) generate ./...
	@$(GO) run ./cmd/nextsteps

.PHONY: check
check: drift breaking tidy vet lint guard changes ## everything that keeps the tree in order; fails on any difference

.PHONY: guard
guard: ## fail if a request allocates more than it did
	$(GO) test $(ONCE) -tags guard -run '^TestAllocations$$' ./server

.PHONY: changes
changes: ## change copies of the document: everything passes without another edit, or make generate names what is to be written
	$(GO) test $(TIMEOUT) -count=1 -tags changes -run '^TestDocumentChanges$$' .

.PHONY: drift
drift: ## fail if the generated files are not what openapi.yaml makes
	@rm -rf $(BUILD)/drift && mkdir -p $(BUILD)/drift/committed
	@git ls-files -z --cached --others --exclude-standard \
		| tar --null --ignore-failed-read -cf - -T - 2>/dev/null | tar -xf - -C $(BUILD)/drift/committed
	@cp -r $(BUILD)/drift/committed $(BUILD)/drift/generated
	@find $(BUILD)/drift/generated -name '*.gen.go' -delete
	@cd $(BUILD)/drift/generated && $(GO) generate ./...
	@diff -r --brief $(BUILD)/drift/committed $(BUILD)/drift/generated \
		|| { echo "Generated files differ from what openapi.yaml makes: run make generate, and commit the result."; exit 1; }
	@rm -rf $(BUILD)/drift

# The released document that is compared with; versions/accepted.yaml lists the breaks that were reviewed.
RELEASED = $(shell ls versions/[0-9]*.yaml | sort -V | tail -1)

.PHONY: breaking
breaking: ## fail if openapi.yaml breaks users of the last released document
	$(GO) run ./cmd/nudge diff $(RELEASED) openapi.yaml --for all --accepted versions/accepted.yaml

.PHONY: tidy
tidy: ## fail if a go.mod or go.sum is not tidy
	$(GO) mod tidy -diff
	cd interop && $(GO) mod tidy -diff
	cd bench && $(GO) mod tidy -diff
	cd release && $(GO) mod tidy -diff

.PHONY: vet
vet: ## run go vet
	$(GO) vet ./...
	cd interop && $(GO) vet ./...
	cd bench && $(GO) vet ./...
	cd release && $(GO) vet ./...

.PHONY: lint
lint: $(BUILD)/$(LINT)-$(LINT_VERSION) ## run the linters
	$< run ./...

$(BUILD)/$(LINT)-$(LINT_VERSION):
	@mkdir -p $(BUILD)
	GOBIN=$(BUILD) GOFLAGS= $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	mv $(BUILD)/$(LINT) $@

.PHONY: interop
interop: ## run official SDKs, MCP clients, a browser and Schemathesis against a running server
	interop/run

.PHONY: release-document
release-document: ## release the document as VERSION=1.1.0, with SUMMARY='What it is about.': its copy, its day, what was accepted
	@versions/release "$(VERSION)" "$(SUMMARY)"

.PHONY: release
release: ## make what is published of a version: binaries of six platforms, Debian packages, SBOM, licences, checksums (7 minutes)
	cd release && $(GO) run . -out $(BUILD)/release

.PHONY: cluster
cluster: ## run three NATS servers, three nodes that share them and a balancer on loopback, until Ctrl-C
	cd interop && exec $(GO) run ./cmd/cluster .. $(BUILD)/cluster

# make chaos CHAOS='-for 1h -seed 7'
CHAOS ?= -for 80s

.PHONY: chaos
chaos: ## try a cluster of processes, then kill and stop them under load, and judge what arrived (3 minutes)
	cd interop && $(GOTEST) $(ONCE) $(TIMEOUT) -tags cluster ./local
	cd interop && $(GO) run ./cmd/chaos -dir $(BUILD)/chaos $(CHAOS)

.PHONY: bench
bench: ## measure the layers of a request, and load and size of a running server (10 minutes)
	@mkdir -p $(BUILD)
	$(GO) test -run '^$$' -bench . -benchmem -count 6 ./server | tee $(BUILD)/bench.txt
	$(GO) run golang.org/x/perf/cmd/benchstat@$(BENCHSTAT_VERSION) -col /layer $(BUILD)/bench.txt
	cd bench && $(GO) build -o $(BUILD)/bench .
	$(BUILD)/bench load
	$(BUILD)/bench push
	$(BUILD)/bench portal
	$(BUILD)/bench devices
	$(BUILD)/bench million

.PHONY: bench-peers
bench-peers: ## set nudge beside its peers in one run, and write bench/RESULTS.md with its charts (5 minutes)
	cd bench/peers && npm ci --no-audit --no-fund --loglevel=error
	mkdir -p $(BUILD)/ogen && cp interop/testdata/ogen/* $(BUILD)/ogen && cp openapi.yaml $(BUILD)/ogen
	cd $(BUILD)/ogen && $(GO) tool ogen --target api --package api --clean openapi.yaml && $(GO) build -o ogenserver .
	cd bench && $(GO) build -o $(BUILD)/bench .
	$(BUILD)/bench peers -out bench -ogen $(BUILD)/ogen/ogenserver -prism bench/peers/node_modules/.bin/prism -postgres "$$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -1)"

.PHONY: bench-growth
bench-growth: ## measure what grows with pending notifications and devices, and write bench/GROWTH.md with its charts (4 minutes; PENDING=10000000: 20)
	cd bench && $(GO) build -o $(BUILD)/bench .
	$(BUILD)/bench growth -out bench -pending $${PENDING:-1000000}

.PHONY: bench-cluster
bench-cluster: ## measure a cluster on loopback: take-overs, rolling restarts under load, nodes and streams (8 minutes)
	cd interop && $(GO) run ./cmd/clusterbench -dir $(BUILD)/clusterbench

# make simulate SIMULATE='-days 7'
SIMULATE ?= -nodes 100 -devices 10000000 -days 1

.PHONY: simulate
simulate: ## let a hundred nodes live for days over a simulated store and clock (15 minutes)
	@mkdir -p $(BUILD)
	cd bench && $(GO) build -o $(BUILD)/bench .
	$(BUILD)/bench simulate $(SIMULATE)

.PHONY: bench-contract
bench-contract: ## set the contract kit beside Schemathesis, Specmatic and Prism on the same wrong servers, small documents and real servers (25 minutes)
	@command -v java npm python3 >/dev/null || { echo "It needs Java, npm and Python 3 with venv: on Debian, apt-get install default-jre-headless npm python3-venv"; exit 1; }
	@mkdir -p $(BUILD)
	cd bench/peers && npm ci --no-audit --no-fund --loglevel=error
	[ -x $(BUILD)/venv/bin/python ] || python3 -m venv $(BUILD)/venv
	$(BUILD)/venv/bin/pip install --quiet --requirement interop/python/requirements.txt
	cd bench && $(GO) build -o $(BUILD)/bench .
	bench/peers/servers/install $(BUILD)/servers
	$(BUILD)/bench real $(BUILD)/servers $(CURDIR)/bench/peers/servers/known $(BUILD)/venv/bin/schemathesis
	$(BUILD)/bench foreign $(BUILD)/venv/bin/schemathesis
	SCHEMATHESIS_HOOKS=schemathesis_hooks PYTHONPATH=$(CURDIR)/interop/python $(BUILD)/bench contract $(CURDIR)/bench/peers $(BUILD)/venv/bin/schemathesis

.PHONY: bench-documents
bench-documents: build ## make the cases of 25 public documents, from the registries (5 minutes)
	@command -v npm >/dev/null || { echo "It needs npm: on Debian, apt-get install npm"; exit 1; }
	cd bench && $(GO) build -o $(BUILD)/bench .
	$(BUILD)/bench public $(BUILD)/nudge $(BUILD)/documents

.PHONY: soak
soak: ## load a server for SOAK (15m), asleep for three hours half way; fails when anything grows
	@mkdir -p $(BUILD)
	cd bench && $(GO) build -o $(BUILD)/bench .
	$(BUILD)/bench soak -for $${SOAK:-15m}

.PHONY: fuzz
fuzz: ## throw arbitrary requests at the whole server for FUZZTIME (10m)
	$(GO) test -run '^$$' -fuzz FuzzServer -fuzztime $${FUZZTIME:-10m} -fuzzminimizetime 2s ./server
	$(GO) test -run '^$$' -fuzz FuzzPlainRequests -fuzztime $${FUZZTIME:-10m} -fuzzminimizetime 2s ./server
