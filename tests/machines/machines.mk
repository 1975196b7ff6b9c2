# SPDX-License-Identifier: BSD-2-Clause
# What is fetched, newlib, and the launcher.
#
#   make vendor [SETS=...]             fetch packages (sets of machines.cfg)
#   make run [M=new-fs] [ARGS='...']   build all and run it on a machine of machines.cfg
#   make debug                         the same, waiting for gdb
#   make machines                      list the machines
#
# QEMU= OVMF_CODE= OVMF_VARS= GNUEFI= NEWLIB_SRC= take the place of what is fetched; QEMU_EXTRA= adds
# words for QEMU; RUN=<command> takes QEMU's place.

VENDOR ?= $(O)/vendor
GNUEFI ?= $(VENDOR)/build/root/usr
NEWLIB ?= $(VENDOR)/newlib
SETS   ?= build ovmf qemu-backports
M      ?= new-fs
ARGS   ?=
LAUNCH  = $(PYTHON) tests/machines/run --efi $(O)/pasidcheck.efi --vendor $(VENDOR) --reports $(O)/reports

.PHONY: vendor vendor-update newlib run debug machines
vendor:
	$(Q)sh tests/machines/host_tools
	$(Q)$(PYTHON) tests/machines/fetch --vendor $(VENDOR) $(SETS)

vendor-update:
	$(Q)$(PYTHON) tests/machines/fetch --vendor $(VENDOR) --update $(SETS)

newlib: $(NEWLIB)/stamp

# With both overrides nothing of this set is needed, and the stamp is never made.
ifneq ($(and $(filter command environment,$(origin GNUEFI)),$(NEWLIB_SRC)),)
$(VENDOR)/build/stamp:
	@:
else
$(VENDOR)/build/stamp: tests/machines/machines.cfg
	$(Q)sh tests/machines/host_tools
	$(Q)$(PYTHON) tests/machines/fetch --vendor $(VENDOR) build
	@touch $@
endif

$(NEWLIB)/stamp: tests/machines/newlib | $(VENDOR)/build/stamp
	$(Q)$(PYTHON) tests/machines/newlib --vendor $(VENDOR)
	@touch $@

run: all
	$(Q)$(LAUNCH) -m $(M) '$(ARGS)'

debug: all
	$(Q)$(LAUNCH) -m $(M) --debug '$(ARGS)'

machines:
	$(Q)$(LAUNCH) --list-machines
