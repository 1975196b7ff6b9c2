/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between discovery (discover.c, which knows PCI) and the engines: how a function is offered to each engine,
 * and how a found device gets onto the list that dma_dev.c serves.
 */
#ifndef TESTS_DEV_ENGINES_H
#define TESTS_DEV_ENGINES_H

#include "tests/dev/dma_dev.h"

struct pci_function;

/*
 * Takes the function if it is this engine's and answers as it should: a device with everything filled in but
 * name, index, place and requester ids. `scratch` as for dma_discover. 0; -ENODEV: not this engine; another
 * errno: it is, but it cannot be used. Thread.
 */
typedef int dma_probe_fn(struct pci_function *fn, const char *scratch, struct dma_dev **out);
dma_probe_fn edu_probe, testdev_probe, nvme_probe, xhci_probe;

/* What is wrong with the drive that `scratch` names, once all functions were offered: words, "" for nothing.
 */
const char *nvme_trouble(const char *scratch);

/* Puts a complete device onto the list, in the order of dma_dev_get(), and names it. -ENOSPC when the list is
 * full. */
must_check int dma_dev_add(struct dma_dev *dev);

/* Takes a device that is no more off the list; it stays as it is, and nothing is under way on it. */
void dma_dev_remove(struct dma_dev *dev);

#endif
