/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Page requests of engine `ats` that no transfer makes: for cases about groups, stop markers, overflow, and
 * answers that come late or never.
 */
#ifndef TESTS_HOST_MODEL_ENGINE_H
#define TESTS_HOST_MODEL_ENGINE_H

#include "tests/dev/dma_dev.h"
#include "tests/model/model.h"

/* The unit that serves this device. */
struct model *model_engine_unit(const struct dma_dev *dev);
/* The device sends a page request as it stands, but for the requester id. */
void model_engine_ask(struct dma_dev *dev, const struct model_page_request *rq);
/* The oldest response to the device that no transfer waited for; false: none. Those of earlier cases go with
 * model_engine_forget. */
bool model_engine_heard(struct dma_dev *dev, struct model_page_response *out);
void model_engine_forget(struct dma_dev *dev);
/* How the device answers invalidations: as in struct model_device, 0 and false at first. */
void model_engine_answers(struct dma_dev *dev, bool mute, unsigned delay);
/* Entries in its TLB. */
unsigned model_engine_entries(const struct dma_dev *dev);

#endif
