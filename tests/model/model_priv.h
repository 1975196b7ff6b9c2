/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the model's files see each other. One file per part of the specification; a function is named after its
 * file. Order of the sections is the way of a request: registers, queue, caches, entries, walks, faults.
 */
#ifndef TESTS_MODEL_MODEL_PRIV_H
#define TESTS_MODEL_MODEL_PRIV_H

#include "tests/model/model.h"
#include "tests/model/parts.h"

#define MODEL_REG_BYTES (4 * PAGE_SIZE)
#define MODEL_DMAS      16
#define MODEL_RECENT    4
#define CACHE_ENTRIES   512
#define QUEUE_FETCHED   16

/* ---- What a table entry says about a request (entry.c makes it, walks read it) ---- */

struct trans {
    enum vtd_pgtt pgtt;
    bool legacy;        /* legacy mode: codes 03..07, 0C, 0E instead of 78..87 */
    uint16_t did;       /* tags of what is cached */
    uint32_t pasid;     /* the request's, else RID_PASID */
    bool priv;          /* supervisor: PR of the request, or RID_PRIV */
    bool fpd;           /* some entry on the way had FPD = 1 */
    unsigned ss_levels; /* 3..5 */
    uint64_t ss_table;  /* host physical */
    bool ssade;
    bool ssirwe;        /* SS permissions are bits 61 and 62 */
    unsigned fs_levels; /* 4, 5 */
    uint64_t fs_table;  /* host physical, nested: guest physical */
    bool sre, wpe, eafe;
    bool snooped; /* walks see CPU caches: PWSNP = 1 and SMPWCS = 1, legacy: ECAP.C */
    bool pgsnp;
    uint64_t generation; /* of the caches when the entries were read; older than theirs: nothing is cached */
};

/* What is wanted of a page. A read of zero bytes has none of r, w, x set. */
struct want {
    bool r, w, x;
    bool zero_length;
};

/* Result of a walk, and the payload of an IOTLB entry. */
struct leaf {
    uint64_t pa;    /* of the page's first byte */
    unsigned shift; /* 12, 21, 30: the smaller one of both stages; pass-through 12 */
    bool r, w, u;   /* what all levels of all stages allow; u: user may */
    bool dirty;     /* a write needs no update of any D bit */
    bool snoop;     /* SNP or PGSNP */
    uint8_t code;   /* not 0: kept because of CM = 1, the walk's reason, and nothing else counts */
};

/* ---- The unit ---- */

/* One of everything cached. Evicted entries stay as `live` = false until invalidated: some unit would still
 * have them, so software's duties go on. */
struct cached {
    enum model_cache kind;
    bool used, live;
    uint16_t sid;   /* CONTEXT, PASID */
    uint16_t did;   /* PASID, IOTLB, FS, SS */
    uint32_t pasid; /* PASID, IOTLB, FS */
    bool first;     /* IOTLB: first-stage or nested */
    unsigned level; /* FS, SS: of the table that `table` is, 1: last */
    uint64_t addr;  /* IOTLB, FS, SS: first address covered */
    unsigned shift; /* IOTLB, FS, SS: 2^shift bytes are covered */
    uint64_t table;
    uint64_t entry_pa; /* where the entry was read */
    bool told;         /* a breach about this entry was told */
    union {
        struct vtd_context_entry ctx;
        struct vtd_pasid_entry pe;
        struct leaf leaf;
    };
    bool r, w, u;   /* FS, SS: what the levels above allow */
    bool has_pasid; /* PASID: made by a request with PASID */
    bool fpd;       /* PASID: FPD of the entry and those above it */
    bool rid_priv;  /* PASID: RID_PRIV of the context entry */
    bool anywhere;  /* its pages or tables are not software's to free: pass-through, FS tables of nested */
    uint64_t root;  /* IOTLB, FS, SS: top table that this came from */
    uint64_t age;
};

