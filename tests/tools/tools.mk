# SPDX-License-Identifier: BSD-2-Clause
# Checks of the tree, the whole test run, and small helpers. `make help` prints the lines that begin with ##.

JOBS  ?= 2
LINT  := tests/tools/lint.py
CHECK := tests/tools/check.py

## all: build build/pasidcheck.efi (also what `make` alone does)
## host: build build/host/pasidcheck, the same sources as a process under ASan and UBSan
## run: build and run on a machine: [M=new-fs] [ARGS='only=bind.* seed=2']
## debug: the same, waiting for gdb
## machines: list the machines
## vendor: fetch and unpack the Debian packages of SETS=
## vendor-update: the same, in the archive's newest versions
## newlib: build the C library of the firmware
## spec-map: docs/spec-map.md: which case proves and which mutant breaks which row, rule and flaw, and what nobody does
## orderings: docs/orderings.md: each row of the ordering table by machine and lane, from the cases and build/reports
## check-formats: what may not compile, golden vectors of all fields, the corpora of the fuzz targets
## check-corpus: the corpora alone
## check-model: build and run the example of a foreign driver in front of the strict unit
## fuzz: libFuzzer on the target T=dmar, acpi, args, faults, ops or prq for S=60 seconds; prints executions per second
## fuzz-afl: the same by AFL++, where it is installed
## corpus-dmar: write the seeds of the corpus anew
## clean: remove what was built; what was fetched stays

.PHONY: lint fmt check check-host list help new-test

## lint: clang-format, clang-tidy, cppcheck and the project's own rules; any finding fails
lint: export LINT_HOST_CFLAGS = $(HOST_CFLAGS)
lint: export LINT_HOST_SRCS = $(HOST_ALL) $(THREADS_SRCS) $(DMAR_REPLAY_SRCS) tests/host/fuzz_acpi.c tests/host/fuzz_args.c tests/host/fuzz_faults.c tests/host/fuzz_ops.c tests/host/fuzz_prq.c $(MODEL_EXAMPLE_SRCS) $(MODEL_AGREE_SRCS) $(BENCH_IOASID_SRCS) $(BENCH_INV_SRCS) $(BENCH_DRAIN_SRCS) $(BENCH_ENUM_SRCS)
lint: export LINT_FW_CFLAGS = $(FW_CFLAGS)
lint: export LINT_FW_SRCS = $(FW_SRCS)
lint: export LINT_BOOT_CFLAGS = $(BOOT_CFLAGS)
lint: export LINT_BOOT_SRCS = $(BOOT_SRCS) $(BENCH_EMPTY_SRCS)
lint: $(NEWLIB)/stamp $(VENDOR)/build/stamp
	$(Q)$(PYTHON) $(LINT) --cache $(O)/lint --jobs $(JOBS) $(LINT_ARGS)

## fmt: put all C files into the form of .clang-format
fmt:
	$(Q)git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format -i

## check: host binary, machines, unit tests, two runs with one seed compared; last line has the sum
check:
	+$(Q)$(PYTHON) $(CHECK) --out $(O) --vendor $(VENDOR) --jobs $(JOBS)

## check-host: the part of check that needs neither QEMU nor anything fetched
check-host:
	+$(Q)$(PYTHON) $(CHECK) --out $(O) --vendor $(VENDOR) --jobs $(JOBS) --host

## matrix: every machine of machines.cfg, one after the other, and docs/orderings.md from their reports
.PHONY: matrix
matrix:
	+$(Q)$(PYTHON) $(CHECK) --out $(O) --vendor $(VENDOR) --matrix

## list: all cases, with what each proves
list:
	$(Q)$(PYTHON) tests/tools/list_cases.py

## new-test: start a suite, or add a case to one: SUITE=bind NAME=second_device
new-test:
	$(Q)$(PYTHON) tests/tools/new_case.py '$(SUITE)' '$(NAME)'

## help: these lines
help:
	$(Q)awk -F ': ' '/^## / { printf "  %-14s %s\n", substr($$1, 4), substr($$0, length($$1) + 3) }' $(MAKEFILE_LIST)

## check-mutants: known-bad variants of the code; each has to make a case fail that names its flaw. MUTANTS=regex
.PHONY: check-mutants
check-mutants: $(NEWLIB)/stamp $(VENDOR)/build/stamp
	$(Q)$(PYTHON) tests/tools/mutants.py --out $(O)/mutants --vendor $(VENDOR) --jobs $(JOBS) $(if $(MUTANTS),'$(MUTANTS)')

## coverage: what the host binary's suites execute of iommu/ and of the strict unit, and what they do not
.PHONY: coverage
coverage:
	+$(Q)$(MAKE) --no-print-directory O=$(O)/coverage SAN= COVERAGE=1 CC=gcc host
	$(Q)$(PYTHON) tests/tools/coverage.py --out $(O)/coverage --jobs $(JOBS)

## report: build/reports/*.html, .xml and .json from the .tap of each run [REPORTS=build/reports/new-fs.tap]
## diff: what differs between two reports: A=one.json B=other.tap
.PHONY: report diff
REPORTS ?= $(wildcard $(O)/reports/*.tap)
report:
	$(Q)$(PYTHON) tests/tools/report.py $(REPORTS)

diff:
	$(Q)$(PYTHON) tests/tools/diff.py '$(A)' '$(B)' || [ $$? -eq 1 ]

## image: build/pasidcheck.img, a USB stick as it is: [ARGS='...'] go into its args.txt
.PHONY: image
image: all
	$(Q)$(PYTHON) tests/tools/image.py --efi $(O)/pasidcheck.efi -o $(O)/pasidcheck.img '$(ARGS)'

include tests/tools/bench.mk
