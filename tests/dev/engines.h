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
 * name, index, place and requester ids. 0; -ENODEV: not this engine; another errno: it is, but it cannot be
 * used. Thread.
 */
must_check int edu_probe(struct pci_function *fn, struct dma_dev **out);
must_check int testdev_probe(struct pci_function *fn, struct dma_dev **out);

/* Puts a complete device onto the list, in the order of dma_dev_get(), and names it. -ENOSPC when the list is
 * full. */
must_check int dma_dev_add(struct dma_dev *dev);

/* Takes a device that is no more off the list; it stays as it is, and nothing is under way on it. */
void dma_dev_remove(struct dma_dev *dev);

#endif