/* The way from a requester to a struct trans, one 128-bit read at a time. */
enum entry_kind { ENTRY_UNTRANSLATED, ENTRY_TRANSLATION, ENTRY_TRANSLATED, ENTRY_PAGE_REQUEST };

struct entry_walk {
    enum entry_kind kind;
    uint16_t sid;
    bool has_pasid, privileged, execute;
    uint32_t pasid; /* of the request */

    unsigned state; /* entry.c's own, like all that follows but the results */
    unsigned piece;
    uint64_t generation;
    uint32_t index; /* PASID that selects the PASID entry */
    uint64_t pa;    /* of the entry being read */
    bool ctx_cached;
    struct vtd_context_entry ctx;
    struct vtd_pasid_entry pe;

    uint8_t fault;
    bool fpd;
    struct trans trans;
};

enum dma_state { DMA_FREE, DMA_ACCEPTED, DMA_ENTRIES, DMA_WALK, DMA_MEMORY, DMA_ENDED };

struct dma {
    enum dma_state state;
    struct model_request rq;
    struct entry_walk entries;
    struct leaf leaf;
    struct model_completion end; /* end.moved: bytes done */
};

/* A descriptor that was fetched and has not taken effect. */
struct fetched {
    struct vtd_desc d;
};

struct model {
    struct model_config cfg;
    struct model_host host;
    uint64_t regs[MODEL_REG_BYTES / 8];
    uint64_t rng;

    /* regs.c */
    uint32_t command; /* bit of GCMD, or an enum command, that is under way; 0: none */
    bool command_on;  /* the level that it sets */
    unsigned command_left;
    uint64_t root;  /* RTADDR as of the last SRTP */
    bool root_used; /* TE went off after that SRTP: rule 5 */
    unsigned owed;  /* global invalidations that rules 7 and 8 ask for: bits by descriptor type */

    /* queue.c */
    bool queue_stopped;
    uint64_t queue_tail; /* IQT before the last write */
    bool last_was_wait;
    bool drain_reads, drain_writes; /* owed before the next wait is over */
    unsigned fail[MODEL_FAIL_COUNT];
    struct fetched fetched[QUEUE_FETCHED];
    unsigned fetched_count;

    /* cache.c, dma.c */
    struct cached cache[CACHE_ENTRIES];
    unsigned cache_end; /* entries from here on are not used */
    uint64_t age;
    uint64_t generation; /* counts invalidations */
    struct dma dma[MODEL_DMAS];
    unsigned dma_end;                          /* those from here on are free */
    struct model_request recent[MODEL_RECENT]; /* translated of late; len 0: none */
    unsigned recent_next;

    /* fault.c */
    unsigned fault_next;

    /* contract.c, reach.c */
    unsigned breaches;
    struct reach *reach;

    struct prq_state prq;
    struct way_state way;
    struct ats_state ats;
    struct intr_state intr;
    struct vcmd_state vcmd;
};

/* Capability fields. */
#define CAP(m, field)  FIELD_GET(VTD_CAP_##field, (m)->cfg.cap)
#define ECAP(m, field) FIELD_GET(VTD_ECAP_##field, (m)->cfg.ecap)

/* ---- model.c: memory, chance ---- */

/* Access of the unit to memory; false where none is, or beyond the host address width. */
bool mem_read(struct model *m, uint64_t pa, void *out, size_t size, bool snooped);
/* The same, at most 16 bytes, of a table that software writes and this unit walks: what it sees has to be
 * what was written (rule 10). */
bool mem_walk(struct model *m, uint64_t pa, void *out, size_t size, bool snooped);
/* An entry of a paging structure, with its bits that say present: one that is absent, as it was, may hold
 * anything else. */
bool mem_walk_entry(struct model *m, uint64_t pa, uint64_t *entry, uint64_t present, bool snooped);
bool mem_write(struct model *m, uint64_t pa, const void *in, size_t size);
bool mem_cas64(struct model *m, uint64_t pa, uint64_t expected, uint64_t desired);
/* 0 .. n-1. */
unsigned rnd(struct model *m, unsigned n);
/* First address beyond the host's width; beyond min(MGAW, width of `levels` levels). */
uint64_t haw_end(const struct model *m);
uint64_t ss_end(const struct model *m, unsigned levels);
/* Is an address in FEEx_xxxx? */
bool is_interrupt_range(uint64_t addr);

