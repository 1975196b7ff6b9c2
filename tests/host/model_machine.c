/* SPDX-License-Identifier: BSD-2-Clause */
/* See model_machine.h. */
#include "tests/host/model_machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/shadow.h"

#define MAX_UNITS    2
#define MAX_BREACHES 16
#define MAX_MESSAGES 32
#define PREFIX       "model"
#define FIRMWARE_RID RID(0, 0x1f, 2)

/* Pieces of work at most per look at the clock, and per barrier. */
#define STEPS_PER_TICK  24
#define STEPS_PER_TOUCH 2

static struct unit {
    struct host_mmio mmio;
    struct model *model;
} units[MAX_UNITS];
static unsigned unit_count;
static unsigned haw;

static char breaches[MAX_BREACHES][200];
static unsigned breach_count, breaches_told;

/* ---- Interrupts: delivered when no call into a model is under way ---- */

static struct {
    uint32_t address, data;
} messages[MAX_MESSAGES];
static unsigned message_count;
static unsigned depth;

void model_machine_enter(void)
{
    host_enter();
    depth++;
}

void model_machine_leave(void)
{
    if (--depth == 0) {
        while (message_count > 0) {
            message_count--;
            host_msi_send(messages[message_count].address, messages[message_count].data);
        }
    }
    host_leave();
}

void model_machine_abandon(void)
{
    depth = 0;
}

static void interrupt(unused void *ctx, uint64_t address, uint32_t data)
{
    if (message_count < MAX_MESSAGES) {
        messages[message_count].address = (uint32_t)address;
        messages[message_count++].data = data;
    }
}

/* ---- Memory, breaches ---- */

/* Beside threads the unit looks on at any moment, also between a store and its write-back, when nothing is
 * wrong yet: there it sees what CPUs see. */
static bool read_memory(unused void *ctx, uint64_t pa, void *out, size_t size, bool snooped)
{
    return shadow_read(pa, out, size, snooped || host_home.threads);
}

static bool write_memory(unused void *ctx, uint64_t pa, const void *in, size_t size)
{
    return shadow_write(pa, in, size);
}

static bool cas_memory(unused void *ctx, uint64_t pa, uint64_t expected, uint64_t desired)
{
    return shadow_cas64(pa, expected, desired);
}

static void breach(void *ctx, const char *words)
{
    const struct unit *unit = ctx;
    char *out = breaches[breach_count % MAX_BREACHES];

    snprintf(out, sizeof(breaches[0]), "unit %u: %s", (unsigned)(unit - units), words);
    breach_count++;
}

const char *model_machine_breach(void)
{
    if (breaches_told == breach_count)
        return NULL;
    if (breach_count - breaches_told > MAX_BREACHES) {
        breaches_told = breach_count - MAX_BREACHES;
        return "more breaches than are kept";
    }
    return breaches[breaches_told++ % MAX_BREACHES];
}

/* ---- Registers ---- */

static uint32_t read32(void *ctx, uint32_t offset)
{
    struct unit *unit = ctx;
    uint32_t value;

    model_machine_enter();
    value = model_read32(unit->model, offset);
    model_machine_leave();
    return value;
}

static uint64_t read64(void *ctx, uint32_t offset)
{
    struct unit *unit = ctx;
    uint64_t value;

    model_machine_enter();
    value = model_read64(unit->model, offset);
    model_machine_leave();
    return value;
}

static void write32(void *ctx, uint32_t offset, uint32_t value)
{
    struct unit *unit = ctx;

    model_machine_enter();
    model_write32(unit->model, offset, value);
    model_machine_leave();
}

static void write64(void *ctx, uint32_t offset, uint64_t value)
{
    struct unit *unit = ctx;

    model_machine_enter();
    model_write64(unit->model, offset, value);
    model_machine_leave();
}

/* ---- Time, and what software does to memory ---- */

static void (*on_time)(void);

void model_machine_on_time(void (*fn)(void))
{
    on_time = fn;
}

