/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A strict unit of a case's own, with a little memory in front of it and tables written as hexadecimal words:
 * what the model does is compared with numbers that were worked out by hand from VT-d 5.10, not with the
 * formats that it shares with the driver.
 *
 * Memory begins at 0; one page each: 1 root table, 2 and 3 context tables (lower, upper half of bus 0), 4
 * PASID directory, 5 PASID table, 6.. first-stage tables from the top, 10.. second-stage tables from the top,
 * 14 page of data, 15 queue, 16 status words, 17 interrupt remapping table, 18 page request queue. Data is
 * mapped at MRIG_ADDR by both stages; requester MRIG_SID, slot 0 is first stage.
 */
#ifndef TESTS_HOST_MODEL_RIG_H
#define TESTS_HOST_MODEL_RIG_H

#include "tests/harness/harness.h"
#include "tests/model/model.h"

#define MRIG_PAGES    32
#define MRIG_SID      0x0010 /* 00:02.0 */
#define MRIG_ADDR     0x5480123000ull
#define MRIG_BREACHES 8

enum mrig_page {
    MRIG_ROOT = 1,
    MRIG_CTX_LOW = 2,
    MRIG_CTX_HIGH = 3,
    MRIG_DIR = 4,
    MRIG_PASIDS = 5,
    MRIG_FS = 6,
    MRIG_SS = 10,
    MRIG_DATA = 14,
    MRIG_QUEUE = 15,
    MRIG_STATUS = 16,
    MRIG_IRT = 17,
    MRIG_PRQ = 18,
    MRIG_FREE = 20, /* and all behind it: the case's own */
};

struct mrig {
    struct t *t;
    struct model *m;
    uint64_t mem[MRIG_PAGES][512];     /* as CPUs see it */
    uint64_t written[MRIG_PAGES][512]; /* as it was written back; the same unless `stale` is set */
    bool stale;                        /* mrig_set leaves `written` alone until mrig_publish */
    struct {
        uint64_t address;
        uint32_t data;
    } msi[16];
    unsigned msis;
    char breach[MRIG_BREACHES][160];
    unsigned breaches;
    uint32_t waits;   /* status values given out */
    unsigned records; /* fault records read */
};

/* A server's unit that obeys at once; to be changed as liked. */
struct model_config mrig_config(void);
/* Powers on, writes the tables; start: also the queue (256 bits), SRTP in scalable mode, TE. */
void mrig_create(struct t *t, struct mrig *r, const struct model_config *config);
void mrig_open(struct t *t, struct mrig *r, const struct model_config *config);
/* Checks that no breach is left and takes the unit away. */
void mrig_close(struct mrig *r);

/* A word of memory; tells the model that it was published. */
void mrig_set(struct mrig *r, unsigned page, unsigned word, uint64_t value);
/* The same behind the model's back: for what software must not do, and is not the case's subject. */
void mrig_poke(struct mrig *r, unsigned page, unsigned word, uint64_t value);
void mrig_publish(struct mrig *r, unsigned page, unsigned word, unsigned words);

/* GCMD with one bit changed, done when it returns. */
void mrig_command(struct mrig *r, uint32_t bit, bool on);
/* One descriptor; then a wait. Steps until the wait is over: false if it never is. */
void mrig_put(struct mrig *r, uint64_t q0, uint64_t q1);
bool mrig_wait(struct mrig *r);
/* Everything that the unit may hold is flushed. */
void mrig_flush(struct mrig *r);

/* A request of 8 bytes by MRIG_SID at MRIG_ADDR; untranslated, without PASID, to be changed as liked. */
struct model_request mrig_read(void);
struct model_request mrig_write(void);
struct model_completion mrig_dma(struct mrig *r, struct model_request rq);

/* Reason of the oldest fault record, which is cleared; 0: none. The record's quadwords, if asked for. */
uint8_t mrig_fault(struct mrig *r, uint64_t out[2]);
/* Some breach begins with these words; all are forgotten. */
bool mrig_breached(struct mrig *r, const char *words);

#endif