/* ---- presets.c ---- */

/* Do the unit's capabilities go with each other? */
bool preset_is_possible(const struct model *m);

/* ---- regs.c ---- */

uint64_t reg_get(const struct model *m, uint32_t offset, unsigned width);
void reg_set(struct model *m, uint32_t offset, unsigned width, uint64_t value);
#define get32(m, name)        reg_get(m, VTD_OFF_##name, 4)
#define get64(m, name)        reg_get(m, VTD_OFF_##name, 8)
#define set32(m, name, value) reg_set(m, VTD_OFF_##name, 4, value)
#define set64(m, name, value) reg_set(m, VTD_OFF_##name, 8, value)
bool reg_status(const struct model *m, uint64_t gsts_mask); /* a bit of GSTS */
void regs_reset(struct model *m);
/* command.c: GCMD. */
void command_written(struct model *m, uint32_t value);
void regs_step(struct model *m);
/* Commands that GCMD has no bit for; bits that are reserved there. */
enum command { COMMAND_PMEN = 1, COMMAND_CCMD = 2, COMMAND_IOTLB = 4 };
/* Takes effect at once, or, in a slow unit, later (regs_step). `on`: the level that a bit of GCMD gets. */
void command_begin(struct model *m, uint32_t what, bool on);
/* Of the one under way. */
const char *command_name(const struct model *m);
/* command_reg.c: such a command was written; now it takes effect. */
void command_by_register(struct model *m, enum command what);
void command_register_done(struct model *m, enum command what);
/* A cache was emptied, all of it if `global`: rules 7 and 8 may have asked for it. */
void command_paid(struct model *m, enum vtd_qi_type type, bool global);

/* ---- event.c ---- */

/* Sends the message of an event's registers (`control`: VTD_OFF_FECTL, _IECTL, _PECTL), or holds it in IP. */
void event_send(struct model *m, uint32_t control);
/* IM may have changed: what is pending goes out. */
void event_control_written(struct model *m, uint32_t control);
/* All causes of the event are gone: IP = 0. */
void event_drop(struct model *m, uint32_t control);
/* One of the messages that software has set up arrives once more. */
void event_repeat(struct model *m);

/* ---- queue.c ---- */

void queue_enabled(struct model *m, bool on);
void queue_tail_written(struct model *m);
/* IQE or ITE was written with 1. */
void queue_error_cleared(struct model *m);
/* One piece of one descriptor. */
void queue_step(struct model *m);
bool queue_idle(const struct model *m);
/* desc.c: may this descriptor stand in the queue as it is now? */
enum vtd_iqei desc_check(const struct model *m, const struct vtd_desc *d);
/* Breaches that hardware does not report. */
void desc_check_rules(struct model *m, const struct vtd_desc *d);
/* Called by ats.c: a function did not answer (ITE), or answered what nobody asked (ICE). */
void queue_timed_out(struct model *m, uint16_t sid);
/* A test wants this one to fail (model_fail). */
bool fails(struct model *m, enum model_failure what);
void queue_bad_completion(struct model *m, uint16_t sid);

/* ---- cache.c ---- */

/*
 * The IOTLB. An entry serves every requester with the same DID and PASID (rules 45..47). NULL: nothing
 * cached, or nothing with which `want` could be decided (a write where D would have to be set).
 */
const struct leaf *iotlb_find(struct model *m, const struct trans *t, uint64_t addr, const struct want *want);
void iotlb_add(struct model *m, const struct trans *t, uint64_t addr, const struct leaf *leaf);

/* Paging-structure caches: `stage` is MODEL_CACHE_FS (tagged by DID, PASID, address) or _SS (DID, address).
 */
