/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * State of the model's smaller parts: page request queue, device TLBs, interrupt remapping, virtual commands.
 * Each structure belongs to the file it is named after.
 */
#ifndef TESTS_MODEL_PARTS_H
#define TESTS_MODEL_PARTS_H

#include "tests/model/model.h"

#define ATS_DEVICES     8
#define ATS_TLB_ENTRIES 64
#define PRQ_RESPONSES   64
#define IEC_ENTRIES     8

/* ats.c */
struct ats_tlb_entry {
    bool valid, has_pasid;
    uint32_t pasid;
    uint64_t iova, size, pa;
    bool r, w, x, u, priv;
};

struct ats_device {
    bool used;
    struct model_device cfg;
    struct ats_tlb_entry tlb[ATS_TLB_ENTRIES];
    unsigned pending; /* invalidations not yet answered */
    unsigned left;    /* steps until the next answer */
};

struct ats_state {
    struct ats_device device[ATS_DEVICES];
};

/* prq.c */
struct prq_state {
    struct model_page_response response[PRQ_RESPONSES];
    unsigned first, count;
};

/* intr.c */
struct iec_entry {
    bool live;  /* may answer a request */
    bool maybe; /* some unit would still have it: a duty of software hangs on it */
    uint16_t index;
    struct vtd_irte irte;
};

struct intr_state {
    uint64_t irta; /* as of the last SIRTP */
    struct iec_entry iec[IEC_ENTRIES];
};

/* vcmd.c */
struct vcmd_state {
    uint64_t allocated[(1u << 20) / 64]; /* PASIDs given out */
    unsigned left;                       /* steps until the running command is over */
};

#endif
