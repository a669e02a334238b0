/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * system_calls - those that are left to a sandboxed process (seccomp)
 */
#ifndef LODGE_SANDBOX_SYSTEM_CALLS_H
#define LODGE_SANDBOX_SYSTEM_CALLS_H

#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

struct system_calls {
	/* What becomes of the others: SCMP_ACT_ERRNO(EPERM) where a library might try one, and goes
	 * on without. */
	uint32_t otherwise;
	const int *calls; /* allowed whatever their arguments are */
	size_t count;
	const unsigned long *ioctls;
	size_t ioctls_count;
	/* Those that depend on more: see seccomp_rule_add(3). 0 or negative errno. NULL: none. */
	int (*more)(scmp_filter_ctx rules);
};

/*
 * Memory may be mapped and protected besides, but none that can be executed. For all threads that
 * come; there is no way back. 0 or negative errno.
 */
int system_calls_restrict(const struct system_calls *allowed);

/* The end of a program's way into its sandbox: no privileges (confine.h), then these calls alone.
 * What fails is logged. 0 or negative errno. */
int sandbox_seal(const struct system_calls *allowed);

#endif