struct psc_hit {
    unsigned level; /* of `table`; its entries map 2^(12 + 9 * (level - 1)) bytes each */
    uint64_t table; /* as given to psc_add: host physical, for FS tables of nested entries guest physical */
    bool r, w, u;   /* what the levels above allow */
};
/* The lowest table cached for an address; false: begin at the top. */
bool psc_find(struct model *m, enum model_cache stage, const struct trans *t, uint64_t addr,
              struct psc_hit *out);
/* Call it for each non-leaf entry used, with the table that it leads to. */
void psc_add(struct model *m, enum model_cache stage, const struct trans *t, uint64_t addr,
             const struct psc_hit *hit);

/* Invalidations: granularities as in the descriptors, AM = `am`. */
void cache_cc(struct model *m, enum vtd_cc_gran g, uint16_t did, uint16_t sid, unsigned fm);
void cache_pc(struct model *m, enum vtd_pc_gran g, uint16_t did, uint32_t pasid);
void cache_iotlb(struct model *m, enum vtd_iotlb_gran g, uint16_t did, uint64_t addr, unsigned am, bool ih);
void cache_piotlb(struct model *m, enum vtd_piotlb_gran g, uint16_t did, uint32_t pasid, uint64_t addr,
                  unsigned am, bool ih);
void cache_flush_all(struct model *m); /* everything of DMA remapping */
/* For entry.c. NULL: not there. */
struct cached *context_find(struct model *m, uint16_t sid);
struct cached *pasid_find(struct model *m, uint16_t sid, bool has_pasid, uint32_t pasid);
struct cached *cache_add(struct model *m, const struct cached *what);
/* The table pointer that the entries of a stage come from. */
uint64_t trans_root(const struct trans *t, enum model_cache stage);
/* Were the entries behind `t` invalidated meanwhile? Then nothing of it may be cached. */
bool trans_is_old(const struct model *m, const struct trans *t);

/* ---- entry.c: VT-d 5.10, scalable-mode and legacy address translation up to the paging structures ---- */

/* Starts; then one 128-bit read per entry_step() until it says true: `fault` or `trans` is set. */
void entry_begin(struct entry_walk *w);
bool entry_step(struct model *m, struct entry_walk *w);
/* entry_legacy.c: the whole way in legacy mode, in one step. */
bool entry_legacy(struct model *m, struct entry_walk *w);
/* entry_check.c: 0 or the reason. */
uint8_t entry_check_root(const struct model *m, const struct vtd_root_entry *e, bool upper);
uint8_t entry_check_context(const struct model *m, const struct entry_walk *w);
uint8_t entry_check_directory(const struct model *m, const struct vtd_pasid_dir_entry *e);
uint8_t entry_check_pasid(const struct model *m, const struct entry_walk *w);
/* All at once; 0 or the reason. */
uint8_t entry_resolve(struct model *m, struct entry_walk *w);

/* ---- walk_first.c, walk_second.c, nested.c ---- */

/*
 * Walks for an address, all stages, by t->pgtt; looks into and fills the paging-structure caches, sets A, D
 * and EA, not the IOTLB. 0 or the reason, without regard to FPD. `out` holds the effective rights also where
 * the reason is a missing right (05, 06, 81, 85, 86), else it is undefined on a reason. (nested.c)
 */
uint8_t walk(struct model *m, const struct trans *t, uint64_t addr, const struct want *want,
             struct leaf *out);
/* First stage with addresses of tables and page in host physical memory (t->pgtt FIRST), or each of them
 * through the second stage (NESTED). (walk_first.c) */
uint8_t walk_first(struct model *m, const struct trans *t, uint64_t addr, const struct want *want,
                   struct leaf *out);
/* Second stage of a guest physical address. (walk_second.c) */
uint8_t walk_second(struct model *m, const struct trans *t, uint64_t addr, const struct want *want,
                    struct leaf *out);

