/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/sandbox/system_calls.h"

#include "protocol/base/bytes.h"
#include "protocol/base/log.h"
#include "protocol/sandbox/confine.h"

#include <errno.h>
#include <sys/mman.h>

static int allow_memory(scmp_filter_ctx rules)
{
	static const int calls[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
	int result = 0;

	for (size_t i = 0; i < ARRAY_SIZE(calls) && result == 0; i++)
		result = seccomp_rule_add(rules, SCMP_ACT_ALLOW, calls[i], 1,
					  SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return result;
}

static int allow_all(const struct system_calls *allowed, scmp_filter_ctx rules)
{
	int result = allow_memory(rules);

	for (size_t i = 0; i < allowed->count && result == 0; i++)
		result = seccomp_rule_add(rules, SCMP_ACT_ALLOW, allowed->calls[i], 0);
	for (size_t i = 0; i < allowed->ioctls_count && result == 0; i++)
		result = seccomp_rule_add(rules, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
					  SCMP_A1(SCMP_CMP_EQ, allowed->ioctls[i]));
	if (result == 0 && allowed->more)
		result = allowed->more(rules);
	return result;
}

int system_calls_restrict(const struct system_calls *allowed)
{
	scmp_filter_ctx rules = seccomp_init(allowed->otherwise);
	int result;

	if (!rules)
		return -ENOMEM;
	/* A tree of comparisons, not a list: what is called most is not a few calls. */
	result = seccomp_attr_set(rules, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (result == 0)
		result = allow_all(allowed, rules);
	if (result == 0)
		result = seccomp_load(rules);
	seccomp_release(rules);
	return result;
}

int sandbox_seal(const struct system_calls *allowed)
{
	int result = confine_privileges();

	if (result == 0)
		result = system_calls_restrict(allowed);
	if (result < 0)
		log_error("cannot enter the sandbox: %s", error_text(result));
	return result;
}
