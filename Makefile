# Needs Go (1.26, or 1.21 and newer, which fetch it), gcc, make and git; scripts/setup.sh installs the rest.

SHELL := /bin/bash
.DEFAULT_GOAL := help
FUZZTIME ?= 30s
BENCHTIME ?= 300ms

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: demo
demo: setup build ## encrypt an item under an HSM key, store it, read it back, in one go
	scripts/with-services.sh bin/signet demo

.PHONY: test
test: setup ## go vet and go test, with SoftHSM and the DynamoDB emulator
	scripts/with-services.sh scripts/test.sh

.PHONY: kms
kms: ## the keyrings of AWS KMS against three emulators and a faulty network
	@scripts/setup.sh --kms
	cd kms-test && ../scripts/with-services.sh --kms go test ./...

.PHONY: build
build: ## bin/signet
	go build -trimpath -o bin/signet ./cmd/signet

.PHONY: setup
setup: ## install what test and demo need and is missing
	@scripts/setup.sh

.PHONY: lint
lint: ## gofmt, vet, staticcheck, golangci-lint, go mod tidy
	scripts/lint.sh all

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME
	scripts/fuzz.sh $(FUZZTIME)

.PHONY: bench
bench: setup ## benchmarks, and the comparisons in docs/benchmarks.md (ten minutes)
	scripts/bench.sh $(BENCHTIME)

.PHONY: clean
clean: ## remove what the targets made
	rm -rf bin .cache
