/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/memory/inflation.h"

#include "host/daemon/memory/policy.h"

#include <sys/param.h>

/* Measured: docs/memory.md, "What the balloon costs". */
#define STALL_US_A_MIB 2000
/* A guest that follows has given back by then what a step asks for, and told of it. */
#define FORGOTTEN_MS 5000
/* More is never explained at once. */
#define LEFT_MAX_US 1000000

void inflation_asked(struct inflation *inflation, uint64_t bytes, uint64_t now_ms)
{
	uint64_t mib = MIN(bytes / MEMORY_MIB, LEFT_MAX_US / STALL_US_A_MIB);

	if (now_ms >= inflation->until_ms)
		inflation->left_us = 0;
	inflation->left_us = MIN(inflation->left_us + mib * STALL_US_A_MIB, LEFT_MAX_US);
	inflation->until_ms = now_ms + FORGOTTEN_MS;
}

uint64_t inflation_explains(struct inflation *inflation, uint64_t stalled_us, uint64_t now_ms)
{
	uint64_t explained = now_ms < inflation->until_ms ? MIN(inflation->left_us, stalled_us) : 0;

	inflation->left_us -= explained;
	inflation->only = explained > 0 && explained == stalled_us;
	return explained;
}
