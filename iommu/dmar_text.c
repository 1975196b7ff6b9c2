/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DMAR table in words, one line per structure, for report headers and messages.
 */
#include "iommu/dmar.h"
#include "kernel/lib/text.h"

static const char *const type_names[DMAR_TYPES] = {
    [DMAR_DRHD] = "DRHD", [DMAR_RMRR] = "RMRR", [DMAR_ATSR] = "ATSR", [DMAR_RHSA] = "RHSA",
    [DMAR_ANDD] = "ANDD", [DMAR_SATC] = "SATC", [DMAR_SIDP] = "SIDP",
};

static void add_number(struct text *t, const char *words, uint64_t value)
{
    text_add(t, words);
    text_dec(t, value);
}

static void add_hex(struct text *t, const char *words, uint64_t value)
{
    text_add(t, words);
    text_hex(t, value, 1);
}

/* Firmware's words, which must not break a line of the report. */
static void add_foreign(struct text *t, const char *words)
{
    for (; *words != '\0'; words++) {
        char word[2] = {*words > ' ' && *words <= '~' ? *words : '?', '\0'};

        text_add(t, word);
    }
}

static const char *scope_name(uint8_t type)
{
    switch (type) {
    case DMAR_SCOPE_ENDPOINT:
        return "endpoint ";
    case DMAR_SCOPE_BRIDGE:
        return "bridge ";
    case DMAR_SCOPE_IOAPIC:
        return "ioapic ";
    case DMAR_SCOPE_HPET:
        return "hpet ";
    case DMAR_SCOPE_NAMESPACE:
        return "namespace ";
    default:
        return "unknown ";
    }
}

static void add_scope(struct text *t, const struct dmar_scope *scope, bool flags)
{
    text_add(t, scope_name(scope->type));
    if (scope->type >= DMAR_SCOPE_IOAPIC && scope->type <= DMAR_SCOPE_NAMESPACE) {
        text_dec(t, scope->id);
        text_add(t, " at ");
    }
    text_hex(t, scope->start_bus, 2);
    for (unsigned i = 0; i < scope->path_len; i++) {
        text_add(t, i == 0 ? ":" : "/");
        text_hex(t, scope->path[2 * i], 2);
        add_hex(t, ".", scope->path[2 * i + 1]);
    }
    if (flags)
        add_hex(t, " flags ", scope->flags);
}

static void add_fields(struct text *t, const struct dmar_struct *s)
{
    if (s->scopes != 0)
        add_number(t, " segment ", s->segment);
    switch (s->type) {
    case DMAR_DRHD:
        add_hex(t, " registers ", s->base.v);
        add_hex(t, "+", s->length);
        text_add(t, s->include_all ? " INCLUDE_PCI_ALL" : "");
        break;
    case DMAR_RMRR:
        add_hex(t, " memory ", s->base.v);
        add_hex(t, "+", s->length);
        break;
    case DMAR_ATSR:
        text_add(t, s->all_ports ? " ALL_PORTS" : "");
        break;
    case DMAR_RHSA:
        add_hex(t, " registers ", s->base.v);
        add_number(t, " proximity ", s->proximity);
        break;
    case DMAR_ANDD:
        add_number(t, " device ", s->acpi_device);
        text_add(t, " ");
        add_foreign(t, s->acpi_name);
        break;
    case DMAR_SATC:
        text_add(t, s->atc_required ? " ATC_REQUIRED" : "");
        break;
    default:
        break;
    }
}

void dmar_text(const struct dmar *dmar, char *out, size_t size)
{
    struct text t = text_in(out, size);

    add_number(&t, "revision ", dmar->revision);
    add_number(&t, " width ", dmar->haw);
    text_add(&t, dmar->intr_remap ? " INTR_REMAP" : "");
    text_add(&t, dmar->x2apic_opt_out ? " X2APIC_OPT_OUT" : "");
    text_add(&t, dmar->dma_ctrl_opt_in ? " DMA_CTRL_PLATFORM_OPT_IN" : "");
    for (unsigned type = 0; type < DMAR_TYPES; type++) {
        if (dmar->count[type] != 0) {
            add_number(&t, ", ", dmar->count[type]);
            text_add(&t, " ");
            text_add(&t, type_names[type]);
        }
    }
    if (dmar->unknown != 0) {
        add_number(&t, ", ", dmar->unknown);
        text_add(&t, " unknown");
    }
    if (dmar->faulty != 0) {
        add_number(&t, ", ", dmar->faulty);
        text_add(&t, " faulty");
    }
}

void dmar_struct_text(const struct dmar *dmar, const struct dmar_struct *s, char *out, size_t size)
{
    struct text t = text_in(out, size);
    const char *separator = ": ";

    if (s->type < DMAR_TYPES) {
        text_add(&t, type_names[s->type]);
    } else {
        add_number(&t, "unknown type ", s->type);
        add_number(&t, " of ", s->size);
        text_add(&t, " bytes");
    }
    add_fields(&t, s);
    dmar_for_each_scope(scope, dmar, s)
    {
        text_add(&t, separator);
        add_scope(&t, &scope, s->type == DMAR_SIDP);
        separator = ", ";
    }
}

void dmar_error_text(const struct dmar_error *error, char *out, size_t size)
{
    struct text t = text_in(out, size);

    text_add(&t, error->what);
    add_number(&t, " at offset ", error->offset);
}
