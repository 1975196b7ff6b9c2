# SPDX-License-Identifier: BSD-2-Clause
# What make bench measures with: three host programs without sanitizers, and an EFI program that does nothing.

BENCH_IOASID_SRCS := tests/host/bench/ioasid_bench.c tests/host/bench/peers.c
BENCH_CORE_SRCS   := tests/host/bench/bench_platform.c kernel/lib/idpool.c kernel/lib/text.c $(filter iommu/ioasid%.c,$(IOMMU_SRCS)) iommu/notifier.c
BENCH_INV_SRCS    := tests/host/bench/invalidation_bench.c
BENCH_DRAIN_SRCS  := tests/host/bench/drain_bench.c
BENCH_ENUM_SRCS   := tests/host/order_enum.c
BENCH_EMPTY_SRCS  := tests/machines/empty.c

BENCH_CFLAGS = $(COMMON) -O2
bench_objects = $(addprefix $(O)/bench/,$(addsuffix .o,$(basename $(1))))

BENCH_INV_ALL    := $(BENCH_INV_SRCS) $(LIB_SRCS) $(IOMMU_SRCS) tests/host/platform.c tests/host/memory.c tests/host/bus.c \
                    tests/host/trace.c tests/host/stub_unit.c tests/host/stub_queue.c tests/host/stub_intr.c tests/host/stub_machine.c \
                    tests/host/model_machine.c tests/host/model_firmware.c tests/host/shadow.c $(MODEL_SRCS)
BENCH_DRAIN_ALL  := $(BENCH_DRAIN_SRCS) $(filter-out $(BENCH_INV_SRCS),$(BENCH_INV_ALL)) tests/dev/dma_dev.c tests/host/model_engine.c
BENCH_ENUM_ALL   := $(BENCH_ENUM_SRCS) $(ORDER_WALK_SRCS) $(INTERLEAVE_SRCS) tests/actors/owner.c tests/harness/errno_name.c tests/harness/walk.c tests/harness/rng.c \
                    $(filter-out $(BENCH_INV_SRCS),$(BENCH_INV_ALL))
BENCH_CORE_OBJS  := $(addprefix $(O)/bench/core/,$(addsuffix .o,$(basename $(BENCH_CORE_SRCS))))
BENCH_OBJS       := $(BENCH_CORE_OBJS) $(call bench_objects,$(sort $(BENCH_IOASID_SRCS) $(BENCH_INV_ALL) $(BENCH_DRAIN_ALL) $(BENCH_ENUM_ALL)))

$(O)/bench/tests/machines/%.o: tests/machines/%.c tests/tools/bench.mk | $(VENDOR)/build/stamp
	@mkdir -p $(@D)
	$(if $(Q),@echo "  EFI   $<")
	$(Q)$(CC) $(BOOT_CFLAGS) -c -o $@ $<

$(O)/bench/%.o: %.c tests/tools/bench.mk
	@mkdir -p $(@D)
	$(if $(Q),@echo "  BENCH $<")
	$(Q)$(CC) $(BENCH_CFLAGS) -c -o $@ $<

$(O)/bench/%.o: %.S tests/tools/bench.mk
	@mkdir -p $(@D)
	$(if $(Q),@echo "  AS    $<")
	$(Q)$(CC) $(BENCH_CFLAGS) -c -o $@ $<

# The IOASID core and the platform under it, linked as one piece by gcc, as a kernel may link its own core with its own
# locks: then alloc and free call neither to take a lock nor to give it back. What measures and what they are measured
# against stay outside: all are called from another file. docs/decisions/011-price-of-exclusion.md
BENCH_LTO = $(if $(IS_CLANG),,-flto)

$(O)/bench/core/%.o: %.c tests/tools/bench.mk
	@mkdir -p $(@D)
	$(if $(Q),@echo "  BENCH $<")
	$(Q)$(CC) $(BENCH_CFLAGS) $(BENCH_LTO) -c -o $@ $<

$(O)/bench/core.o: $(BENCH_CORE_OBJS)
	$(Q)$(CC) -O2 $(BENCH_LTO) $(if $(BENCH_LTO),-flinker-output=nolto-rel) -nostdlib -r -o $@ $^

$(O)/bench/ioasid_bench: $(call bench_objects,$(BENCH_IOASID_SRCS)) $(O)/bench/core.o tests/tools/bench_locks.py
	$(Q)$(CC) -o $@ $(filter %.o,$^)
	$(Q)$(if $(BENCH_LTO),$(PYTHON) tests/tools/bench_locks.py $@,echo "bench: $(CC): locks are calls in alloc and free; what docs/bench.md says is measured with gcc")

$(O)/bench/invalidation_bench: $(call bench_objects,$(BENCH_INV_ALL))
	$(Q)$(CC) -o $@ $^

$(O)/bench/drain_bench: $(call bench_objects,$(BENCH_DRAIN_ALL))
	$(Q)$(CC) -o $@ $^

$(O)/bench/order_enum: $(call bench_objects,$(BENCH_ENUM_ALL))
	$(Q)$(CC) $(INTERLEAVE_WRAP) -o $@ $^

## enum: all orderings of up to DEPTH=7 calls on the simulated units, and every call of every state, 12 calls deep
.PHONY: enum
DEPTH ?= 7
enum: $(O)/bench/order_enum
	$(Q)$(PYTHON) tests/tools/enumerate.py --out $(O) --jobs $(JOBS) --depth $(DEPTH)

$(O)/bench/empty.so: $(O)/bench/tests/machines/empty.o
	$(Q)$(LD) $(BOOT_LDFLAGS) -o $@ $(GNUEFI)/lib/crt0-efi-x86_64.o $^ -lefi -lgnuefi

$(O)/bench/empty.efi: $(O)/bench/empty.so
	$(Q)SOURCE_DATE_EPOCH=0 $(OBJCOPY) $(addprefix -j ,$(BOOT_SECTIONS)) --target efi-app-x86_64 --subsystem=10 $< $@

## bench: the numbers of docs/bench.md beside their bars, measured now and written there [BENCH='--only boot']
.PHONY: bench
bench: all $(O)/bench/ioasid_bench $(O)/bench/invalidation_bench $(O)/bench/drain_bench $(O)/bench/order_enum $(O)/bench/empty.efi
	$(Q)$(PYTHON) tests/tools/bench.py --out $(O) --vendor $(VENDOR) $(BENCH)

## bench-smoke: a short run of what make bench measures with: it links, ends, and says what bench.py reads
.PHONY: bench-smoke
bench-smoke: $(O)/bench/ioasid_bench $(O)/bench/invalidation_bench $(O)/bench/drain_bench $(O)/bench/empty.efi
	$(Q)$(O)/bench/ioasid_bench 10 >$(O)/bench/ioasid.smoke
	$(Q)$(PYTHON) tests/tools/bench.py --out $(O) --vendor $(VENDOR) --only size,invalidations >$(O)/bench/invalidations.smoke

-include $(BENCH_OBJS:.o=.d) $(O)/bench/tests/machines/empty.d