static void step_all(unsigned n)
{
    model_machine_enter();
    for (unsigned i = 0; i < unit_count; i++)
        model_step(units[i].model, n);
    if (on_time != NULL)
        on_time();
    model_machine_leave();
}

static void tick(void)
{
    step_all(STEPS_PER_TICK);
}

static void touched(void)
{
    step_all(STEPS_PER_TOUCH);
}

static void published(const void *va, size_t size, bool snooped)
{
    model_machine_enter();
    if (!snooped)
        shadow_publish(va, size);
    for (unsigned i = 0; i < unit_count; i++)
        model_published(units[i].model, plat_pa(va).v, size);
    model_machine_leave();
}

static void freed(paddr_t pa, size_t size)
{
    model_machine_enter();
    for (unsigned i = 0; i < unit_count; i++)
        model_freed(units[i].model, pa.v, size);
    model_machine_leave();
}

static const struct host_watch watch = {
    .published = published, .allocated = shadow_allocated, .freed = freed, .touched = touched};

/* ---- The whole ---- */

bool model_machine_is(const char *profile)
{
    size_t len = strlen(PREFIX);

    return strncmp(profile, PREFIX, len) == 0 && strchr(":-", profile[len]) != NULL;
}

/* "model-client:7" is the preset "client" and the seed 7. */
static uint64_t parse(const char *profile, char *preset, size_t size)
{
    const char *colon = strchr(profile, ':');
    const char *name = profile + strlen(PREFIX);

    if (*name == '-')
        name++;
    snprintf(preset, size, "%s", name);
    if (strchr(preset, ':') != NULL)
        *strchr(preset, ':') = '\0';
    return colon != NULL ? strtoull(colon + 1, NULL, 0) : 1;
}

static bool make_unit(unsigned n, const struct model_config *config, uint64_t base)
{
    const struct model_host host = {.ctx = &units[n],
                                    .read = read_memory,
                                    .write = write_memory,
                                    .cas64 = cas_memory,
                                    .interrupt = interrupt,
                                    .breach = breach};
    struct unit *unit = &units[n];

    if (unit->model != NULL)
        model_destroy(unit->model);
    unit->model = model_create(config, &host);
    if (unit->model == NULL)
        return false;
    unit->mmio = (struct host_mmio){.base = {base},
                                    .size = model_regs_size(unit->model),
                                    .ctx = unit,
                                    .read32 = read32,
                                    .read64 = read64,
                                    .write32 = write32,
                                    .write64 = write64};
    host_mmio_add(&unit->mmio);
    return true;
}

int model_machine_create(const char *profile, const uint64_t *base, unsigned count)
{
    static const char *const mixed[MAX_UNITS] = {"client", "server"};
    struct model_config config[MAX_UNITS];
    char preset[32];
    uint64_t seed = parse(profile, preset, sizeof(preset));

    plat_assert(count <= MAX_UNITS);
    haw = 64;
    for (unsigned i = 0; i < count; i++) {
        if (!model_preset(preset[0] != '\0' ? preset : mixed[i], seed, &config[i]))
            return -EINVAL;
        config[i].seed += i;
        haw = config[i].haw < haw ? config[i].haw : haw;
    }
    shadow_create();
    unit_count = 0;
    for (unsigned i = 0; i < count; i++) {
        config[i].haw = haw;
        if (!make_unit(i, &config[i], base[i]))
            return -EINVAL;
        unit_count++;
    }
    host_on_tick(tick);
    host_watch(&watch);
    model_machine_enter();
    model_firmware_ran(units[0].model, FIRMWARE_RID);
    model_machine_leave();
    return 0;
}

unsigned model_machine_haw(void)
{
    return haw;
}

bool model_machine_remaps(void)
{
    bool all = unit_count > 0;

    for (unsigned i = 0; i < unit_count; i++)
        all &= FIELD_GET(VTD_ECAP_IR, model_config(units[i].model)->ecap);
    return all;
}

struct model *model_machine_unit(unsigned n)
{
    return n < unit_count ? units[n].model : NULL;
}
