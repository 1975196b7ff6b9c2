/* SPDX-License-Identifier: BSD-2-Clause */
/* Which deviations apply to a platform id such as "qemu-11.1.3". */
#include <stdlib.h>
#include <string.h>

#include "tests/harness/errata.h"

bool errata_platform(const char *platform, char *family, size_t size, uint16_t version[4])
{
    const char *dash = strrchr(platform, '-');
    size_t len = dash ? (size_t)(dash - platform) : 0;
    const char *p = dash ? dash + 1 : "";

    if (!len || len >= size || *p < '0' || *p > '9')
        return false;
    memcpy(family, platform, len);
    family[len] = 0;
    memset(version, 0, 4 * sizeof(version[0]));
    for (unsigned n = 0; n < 4 && *p >= '0' && *p <= '9'; n++) {
        char *end;

        version[n] = (uint16_t)strtoul(p, &end, 10);
        p = *end == '.' ? end + 1 : "";
    }
    return true;
}

static int compare(const uint16_t *a, const uint16_t *b)
{
    for (unsigned i = 0; i < 4; i++) {
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    }
    return 0;
}

/* Where `id` stands among `ids`, NULL if it does not. */
static const char *place_of(const char *ids, const char *id)
{
    size_t len = strlen(id);

    for (const char *p = ids; (p = strstr(p, id)); p += len) {
        if ((p == ids || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
            return p;
    }
    return NULL;
}

bool errata_named(const char *ids, const char *id)
{
    return place_of(ids, id) != NULL;
}

const struct erratum *errata_find(const struct erratum *table, size_t count, const char *ids,
                                  const char *platform)
{
    const struct erratum *found = NULL;
    const char *first = NULL;
    uint16_t version[4];
    char family[32];

    if (!ids || !errata_platform(platform, family, sizeof(family), version))
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const struct erratum *e = &table[i];
        const char *at = place_of(ids, e->id);

        if (!at || (first && at >= first) || strcmp(family, e->platform) != 0 ||
            compare(version, e->first) < 0 || compare(version, e->last) > 0)
            continue;
        found = e;
        first = at;
    }
    return found;
}