/* What both walks share. A table entry on the way, which takes A and may be kept. */
struct walk_used {
    uint64_t pa; /* nested: guest physical */
    uint64_t entry;
    struct psc_hit hit; /* what it leads to */
};
/* Bytes that an entry of a table of `level` maps; which entry of it an address selects. */
static inline uint64_t walk_size(unsigned level)
{
    return pow2(3 + 9 * level);
}
static inline uint64_t walk_index(uint64_t addr, unsigned level)
{
    return addr / walk_size(level) % VTD_PAGING_ENTRIES;
}
/* Address bits of an entry that no memory has: 51 .. HAW. */
static inline uint64_t walk_above_haw(const struct model *m)
{
    return pow2(52) - haw_end(m);
}

/* nested.c: what the first stage does with an entry at `addr`. */
enum nested_use { NESTED_TOP /* reads it, in the table of FSPTPTR */, NESTED_ENTRY, NESTED_UPDATE };
/* Where an entry of the first stage lies in host physical memory: `addr` itself unless t->pgtt is NESTED. 0
 * or the reason. */
uint8_t nested_entry(struct model *m, const struct trans *t, uint64_t addr, enum nested_use use,
                     uint64_t *pa);
/* Does an entry of the first stage name an address that the second one cannot have? */
bool nested_beyond(const struct model *m, const struct trans *t, uint64_t addr);
/* `page` is what the first stage says; nested, it becomes what both say: the smaller page, ANDed rights. */
uint8_t nested_page(struct model *m, const struct trans *t, uint64_t addr, const struct want *want,
                    struct leaf *page);

/* ---- dma.c ---- */

void dma_step(struct model *m, unsigned n); /* of the n-th request under way */
bool dma_idle(const struct model *m);
/* The unit looks up once more what was asked for of late, and keeps what it finds; nobody hears of it. */
void dma_speculate(struct model *m);
/* Requests that may use what was cached before now reach memory now: what a drain means. */
void dma_drain(struct model *m, bool reads, bool writes);
/* Entries, IOTLB, walk, checks of the output, in one go; records nothing. 0 or the reason. For ats.c. */
uint8_t dma_translate(struct model *m, const struct model_request *rq, uint64_t addr, const struct want *want,
                      struct trans *t, struct leaf *out);

/* ---- fault.c ---- */

struct fault {
    uint8_t code;
    uint16_t sid;
    bool has_pasid, privileged, execute;
    uint32_t pasid;
    enum vtd_fault_type type;
    enum vtd_at at;
    uint64_t info; /* address; interrupts: index in 63:48 */
    bool fpd;
};

/* Records a non-recoverable fault, unless it is qualified and `fpd` is set. */
void fault_record(struct model *m, const struct fault *f);
/* The same from a request. */
void fault_of_request(struct model *m, const struct model_request *rq, uint64_t addr, uint8_t code, bool fpd);
void fault_of_interrupt(struct model *m, uint16_t sid, uint16_t index, uint8_t code, bool fpd);
/* Sets causes in FSTS; an event goes out if none was there before (rule 65). */
void fault_raise(struct model *m, uint64_t causes);
void fault_status_written(struct model *m, uint64_t clear); /* these bits of FSTS were written with 1 */
void fault_top_written(struct model *m, unsigned n);        /* F of record n was written with 1 */
void fault_restart(struct model *m);                        /* TES = 0 and IRES = 0: index goes back to 0 */

/* VT-d 5.10, Translation Fault Conditions: what the requester gets. */
enum fault_answer { ANSWER_UR, ANSWER_CA, ANSWER_NOTHING /* S0 */, ANSWER_EFFECTIVE /* Seff */ };
enum fault_answer fault_answer(uint8_t code, const struct model_request *rq);
/* Recoverable: not recorded. */
bool fault_is_recoverable(uint8_t code, const struct model_request *rq);

/* ---- prq.c ---- */

