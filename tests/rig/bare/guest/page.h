/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * page - more of physical memory mapped one to one: the first 4 GiB are from the start
 */
#ifndef BARE_PAGE_H
#define BARE_PAGE_H

#include <stdint.h>

/* Afterwards @address to @address + @size_bytes can be touched. Below 2^47. */
void page_map(uint64_t address, uint64_t size_bytes);

#endif
