/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "page.h"

#include "lib.h"
#include "test.h"

#define TABLE	   0x63
#define LARGE	   0xe3
#define PRESENT	   0x01
#define ADDRESS	   0x000ffffffffff000ULL
#define LARGE_PAGE (2 * MIB)

/* What is mapped stays so for the whole run, so tables are no test's memory. */
#define MAX_TABLES 64

extern uint64_t boot_pml4[512];

static uint64_t tables[MAX_TABLES][512] __attribute__((aligned(4096)));
static unsigned used_tables;

static uint64_t *next_level(uint64_t *table, uint64_t index)
{
	if (!(table[index] & PRESENT)) {
		if (used_tables == MAX_TABLES)
			fatal("out of page tables: BARs are spread too widely");
		table[index] = (uint64_t)tables[used_tables++] | TABLE;
	}
	return (uint64_t *)(table[index] & ADDRESS);
}

void page_map(uint64_t address, uint64_t size_bytes)
{
	uint64_t end = address + size_bytes;

	for (uint64_t at = address & ~(LARGE_PAGE - 1); at < end; at += LARGE_PAGE) {
		uint64_t *pdpt = next_level(boot_pml4, at >> 39 & 511);
		uint64_t *pd = next_level(pdpt, at >> 30 & 511);

		if (!(pd[at >> 21 & 511] & PRESENT))
			pd[at >> 21 & 511] = at | LARGE;
	}
}
