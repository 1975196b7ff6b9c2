# SPDX-License-Identifier: BSD-2-Clause
# Checks beside the host binary: what may not compile, fields without a golden vector, the fuzz target of the DMAR
# parser and its corpus.

DMAR_FUZZ_SRCS   := tests/host/fuzz_dmar.c iommu/dmar.c iommu/dmar_lookup.c iommu/dmar_text.c kernel/lib/text.c
DMAR_REPLAY_SRCS := $(DMAR_FUZZ_SRCS) tests/host/replay.c
DMAR_CORPUS      := tests/host/corpus/dmar

# Targets of `make fuzz`: a source with LLVMFuzzerTestOneInput and what it needs, a corpus of seeds, bytes of an input.
FUZZ_TARGETS   := dmar
FUZZ_dmar_SRCS  = $(DMAR_FUZZ_SRCS)
FUZZ_dmar_SEEDS = $(DMAR_CORPUS)
FUZZ_dmar_BYTES = 4096
FUZZ_CC        ?= clang
T              ?= dmar
S              ?= 60

.PHONY: check-formats fuzz corpus-dmar
check-formats: $(O)/host/replay_dmar
	$(Q)tests/host/compile_fail/run.sh $(CC)
	$(Q)tests/host/golden.sh
	$(Q)$(O)/host/replay_dmar $(DMAR_CORPUS)/*

$(O)/host/replay_dmar: $(DMAR_REPLAY_SRCS:%.c=$(O)/host/%.o)
	$(if $(Q),@echo "  LD    $@")
	$(Q)$(CC) $(HOST_LDFLAGS) -o $@ $^

# The decompressor of boot/, for tests/tools/pack_test.py.
INFLATE_REPLAY_SRCS := tests/host/replay_inflate.c boot/inflate.c
$(O)/host/replay_inflate: $(INFLATE_REPLAY_SRCS:%.c=$(O)/host/%.o)
	$(if $(Q),@echo "  LD    $@")
	$(Q)$(CC) $(HOST_LDFLAGS) -o $@ $^

# Findings are written to $(O)/fuzz, as is what the run learnt. The last lines have executions per second.
fuzz:
	$(if $(filter $(T),$(FUZZ_TARGETS)),,$(error there is no fuzz target `$(T)`; T= is one of: $(FUZZ_TARGETS)))
	@mkdir -p $(O)/fuzz/$(T)
	$(Q)$(FUZZ_CC) -std=gnu11 -g -O1 $(WARNINGS) -I. -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=undefined -o $(O)/fuzz/fuzz_$(T) $(FUZZ_$(T)_SRCS)
	$(Q)$(O)/fuzz/fuzz_$(T) -max_total_time=$(S) -max_len=$(FUZZ_$(T)_BYTES) -print_final_stats=1 \
		-artifact_prefix=$(O)/fuzz/$(T)- $(O)/fuzz/$(T) $(FUZZ_$(T)_SEEDS)

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
