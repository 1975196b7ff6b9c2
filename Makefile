# SPDX-License-Identifier: BSD-2-Clause
#
# One Makefile. Each part lists its sources in its own .mk file; here are the rules and the flags.
#
#   make [O=build] [CC=gcc|clang] [V=1]      build/pasidcheck.efi
#   make host                                build/host/pasidcheck, the same sources as a process

MAKEFLAGS += -rR
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

O ?= build
ifneq ($(filter default undefined,$(origin CC)),)
CC := gcc
endif
LD      := ld
OBJCOPY := objcopy
NM      := nm
PYTHON  := python3
TOP     := $(CURDIR)
Q       := $(if $(V),,@)

VENDOR ?= $(O)/vendor
GNUEFI ?= $(VENDOR)/build/root/usr
NEWLIB ?= $(VENDOR)/newlib

-include boot/boot.mk
-include kernel/kernel.mk
-include iommu/iommu.mk
-include tests/tests.mk
-include tests/machines/machines.mk
-include tests/tools/tools.mk

# ---- Flags ----

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings \
            -Wvla -Wundef -Wimplicit-fallthrough
# No name of a folder outside of the tree gets into an object.
PREFIX_MAP := -ffile-prefix-map=$(abspath $(O))=build -ffile-prefix-map=$(TOP)=.
IS_CLANG   := $(findstring clang,$(shell $(CC) --version))
COMMON     := -std=gnu11 -g $(WARNINGS) $(PREFIX_MAP) -I. -MMD -MP

FW_CFLAGS := $(COMMON) -O2 -ffreestanding -fno-pic -fno-pie -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
             -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -fno-omit-frame-pointer \
             -fno-optimize-sibling-calls -U_FORTIFY_SOURCE -isystem $(NEWLIB)/include
FW_LDFLAGS := -nostdlib -static -Wl,-T,linker/kernel.ld -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
              -Wl,-z,noexecstack -Wl,--fatal-warnings

# SAN= builds the host binary without sanitizers: mutants have to fail a case, not to crash.
SAN          ?= address,undefined
SAN_FLAGS    := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=undefined)
HOST_CFLAGS  := $(COMMON) -O2 -fno-omit-frame-pointer $(SAN_FLAGS)
HOST_LDFLAGS := $(SAN_FLAGS)

# COVERAGE=1: for gcov, which wants one block per way and the files where they are (tests/tools/coverage.py).
ifneq ($(COVERAGE),)
PREFIX_MAP   :=
HOST_CFLAGS  += -O0 --coverage
HOST_LDFLAGS += --coverage
endif

# ---- Objects ----

MAKE_FILES := Makefile $(wildcard boot/boot.mk kernel/kernel.mk iommu/iommu.mk tests/tests.mk tests/machines/machines.mk)

objects = $(addprefix $(O)/$(1)/,$(addsuffix .o,$(basename $(2))))

# PAYLOAD replaces the tests by other sources: to try the kernel alone.
PAYLOAD   ?= $(TEST_SRCS) $(TARGET_SRCS)
FW_SRCS   := $(sort $(KERNEL_SRCS) $(LIB_SRCS) $(IOMMU_SRCS) $(PAYLOAD))
HOST_ALL  := $(sort $(LIB_SRCS) $(IOMMU_SRCS) $(TEST_SRCS) $(HOST_SRCS))
FW_OBJS   := $(call objects,fw,$(FW_SRCS))
HOST_OBJS := $(call objects,host,$(HOST_ALL))

# Most code runs a few times: small is worth more than fast, and takes an emulator no longer. What touches every
# byte of every page and every proof is the exception. With -Os gcc copies and clears a structure by `rep movs` and
# `rep stos`, of which an emulator that counts instructions leaves its translated code at each step: a loop instead.
FW_STRINGS := $(if $(IS_CLANG),,-mstringop-strategy=loop)
FW_FAST    := kernel/page.o tests/harness/pattern.o tests/harness/proof.o
$(addprefix $(O)/fw/,kernel/%.o iommu/%.o tests/%.o): FW_CFLAGS += -Os $(FW_STRINGS)
$(addprefix $(O)/fw/,$(FW_FAST)): FW_CFLAGS += -O2

# And to compile them takes longer than they run.
$(O)/host/%_test.o: HOST_CFLAGS += -O0

$(O)/fw/%.o: %.c $(MAKE_FILES) | $(NEWLIB)/stamp
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC    $<")
	$(Q)$(CC) $(FW_CFLAGS) -c -o $@ $<

$(O)/fw/%.o: %.S $(MAKE_FILES) | $(NEWLIB)/stamp
	@mkdir -p $(@D)
	$(if $(Q),@echo "  AS    $<")
	$(Q)$(CC) $(FW_CFLAGS) -c -o $@ $<

$(O)/host/%.o: %.c $(MAKE_FILES)
	@mkdir -p $(@D)
	$(if $(Q),@echo "  HOST  $<")
	$(Q)$(CC) $(HOST_CFLAGS) -c -o $@ $<

$(O)/host/%.o: %.S $(MAKE_FILES)
	@mkdir -p $(@D)
	$(if $(Q),@echo "  AS    $<")
	$(Q)$(CC) $(HOST_CFLAGS) -c -o $@ $<

# ---- The two binaries ----

.PHONY: all host clean
all: $(O)/pasidcheck.efi

host: $(O)/host/pasidcheck

$(O)/pasidcheck.elf: $(FW_OBJS) linker/kernel.ld $(NEWLIB)/stamp
	$(if $(Q),@echo "  LD    $@")
	$(Q)$(CC) $(FW_LDFLAGS) -o $@ $(FW_OBJS) $(NEWLIB)/lib/libc.a -lgcc

$(O)/host/pasidcheck: $(HOST_OBJS)
	$(if $(Q),@echo "  LD    $@")
	$(Q)$(CC) $(HOST_LDFLAGS) $(INTERLEAVE_WRAP) -o $@ $(HOST_OBJS)

# Fetched parts stay: `rm -r $(VENDOR)` by hand.
clean:
	rm -rf $(O)/fw $(O)/host $(O)/efi $(O)/pasidcheck.*

-include $(FW_OBJS:.o=.d) $(HOST_OBJS:.o=.d) $(BOOT_OBJS:.o=.d)
