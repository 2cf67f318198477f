# What a contributor needs: Go, git, make and a POSIX shell. Everything else comes
# through `go tool` and the module proxy.

GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
LDFLAGS  := -s -w -X main.version=$(VERSION)
FUZZTIME ?= 10s
FUZZED   ?= . $(NESTED)
BENCH    ?= full

# Tests that need much more than the product does are modules of their own.
NESTED := $(patsubst %/go.mod,%,$(wildcard test/kubelet/go.mod test/templates/go.mod test/metrics/go.mod test/clock/go.mod test/release/go.mod test/openapi/go.mod test/browser/go.mod test/cluster/go.mod test/charts/go.mod))
# These name tools and have no code.
TOOLS  := test/tools test/containerd test/helm
OWN    := . $(filter-out $(TOOLS),$(patsubst %/go.mod,%,$(wildcard test/*/go.mod)))

# The race detector wants cgo and a C compiler; Go alone is enough without it.
RACE := $(shell [ "$$($(GO) env CGO_ENABLED)" = 1 ] && \
	echo '\#include <stdlib.h>' | $$($(GO) env CC) -E -x c - >/dev/null 2>&1 && echo -race)

# How podfacts is released and test/bin is built, so that what takes minutes to compile,
# Kubernetes above all, is compiled once for programs, tests and lint.
AS_RELEASED = export CGO_ENABLED=0 GOFLAGS="$$GOFLAGS -trimpath"

LINT = $(GO) tool -modfile=$(CURDIR)/test/tools/go.mod golangci-lint

.DEFAULT_GOAL := help
.PHONY: help build release test e2e lint tidy fuzz fuzz-list bench cover cross clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the static binary bin/podfacts
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/podfacts

release: ## make dist/ for the version that HEAD is tagged with (RELEASE_FLAGS=-snapshot to try it)
	@$(GO) run ./cmd/release $(RELEASE_FLAGS)

test: ## run every test, those in nested modules too
	@$(if $(RACE),,echo "race detector off: it needs cgo and a C compiler")
	$(GO) test $(RACE) ./...
	@# What test/release reads is outside of it, where go test does not look for changes.
	@# Without -race: these drive other people's code or a built binary.
	@set -e; for module in $(NESTED); do \
		case $$module in \
		test/kubelet) about="the kubelet's own AtomicWriter and parsers (the first build takes minutes)" ;; \
		test/templates) about="the template functions beside the originals" ;; \
		test/metrics) about="Prometheus' parsers, linter and engine (the first build takes a minute)" ;; \
		test/clock) about="podfacts with a clock that steps (the first build takes a minute)" ;; \
		test/release) about="a release, read by those who will read it (the first build takes a minute)" ;; \
		test/openapi) about="the OpenAPI document beside every answer" ;; \
		test/browser) about="the page in a real browser (TEST_BROWSER=chromium requires it)" ;; \
		test/cluster) about="a real etcd and kube-apiserver (the first build takes about ten minutes)" ;; \
		test/charts) about="the charts, with Helm 4 and 3 and the same server (the first build takes about five minutes)" ;; \
		esac; \
		echo "== $$module: $$about"; \
		case $$module in \
		test/cluster) ($(AS_RELEASED); cd $$module && $(GO) run ./up -build) ;; \
		test/charts) ($(AS_RELEASED); cd test/cluster && $(GO) run ./up -build -helm) ;; \
		esac; \
		fresh=; case $$module in test/release | test/charts) fresh=-count=1 ;; esac; \
		($(AS_RELEASED); cd $$module && $(GO) test $$fresh ./...); \
	done

e2e: ## run the examples under a real kubelet (root on Linux, or KUBECONFIG=… E2E_IMAGE=…)
	@rm -rf bin/e2e
	@echo "== test/e2e: compiling the suite, and then what it lacks (the first time takes ten minutes or more)"
	@$(AS_RELEASED); cd test/e2e && E2E_LOGS=$(CURDIR)/bin/e2e $(GO) test -count=1 -timeout=1h $(E2E_FLAGS)

lint: ## golangci-lint, go vet, gofmt and go mod tidy, in every module
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "gofmt would change:"; echo "$$unformatted"; exit 1; }
	@set -e; for module in $(OWN); do \
		echo "== lint $$module"; \
		($(AS_RELEASED); cd $$module && $(GO) mod tidy -diff && $(GO) vet ./... && $(LINT) run ./...); \
	done
	@set -e; for module in $(TOOLS); do (cd $$module && $(GO) mod tidy -diff); done

tidy: ## go mod tidy in every module: the nested ones follow the root
	@set -e; for module in $(OWN) $(TOOLS); do (cd $$module && $(GO) mod tidy); done

fuzz: ## run each fuzz target for FUZZTIME (10s)
	@GO='$(GO)' sh test/tools/fuzz.sh $(FUZZTIME) $(FUZZED)

fuzz-list: # module, package and name of each fuzz target
	@GO='$(GO)' sh test/tools/fuzz.sh list $(FUZZED)

bench: build ## measure the binary beside its peers (BENCH=short for CI)
	cd test/bench && CGO_ENABLED=0 $(GO) build -o ../bin/consul-template github.com/hashicorp/consul-template
	cd test/bench && $(GO) run . -mode $(BENCH) -podfacts ../../bin/podfacts -consul-template ../bin/consul-template

cover: ## test coverage over all packages, as bin/cover.html
	@mkdir -p bin/counters # for the programs that tests start
	GOCOVERDIR=$(CURDIR)/bin/counters $(GO) test -coverpkg=./... -coverprofile=bin/cover.out ./...
	@$(GO) tool cover -html=bin/cover.out -o bin/cover.html
	@$(GO) tool cover -func=bin/cover.out | tail -n 1

cross: ## link for the other platforms, and vet what is not of Linux
	@set -e; for platform in linux/arm64 darwin/arm64 windows/amd64; do \
		echo "== $$platform"; \
		export CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/}; \
		[ $$GOOS = linux ] || $(GO) vet ./...; \
		$(GO) build -o /dev/null ./cmd/podfacts; \
	done

clean: ## remove what was built
	rm -rf bin dist test/bin