/* After a write to one of PQH, PQT, PQA, PRS has taken effect (PRS: bits were cleared). */
void prq_written(struct model *m, uint32_t offset);
/* Descriptor page_grp_resp. */
void prq_respond(struct model *m, const struct vtd_desc *d);
/* inv_wait with PD = 1: requests that arrived before are in the queue, or were answered. */
bool prq_drained(const struct model *m);
/* A PASID entry was cached: is a page request or a response of another life of this PASID still about? */
void prq_pasid_cached(struct model *m, const struct cached *c, const struct trans *t);
/* One request that has arrived goes into the queue. */
void prq_step(struct model *m);
/* Called by way.c: a request has arrived; a response has reached its function. */
void prq_receive(struct model *m, const struct model_page_request *rq);
void prq_heard(struct model *m, const struct model_page_response *response);

/* ---- way.c ---- */

/* A response is posted; `number` and `due` are way.c's own. */
void way_answer(struct model *m, const struct way_answer *answer);
uint64_t way_answers_sent(const struct model *m);
void way_step(struct model *m);
/* A function confirms an invalidation: the first `answers_sent` responses have reached it, if they are for
 * it, and what it has asked for has arrived. */
void way_push(struct model *m, uint16_t sid, uint64_t answers_sent);
bool way_empty(const struct model *m);

/* ---- ats.c ---- */

/* dev_tlb_inv and p_dev_tlb_inv: sent to the function. */
void ats_invalidate(struct model *m, const struct vtd_desc *d);
/* Invalidations that no function has answered yet; an inv_wait waits for 0. */
unsigned ats_pending(const struct model *m);
void ats_step(struct model *m);
/* NULL: a function that never had ATS on. */
struct ats_device *ats_find(struct model *m, uint16_t sid);
/* Its TLB is empty, and it asks no more. */
void ats_switch_off(struct ats_device *dev);
/* [pa, pa + size) has been given back: does a device TLB lead there? */
void ats_memory_freed(struct model *m, uint64_t pa, uint64_t size);

/* ---- intr.c ---- */

unsigned intr_cached(const struct model *m); /* IRTEs that could answer */
void intr_table_set(struct model *m);        /* SIRTP */
void intr_flush(struct model *m);            /* iec global, or by hardware */
void intr_invalidate(struct model *m, const struct vtd_desc *d);
/* IRTEs that may be cached lie in [pa, pa + size), which has changed (`freed` false) or is gone. */
void intr_memory_changed(struct model *m, uint64_t pa, uint64_t size, bool freed);

/* The message for a destination as IRTEs and posted-interrupt descriptors have it. */
void intr_send(struct model *m, uint64_t destination, bool rh, bool dm, uint32_t data);
/* post.c: are the reserved bits of a posted entry 0? */
bool intr_post_entry_ok(const struct vtd_irte *e);
/* 0 or the reason. */
uint8_t intr_post(struct model *m, const struct vtd_irte *e);

/* ---- vcmd.c ---- */

bool vcmd_owns(const struct model *m, uint32_t offset); /* VCMD, VCMD_EO, VCRSP, VCCAP, if ECAP.VCS */
void vcmd_reset(struct model *m);
/* The register holds what was written; `bytes`: the bits that were. */
void vcmd_write(struct model *m, uint32_t offset, uint64_t bytes);
void vcmd_step(struct model *m);

/* ---- contract.c ---- */

/* "rule 20: ..." */
void breach(struct model *m, const char *fmt, ...) printf_like(2, 3);
/* A table entry was cached: does its domain id go with what else may be cached? Rules 45..48. */
/* Are `words` words of two entries the same, but for P and FPD (bits 0 and 1), which may have been cleared
 * and set? A present entry that is now absent passes. */
bool contract_same_but_present(const uint64_t *now, const uint64_t *before, size_t words);
void contract_pasid_cached(struct model *m, const struct cached *what, const struct trans *t);

/* ---- reach.c ---- */

/* The root table, or whether it is used, has changed. */
void reach_changed(struct model *m);
void reach_destroy(struct model *m);
void reach_published(struct model *m, uint64_t pa, uint64_t size);
void reach_freed(struct model *m, uint64_t pa, uint64_t size);

#endif
