# The verbs of the house. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
TEST_JOBS ?= 4
SEEDS ?= 1000
FAULTS ?= 220
RUNS ?= 20000
REPEATS ?= 20
FUZZ_SECONDS ?= 30
# Narrows test, asan, tsan and coverage: make test ONLY=executor
ONLY ?=
CTEST := ctest --output-on-failure --no-tests=error --parallel $(TEST_JOBS) $(if $(ONLY),-R '$(ONLY)')
SOURCES = git ls-files '*.h' '*.cc'

# A tree is configured once; ninja itself notices edited lists, this rule the rooms that are new since.
LISTS := $(wildcard CMakeLists.txt CMakePresets.json cmake/*.cmake) \
         $(shell git ls-files --cached --others --exclude-standard '*/CMakeLists.txt' 2>/dev/null)
build/%/build.ninja: $(LISTS)
	@cmake --preset $* >build/$*.configure.log 2>&1 || { cat build/$*.configure.log; exit 1; }
	@touch $@
$(shell mkdir -p build)

##@ Daily
.PHONY: help
help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n\033[1m%s\033[0m\n", substr($$0, 5) } \
	  /^[a-z][a-z-]*:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST)) | \
	  if [ -t 1 ] && [ -z "$$NO_COLOR" ]; then cat; else sed 's/\x1b\[[0-9]*m//g'; fi

.PHONY: deps
deps: ## install the missing Debian packages (as root, or through sudo)
	@tools/install-deps build test

.PHONY: build
build: deps build/release/build.ninja ## build/release/bin/headrace and the tests
	@cmake --build build/release --parallel $(JOBS)

.PHONY: dev
dev: deps build/dev/build.ninja ## the same without optimisation, in build/dev
	@cmake --build build/dev --parallel $(JOBS)

.PHONY: test
test: build ## every test (ONLY=regex for some, TEST_JOBS=n)
	@cd build/release && $(CTEST)

.PHONY: demo
demo: build ## releases and a night against a stand-in for GitHub: a scheduler, two workers, what is flaky, red, missing
	@tools/demo build/release/bin/headrace

.PHONY: clean
clean: ## remove build/ (ccache keeps the objects)
	@rm -rf build

##@ Proving
.PHONY: sim
sim: build ## the simulator: make sim SEEDS=100000 (a count, or first:last)
	@build/release/bin/headrace_sim --seeds $(SEEDS)

.PHONY: chaos
chaos: build ## three schedulers, four workers, one Redis, 220 faults in 20,000 task runs: FAULTS=n RUNS=n CHAOS_SEED=n
	@HEADRACE_BIN=build/release/bin/headrace python3 tests/e2e/chaos.py --faults $(FAULTS) --runs $(RUNS) $(if $(CHAOS_SEED),--seed $(CHAOS_SEED))

.PHONY: failpoints
failpoints: build ## the scheduler is killed 20 times at each named place of its work: REPEATS=n
	@HEADRACE_BIN=build/release/bin/headrace python3 tests/e2e/failpoints.py --repeats $(REPEATS)

.PHONY: mutants
mutants: build ## plants faults into the code; each must be caught
	@python3 tests/sim/mutants.py build/release

.PHONY: github
github: build ## GitHub's own API description and webhook examples against the stand-in, headrace and its suites (npm)
	@tools/check-openapi
	@HEADRACE_BIN=build/release/bin/headrace tools/check-openapi --suites
	@HEADRACE_BIN=build/release/bin/headrace tools/check-webhooks

.PHONY: compare
compare: build ## waiting for GitHub's runs: gh, the team's npx command and headrace side by side (gh, npm; about five minutes)
	@tools/install-deps compare || true
	@HEADRACE_BIN=build/release/bin/headrace tools/compare

.PHONY: clients
clients: build ## the clients of examples/clients in Node, Python and Go, against a server of their own (npm, Debian, Go modules)
	@tools/check-clients build/release/bin/headrace

.PHONY: bench
bench: build ## the benchmarks, each beside the limits of the machine
	@cmake --build build/release --parallel $(JOBS) --target benchmarks
	@tools/bench build/release/bin

.PHONY: bench-peers
bench-peers: build ## headrace and BullMQ on one Redis, in rounds: ROUNDS=n SLOTS=8,64 FSYNC=everysec,always (npm; ten minutes)
	@tools/install-deps peers
	@HEADRACE_BIN=build/release/bin/headrace python3 bench/peers/peers.py $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SLOTS),--slots $(SLOTS)) $(if $(FSYNC),--fsync $(FSYNC))

.PHONY: bench-parked
bench-parked: build ## what a million waiting executions cost on SQLite and Redis: COUNT=n FLOWS=n KIND=pause|loop STORES=sqlite,redis (npm)
	@tools/install-deps peers
	@HEADRACE_BIN=build/release/bin/headrace python3 bench/peers/parked.py $(if $(COUNT),--count $(COUNT)) $(if $(FLOWS),--flows $(FLOWS)) $(if $(KIND),--kind $(KIND)) $(if $(STORES),--stores $(STORES))

.PHONY: deploy-check
deploy-check: build ## chart, manifests and the chart's pods with the real program, without a cluster (npm, pip; fetches helm once)
	@tools/install-deps deploy
	@for check in chart kustomize pods; do HEADRACE_BIN=build/release/bin/headrace python3 tests/deploy/check_$$check.py || exit 1; done

.PHONY: image
image: build ## the container images, built and started on a base of Debian packages alone (root; Linux)
	@tools/install-deps image
	@tools/image build/release/bin/headrace
	@tools/image-check

.PHONY: asan
asan: deps build/asan/build.ninja ## every test under the address and undefined-behaviour sanitizers
	@cmake --build build/asan --parallel $(JOBS)
	@# Frames are large under the sanitizers, and expressions recurse up to their limits.
	@cd build/asan && ulimit -s 65536 && E2E_JOBS=2 ASAN_OPTIONS=detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1 $(CTEST)

.PHONY: tsan
tsan: deps build/tsan/build.ninja ## every test under the thread sanitizer
	@cmake --build build/tsan --parallel $(JOBS)
	@cd build/tsan && E2E_JOBS=2 $(CTEST)

.PHONY: fuzz
fuzz: dev-deps build/fuzz/build.ninja ## every fuzz target for FUZZ_SECONDS each
	@cmake --build build/fuzz --parallel $(JOBS)
	@tools/fuzz build/fuzz/bin $(FUZZ_SECONDS)

.PHONY: coverage
coverage: deps build/coverage/build.ninja ## lines run by the tests, a room
	@cmake --build build/coverage --parallel $(JOBS)
	@cd build/coverage && $(CTEST)
	@tools/coverage build/coverage

##@ Keeping
.PHONY: golden
golden: build ## rewrite the golden files; read the diff before you commit it
	@cd build/release && HEADRACE_REWRITE_GOLDEN=1 $(CTEST) -R 'golden|states'
	@git --no-pager diff --stat

.PHONY: deploy-render
deploy-render: ## write deploy/kustomize anew from the chart
	@python3 tests/deploy/check_kustomize.py --write

.PHONY: format
format: dev-deps ## clang-format over the sources
	@$(SOURCES) | xargs -r clang-format-16 -i

.PHONY: format-check
format-check: dev-deps ## what clang-format would change
	@$(SOURCES) | xargs -r clang-format-16 --dry-run --Werror

.PHONY: tidy
tidy: dev-deps build/tidy/build.ninja ## build with clang, then clang-tidy (ONLY=regex over paths)
	@cmake --build build/tidy --parallel $(JOBS)
	@run-clang-tidy-16 -quiet -j $(JOBS) -p build/tidy \
	  '^$(CURDIR)/$(if $(ONLY),.*($(ONLY)).*,(api|cli|common|executor|scheduler|worker)/.*)\.cc$$'

.PHONY: dev-deps
dev-deps:
	@tools/install-deps build test dev
