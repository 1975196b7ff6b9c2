# SPDX-License-Identifier: BSD-2-Clause
# build/tsan/pasidcheck: the product, the races and the pairs of calls on threads of a process, under ThreadSanitizer.

THREADS_SRCS := tests/host/threads/thread.c tests/host/threads/work.c tests/host/threads/platform.c tests/host/threads/race_report.c \
                tests/host/threads/pairs.c
# The simulated machine, which ThreadSanitizer does not look into: threads.h says why.
THREADS_BARE := $(THREADS_SRCS) $(MODEL_SRCS) tests/host/main.c tests/host/guard.c tests/host/memory.c tests/host/bus.c tests/host/trace.c \
                tests/host/stub_unit.c tests/host/stub_queue.c tests/host/stub_machine.c tests/host/stub_intr.c tests/host/shadow.c \
                tests/host/model_machine.c tests/host/model_engine.c tests/host/model_firmware.c tests/host/breach.c
THREADS_SEEN := $(LIB_SRCS) $(IOMMU_SRCS) $(HARNESS_SRCS) $(O)/gen/errata.c tests/actors/cpu.c tests/actors/owner.c tests/actors/worker.c \
                tests/dev/dma_dev.c tests/suites/guest.c tests/suites/play.c tests/suites/rig.c tests/suites/stream.c $(ORDER_SRCS) \
                tests/suites/race.c $(RACE_SUITE_SRCS) tests/host/interleave.c tests/host/interleave_test.c \
                tests/suites/svm_bench.c tests/suites/svm_reader_test.c tests/suites/svm_turn_test.c

TSAN_FLAGS  := -fsanitize=thread
TSAN_CFLAGS  = $(COMMON) -O1 -fno-omit-frame-pointer
tsan_objects = $(addprefix $(O)/tsan/,$(addsuffix .o,$(basename $(1))))
TSAN_OBJS   := $(call tsan_objects,$(sort $(THREADS_BARE) $(THREADS_SEEN)))

$(call tsan_objects,$(THREADS_SEEN)): TSAN_CFLAGS += $(TSAN_FLAGS)

$(O)/tsan/%.o: %.c $(MAKE_FILES) tests/host/threads/threads.mk
	@mkdir -p $(@D)
	$(if $(Q),@echo "  TSAN  $<")
	$(Q)$(CC) $(TSAN_CFLAGS) -c -o $@ $<

$(O)/tsan/pasidcheck: $(TSAN_OBJS)
	$(if $(Q),@echo "  LD    $@")
	$(Q)$(CC) $(TSAN_FLAGS) -o $@ $(TSAN_OBJS) -lpthread
	@sh tests/host/threads/run.sh $@ || [ $$? -eq 77 ]

## tsan: calls, races and readers on real threads under ThreadSanitizer, one seed after the other for S=60 seconds
.PHONY: tsan
tsan: $(O)/tsan/pasidcheck
	$(Q)tests/host/threads/soak.sh $< $(S)

-include $(TSAN_OBJS:.o=.d)
