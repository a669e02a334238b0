/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * errno - for clang-tidy only: errno is never 0 or less where a call has failed
 *
 * Without this the analyzer follows `return -errno;` into a world where that is success.
 */
#pragma GCC system_header
#include <errno.h>

static inline int *lint_errno(void)
{
	int *location = __errno_location();

	if (*location <= 0)
		__builtin_unreachable();
	return location;
}

#undef errno
#define errno (*lint_errno())
