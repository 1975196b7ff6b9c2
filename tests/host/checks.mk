# SPDX-License-Identifier: BSD-2-Clause
# Checks beside the host binary: what may not compile, fields without a golden vector, fuzz targets and their corpora.

DMAR_FUZZ_SRCS   := tests/host/fuzz_dmar.c iommu/dmar.c iommu/dmar_lookup.c iommu/dmar_text.c kernel/lib/text.c
DMAR_REPLAY_SRCS := $(DMAR_FUZZ_SRCS) tests/host/replay.c
DMAR_CORPUS      := tests/host/corpus/dmar

# The simulated machine with what it simulates, and no harness.
FUZZ_MACHINE_SRCS := $(IOMMU_SRCS) $(LIB_SRCS) $(MODEL_SRCS) tests/host/platform.c tests/host/memory.c tests/host/bus.c \
                     tests/host/trace.c tests/host/stub_unit.c tests/host/stub_queue.c tests/host/stub_machine.c \
                     tests/host/stub_intr.c tests/host/shadow.c tests/host/model_machine.c tests/host/model_firmware.c

# Targets of `make fuzz`: a source with LLVMFuzzerTestOneInput and what it needs, a corpus of seeds, bytes of an input.
FUZZ_TARGETS     := dmar acpi args faults ops prq
FUZZ_dmar_SRCS    = $(DMAR_FUZZ_SRCS)
FUZZ_dmar_SEEDS   = $(DMAR_CORPUS)
FUZZ_dmar_BYTES   = 4096
FUZZ_acpi_SRCS    = tests/host/fuzz_acpi.c kernel/lib/acpi_walk.c
FUZZ_acpi_SEEDS   = tests/host/corpus/acpi
FUZZ_acpi_BYTES   = 1024
FUZZ_args_SRCS    = tests/host/fuzz_args.c tests/harness/args.c kernel/lib/args_text.c
FUZZ_args_SEEDS   = tests/host/corpus/args
FUZZ_args_BYTES   = 2048
FUZZ_faults_SRCS  = tests/host/fuzz_faults.c $(FUZZ_MACHINE_SRCS)
FUZZ_faults_SEEDS = tests/host/corpus/faults
FUZZ_faults_BYTES = 512
FUZZ_ops_SRCS     = tests/host/fuzz_ops.c $(FUZZ_MACHINE_SRCS)
FUZZ_ops_SEEDS    = tests/host/corpus/ops
FUZZ_ops_BYTES    = 256
FUZZ_prq_SRCS     = tests/host/fuzz_prq.c $(FUZZ_MACHINE_SRCS)
FUZZ_prq_SEEDS    = tests/host/corpus/prq
FUZZ_prq_BYTES    = 256
FUZZ_CC          ?= clang
AFL_CC           ?= afl-clang-fast
T                ?= dmar
S                ?= 60

REPLAYS := $(FUZZ_TARGETS:%=$(O)/host/replay_%)

.PHONY: check-formats check-corpus fuzz fuzz-afl corpus-dmar
check-formats: check-corpus
	$(Q)tests/host/compile_fail/run.sh $(CC)
	$(Q)tests/host/golden.sh

