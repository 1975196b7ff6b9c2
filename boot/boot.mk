# SPDX-License-Identifier: BSD-2-Clause
# The UEFI application: GNU-EFI start-up, our boot code, and the kernel ELF as a blob in .rodata.
BOOT_SRCS := boot/main.c boot/args.c boot/inflate.c boot/elf.c boot/memory.c boot/paging.c boot/hardware.c boot/jump.S boot/kernel_blob.S

BOOT_OBJS := $(addprefix $(O)/efi/,$(addsuffix .o,$(basename $(BOOT_SRCS))))

BOOT_CFLAGS = $(COMMON) -O2 -ffreestanding -fpic -fshort-wchar -mno-red-zone -mgeneral-regs-only -fno-stack-protector \
              -fcf-protection=none -fno-asynchronous-unwind-tables -fvisibility=hidden -U_FORTIFY_SOURCE \
              -DGNU_EFI_USE_MS_ABI -DKERNEL_BLOB='"$(O)/pasidcheck.blob"' \
              -isystem $(GNUEFI)/include/efi -isystem $(GNUEFI)/include/efi/x86_64
BOOT_LDFLAGS = -nostdlib -shared -Bsymbolic -T $(GNUEFI)/lib/elf_x86_64_efi.lds --build-id=none --no-undefined \
               -z noexecstack -L $(GNUEFI)/lib

# Sections of the PE image; .rodata is one of its own since GNU-EFI 3.0.18.
BOOT_SECTIONS := .text .sdata .data .rodata .dynamic .dynsym .rel .rela .rel.* .rela.* .reloc

$(O)/efi/%.o: %.c $(MAKE_FILES) | $(VENDOR)/build/stamp
	@mkdir -p $(@D)
	$(if $(Q),@echo "  EFI   $<")
	$(Q)$(CC) $(BOOT_CFLAGS) -c -o $@ $<

$(O)/efi/%.o: %.S $(MAKE_FILES) | $(VENDOR)/build/stamp
	@mkdir -p $(@D)
	$(if $(Q),@echo "  EFI   $<")
	$(Q)$(CC) $(BOOT_CFLAGS) -c -o $@ $<

# Symbols of functions stay for back-traces; those of data, and debug information, do not.
$(O)/pasidcheck.blob: $(O)/pasidcheck.elf boot/pack.py
	$(Q)$(NM) $< | awk '{ if ($$2 ~ /[tTwW]/) code[$$3] = 1; else data[$$3] = 1 } \
	    END { for (name in data) if (!(name in code)) print name }' >$@.data
	$(Q)$(OBJCOPY) --strip-debug --strip-symbols=$@.data $< $@.elf
	$(Q)$(PYTHON) boot/pack.py $@.elf $@

$(O)/efi/boot/kernel_blob.o: $(O)/pasidcheck.blob

$(O)/efi/boot.so: $(BOOT_OBJS)
	$(if $(Q),@echo "  LD    $@")
	$(Q)$(LD) $(BOOT_LDFLAGS) -o $@ $(GNUEFI)/lib/crt0-efi-x86_64.o $(BOOT_OBJS) -lefi -lgnuefi

$(O)/pasidcheck.efi: $(O)/efi/boot.so
	$(if $(Q),@echo "  EFI   $@")
	$(Q)SOURCE_DATE_EPOCH=0 $(OBJCOPY) $(addprefix -j ,$(BOOT_SECTIONS)) --target efi-app-x86_64 --subsystem=10 $< $@
