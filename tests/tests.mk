# SPDX-License-Identifier: BSD-2-Clause
# Sources of the tests, each listed. A new suite adds its line here, in the list of the home it runs in.

# Suites of both homes: one body, no word about which.
SUITE_SRCS := tests/suites/acpi_test.c tests/suites/actors_listen_test.c tests/suites/actors_race_test.c \
              tests/suites/actors_stub_test.c tests/suites/actors_test.c tests/suites/args_text_test.c tests/suites/caps_test.c \
              tests/suites/conf_cached_test.c tests/suites/conf_regs_test.c tests/suites/conf_test.c tests/suites/dmar_bad_test.c tests/suites/dmar_test.c \
              tests/suites/device_test.c tests/suites/inflight_held_test.c \
              tests/suites/engine_test.c tests/suites/event_test.c tests/suites/fault_test.c tests/suites/flush_test.c \
              tests/suites/fmt_regs_test.c tests/suites/fmt_test.c tests/suites/handler_calls_test.c tests/suites/handler_slow_test.c \
              tests/suites/harness_blame_test.c tests/suites/harness_run_test.c tests/suites/harness_test.c tests/suites/inflight_test.c \
              tests/suites/intr_test.c tests/suites/inv_test.c tests/suites/ioasid_context_test.c tests/suites/ioasid_test.c tests/suites/lane_test.c tests/suites/machine_test.c tests/suites/nested_test.c tests/suites/nested_bind_test.c \
              tests/suites/notifier_test.c tests/suites/order_bind_test.c tests/suites/order_free_test.c \
              tests/suites/order_late_test.c tests/suites/order_suspend_test.c tests/suites/order_unplug_test.c tests/suites/pgtable_test.c tests/suites/place_change_test.c tests/suites/place_test.c \
              tests/suites/rmrr_test.c tests/suites/ioasid_set_test.c tests/suites/ioasid_end_test.c tests/suites/ioasid_alloc_test.c \
              tests/suites/notifier_scope_test.c tests/suites/order_set_test.c \
              tests/suites/queue_test.c tests/suites/record_test.c tests/suites/retire_test.c \
              tests/suites/reuse_test.c tests/suites/segment_test.c tests/suites/stale_test.c \
              tests/suites/svm_bind_test.c tests/suites/svm_free_test.c tests/suites/svm_gone_test.c \
              tests/suites/svm_life_test.c tests/suites/svm_reader_test.c tests/suites/svm_told_test.c tests/suites/svm_turn_test.c \
              tests/suites/table_test.c tests/suites/tagged_test.c tests/suites/unit_test.c tests/suites/walk_test.c \
              tests/suites/xlate_end_test.c tests/suites/xlate_size_test.c \
              tests/suites/xlate_test.c

HARNESS_SRCS := tests/harness/args.c tests/harness/case.c tests/harness/check.c tests/harness/errata.c \
                tests/harness/errno_name.c tests/harness/evidence.c tests/harness/faults.c tests/harness/fixture.c \
                tests/harness/header.c tests/harness/lane.c tests/harness/needs.c tests/harness/proof.c tests/harness/report.c \
                tests/harness/pattern.c tests/harness/rng.c tests/harness/run.c tests/harness/select.c tests/harness/walk.c

TEST_SRCS := $(HARNESS_SRCS) $(SUITE_SRCS) $(O)/gen/errata.c \
             tests/actors/cpu.c tests/actors/owner.c tests/actors/worker.c tests/dev/dma_dev.c \
             tests/suites/guest.c tests/suites/more_dmar.c tests/suites/nest.c tests/suites/play.c tests/suites/rig.c tests/suites/stream.c tests/suites/svm_bench.c tests/suites/core_bench.c

# On several CPUs: the firmware, and the threads of build/tsan/pasidcheck.
RACE_SUITE_SRCS := tests/suites/race_bind_test.c tests/suites/race_load_test.c tests/suites/race_order_test.c tests/suites/race_reader_test.c tests/suites/race_set_test.c tests/suites/race_work_test.c tests/suites/race_allocator_test.c

# Firmware only: DMA engines of the machine, suites about the kernel, payload_main().
TARGET_SUITE_SRCS := tests/suites/target/broken_test.c tests/suites/target/drive_test.c tests/suites/target/ioasid_irq_test.c tests/suites/target/intr_dma_test.c tests/suites/target/kernel_test.c tests/suites/target/kernel_guard_test.c \
                     tests/suites/target/kernel_smp_test.c tests/suites/target/page_test.c \
                     tests/suites/target/sva_gone_test.c tests/suites/target/sva_test.c tests/suites/target/vm_test.c \
                     tests/suites/target/harness_stray_test.c
TARGET_SRCS := $(TARGET_SUITE_SRCS) $(RACE_SUITE_SRCS) tests/suites/race.c tests/suites/target/payload.c tests/suites/target/sva.c \
               tests/dev/discover.c tests/dev/slot.c tests/dev/edu.c tests/dev/nvme.c tests/dev/nvme_ctrl.c tests/dev/testdev.c \
               tests/dev/xhci.c

# A strict remapping unit, host only.
MODEL_SRCS := tests/model/ats.c tests/model/ats_dma.c tests/model/cache.c tests/model/command.c tests/model/command_reg.c tests/model/contract.c tests/model/desc.c \
              tests/model/dma.c tests/model/entry.c tests/model/entry_check.c tests/model/entry_legacy.c \
              tests/model/event.c tests/model/fault.c tests/model/intr.c tests/model/model.c tests/model/nested.c \
              tests/model/post.c tests/model/presets.c tests/model/prq.c tests/model/queue.c tests/model/reach.c \
              tests/model/regs.c tests/model/vcmd.c tests/model/walk_first.c tests/model/walk_second.c tests/model/way.c