# Every input that the corpora have, without libFuzzer.
check-corpus: $(REPLAYS)
	$(Q)$(foreach t,$(FUZZ_TARGETS),$(O)/host/replay_$(t) $(FUZZ_$(t)_SEEDS)/* &&) true

define REPLAY_RULE
$(O)/host/replay_$(1): $$(patsubst %.c,$(O)/host/%.o,$$(FUZZ_$(1)_SRCS) tests/host/replay.c)
	$$(if $$(Q),@echo "  LD    $$@")
	$$(Q)$$(CC) $$(HOST_LDFLAGS) -o $$@ $$^
endef
$(foreach t,$(FUZZ_TARGETS),$(eval $(call REPLAY_RULE,$(t))))

# The decompressor of boot/, for tests/tools/pack_test.py.
INFLATE_REPLAY_SRCS := tests/host/replay_inflate.c boot/inflate.c
$(O)/host/replay_inflate: $(INFLATE_REPLAY_SRCS:%.c=$(O)/host/%.o)
	$(if $(Q),@echo "  LD    $@")
	$(Q)$(CC) $(HOST_LDFLAGS) -o $@ $^

# Objects for fuzzing, one tree for all targets: FUZZ_CC's for libFuzzer in $(O)/fuzz, AFL_CC's for AFL++ in $(O)/afl.
FUZZ_CFLAGS  = $(COMMON) -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
               -fno-sanitize-recover=undefined
FUZZ_LDFLAGS = -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined

$(O)/fuzz/%.o: %.c Makefile tests/host/checks.mk
	@mkdir -p $(@D)
	$(if $(Q),@echo "  FUZZ  $<")
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -c -o $@ $<

$(O)/afl/%.o: %.c Makefile tests/host/checks.mk
	@mkdir -p $(@D)
	$(if $(Q),@echo "  AFL   $<")
	$(Q)$(AFL_CC) $(FUZZ_CFLAGS) -c -o $@ $<

define FUZZ_RULE
$(O)/fuzz/fuzz_$(1): $$(FUZZ_$(1)_SRCS:%.c=$(O)/fuzz/%.o)
	$$(Q)$$(FUZZ_CC) $$(FUZZ_LDFLAGS) -o $$@ $$^
$(O)/afl/fuzz_$(1): $$(FUZZ_$(1)_SRCS:%.c=$(O)/afl/%.o)
	$$(Q)$$(AFL_CC) $$(FUZZ_LDFLAGS) -o $$@ $$^
-include $$(FUZZ_$(1)_SRCS:%.c=$(O)/fuzz/%.d) $$(FUZZ_$(1)_SRCS:%.c=$(O)/afl/%.d)
endef
$(foreach t,$(FUZZ_TARGETS),$(eval $(call FUZZ_RULE,$(t))))

ifneq ($(filter fuzz fuzz-afl,$(MAKECMDGOALS)),)
$(if $(filter $(T),$(FUZZ_TARGETS)),,$(error there is no fuzz target `$(T)`; T= is one of: $(FUZZ_TARGETS)))
endif

# Findings are written to $(O)/fuzz, as is what the run learnt. The last lines have executions per second.
fuzz: $(O)/fuzz/fuzz_$(T)
	@mkdir -p $(O)/fuzz/$(T)
	$(Q)$< -max_total_time=$(S) -max_len=$(FUZZ_$(T)_BYTES) -print_final_stats=1 \
		-artifact_prefix=$(O)/fuzz/$(T)- $(O)/fuzz/$(T) $(FUZZ_$(T)_SEEDS)

# The same entry by AFL++, where it is installed; findings in $(O)/afl/$(T). The last lines have executions per second.
ifeq ($(shell command -v $(AFL_CC)),)
fuzz-afl:
	@echo 'fuzz-afl: $(AFL_CC) is not there (package afl++): `make fuzz T=$(T)` runs the same entry by libFuzzer'
else
fuzz-afl: $(O)/afl/fuzz_$(T)
	$(Q)AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
		afl-fuzz -V $(S) -G $(FUZZ_$(T)_BYTES) -i $(FUZZ_$(T)_SEEDS) -o $(O)/afl/$(T) -- $<
	@sed -n '/^execs_\|^saved_\|^run_time/p' $(O)/afl/$(T)/default/fuzzer_stats
	@grep -q '^saved_crashes *: 0$$' $(O)/afl/$(T)/default/fuzzer_stats
endif

# The seeds again, after a change of the generator.
corpus-dmar:
	$(Q)$(PYTHON) tests/host/corpus/make_dmar.py $(DMAR_CORPUS)

# The strict unit without anything else of this tree.
MODEL_EXAMPLE_SRCS := tests/model/example.c $(MODEL_SRCS)

.PHONY: check-model
check-model: $(O)/host/model_example
	$(Q)$<

$(O)/host/model_example: $(MODEL_EXAMPLE_SRCS:%.c=$(O)/host/%.o)
	$(if $(Q),@echo "  LD    $@")
	$(Q)$(CC) $(HOST_LDFLAGS) -o $@ $^

## agree: random scripts on the strict unit and on each emulator; what differs has to be known: [S=seed] [N=scripts]
MODEL_AGREE_SRCS := tests/model/agree.c $(MODEL_SRCS)
N ?= 100

.PHONY: agree
agree: $(O)/host/model_agree
	$(Q)$(PYTHON) tests/tools/agree.py --model $< --vendor $(VENDOR) --seed $(if $(findstring command,$(origin S)),$(S),1) --scripts $(N)

$(O)/host/model_agree: $(MODEL_AGREE_SRCS:%.c=$(O)/host/%.o)
	$(if $(Q),@echo "  LD    $@")
	$(Q)$(CC) $(HOST_LDFLAGS) -o $@ $^