MODEL_SUITE_SRCS := tests/host/model_ats_test.c tests/host/model_cache_test.c tests/host/model_dma_test.c \
                    tests/host/model_duty_test.c tests/host/model_fault_test.c \
                    tests/host/model_intr_test.c tests/host/model_legacy_test.c tests/host/model_nested_test.c tests/host/model_prq_test.c tests/host/model_queue_test.c \
                    tests/host/model_reach_test.c tests/host/model_record_test.c tests/host/model_vcmd_test.c tests/host/model_walk_test.c tests/host/model_way_test.c

# Host process only: the platform of a Linux process, units that record, units that translate, main().
HOST_SUITE_SRCS := tests/host/pgtable_host_test.c tests/host/power_stub_test.c tests/host/queue_stub_test.c tests/host/refuse_test.c \
                   tests/host/start_test.c tests/host/sweep_test.c tests/host/table_stub_test.c \
                   tests/host/ats_test.c tests/host/duty_stub_test.c tests/host/intr_stub_test.c \
                   tests/host/intr_walk_test.c tests/host/ioasid_host_test.c tests/host/nested_host_test.c \
                   tests/host/prq_drain_test.c tests/host/prq_greedy_test.c tests/host/prq_test.c tests/host/rates_test.c \
                   tests/host/svm_host_test.c tests/host/unit_stub_test.c tests/host/vcmd_test.c $(MODEL_SUITE_SRCS)
HOST_SRCS := $(HOST_SUITE_SRCS) tests/host/main.c tests/host/guard.c tests/host/platform.c tests/host/memory.c \
             tests/host/bus.c tests/host/trace.c tests/host/stub_unit.c tests/host/stub_queue.c \
             tests/host/stub_machine.c tests/host/own_unit.c tests/host/stub_intr.c tests/host/shadow.c tests/host/model_machine.c \
             tests/host/model_engine.c tests/host/page_bench.c tests/host/model_firmware.c tests/host/model_rig.c tests/host/model_bed.c tests/host/breach.c \
             tests/host/sweep.c tests/host/sweep_world.c $(MODEL_SRCS)

# ---- Orderings: the abstract machine, the walks through it, two calls at a time ----

ORDER_WALK_SRCS := tests/suites/order_run.c tests/suites/order_spec.c tests/suites/order_text.c tests/suites/order_view.c \
                   tests/suites/order_walk.c
ORDER_SRCS      := $(ORDER_WALK_SRCS) tests/suites/order_judge.c
INTERLEAVE_SRCS := tests/host/fibers.c tests/host/fibers_seam.c tests/host/interleave.c kernel/switch.S

# The seam of a program that has the controlled scheduler in it.
comma := ,
INTERLEAVE_WRAP := $(addprefix -Wl$(comma)--wrap=plat_,lock unlock locks_held self read_enter read_exit work_queue work_queue_on defer grace_wait \
                     waitq_wake_all wait publish wmb relax alloc free mmio_write32 mmio_write64)

SUITE_SRCS      += tests/suites/order_enum_test.c
TEST_SRCS       += tests/suites/order_enum_test.c $(ORDER_SRCS)
HOST_SUITE_SRCS += tests/host/interleave_test.c tests/host/interleave_drain_test.c tests/host/interleave_pages_test.c \
                   tests/host/interleave_resume_test.c tests/host/order_stub_test.c
HOST_SRCS       += tests/host/interleave_test.c tests/host/interleave_drain_test.c tests/host/interleave_pages_test.c \
                   tests/host/interleave_resume_test.c tests/host/order_stub_test.c $(INTERLEAVE_SRCS)

# ---- What no platform does by itself: damaged tables, refused calls, texts ----

COVER_SRCS      := tests/host/ats_find_test.c tests/host/audit_test.c tests/host/bind_edge_test.c tests/host/core_edge_test.c \
                   tests/host/give_up_test.c tests/host/pages_edge_test.c tests/host/record_shape_test.c tests/host/unit_edge_test.c tests/host/words_test.c
HOST_SUITE_SRCS += $(COVER_SRCS)
HOST_SRCS       += $(COVER_SRCS)

# ---- The table of errata; an id that no table has stops the build ----

SPEC_FILES := docs/errata.md docs/rules/rows.tsv docs/rules/rules.tsv docs/rules/flaws.tsv
SPEC_CASES := $(SUITE_SRCS) $(RACE_SUITE_SRCS) $(TARGET_SUITE_SRCS) $(HOST_SUITE_SRCS)

$(O)/gen/errata.c: $(SPEC_FILES) $(SPEC_CASES) tests/tools/errata_gen.py tests/tools/spec.py
	@mkdir -p $(@D)
	$(if $(Q),@echo "  GEN   $@")
	$(Q)$(PYTHON) tests/tools/errata_gen.py --errata docs/errata.md --rules docs/rules -o $@ $(SPEC_CASES)

# ---- Which case proves what ----

.PHONY: spec-map
spec-map:
	$(Q)$(PYTHON) tests/tools/spec_map.py --rules docs/rules -o docs/spec-map.md $(SPEC_CASES)

# What whole runs made of them, as far as their reports are there, is kept in docs/rules/runs.tsv.
.PHONY: orderings
orderings:
	$(Q)$(PYTHON) tests/tools/orderings.py $(wildcard $(O)/reports/*.tap)

include tests/host/checks.mk
include tests/host/threads/threads.mk
