/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * overcommit - what guests may have and have not taken, lent to others
 *
 * A guest that reports its free pages (or never touched them) has less of the host's memory than
 * its size. The host sees that itself (what is resident), so it is no claim of the guest's. To
 * charge it with its size would leave that memory to nobody, and to take it away by the balloon
 * would move it there and back with every burst. So what it has not taken is a loan to others, and
 * only a margin of it is kept. Guests do not all come for their loans at once: of loans L1..Ln a
 * part of the root of L1*L1 + .. + Ln*Ln is kept (of four equal ones half as much as of one four
 * times as large), each with its share of that, which is more than in proportion for large ones.
 *
 * Who comes for its loan is charged as what is resident grows. When more is charged than there is,
 * what is missing is taken from those who have more than is due to them. Whoever outruns that is
 * the emergency's (emergency.c).
 */
#include "host/daemon/memory/internal.h"

#define CALLED_BYTES (16 * MEMORY_MIB)

/* From above, by Newton: each step is closer until it is there. */
static double root(double square)
{
	double guess, next = max2(1, square);

	if (square <= 0)
		return 0;
	do {
		guess = next;
		next = (guess + square / guess) / 2;
	} while (next < guess);
	return guess;
}

/* What it could take without being given more. Who is silent may have taken it already. */
static double loan(const struct memory_vm *vm, double size)
{
	if (!vm_is_followed(vm) || !vm->observed || !vm->seen.resident_bytes)
		return 0;
	return max2(0, size - (double)vm->seen.resident_bytes);
}

void overcommit_weigh(struct memory_policy *policy)
{
	double squares = 0, all;

	for (size_t i = 0; i < policy->count; i++) {
		double lent = loan(policy->vm[i], (double)ledger_claim(policy->vm[i]));

		squares += lent * lent;
	}
	all = policy->tuning.overcommit_margin > 0
		      ? root(squares) / policy->tuning.overcommit_margin
		      : 0;
	for (size_t i = 0; i < policy->count; i++)
		policy->vm[i]->loans = all;
}

double overcommit_margin(const struct memory_vm *vm, double size)
{
	double lent = loan(vm, size);

	return vm->loans > 0 ? lent * min2(1, lent / vm->loans) : lent;
}

double overcommit_charge(const struct memory_vm *vm, double size)
{
	return size - loan(vm, size) + overcommit_margin(vm, size);
}

bool overcommit_called(const struct memory_vm *vm, uint64_t resident)
{
	uint64_t before = vm->seen.resident_bytes;

	return vm->observed && before && resident >= before + CALLED_BYTES &&
	       loan(vm, (double)ledger_claim(vm)) >= (double)CALLED_BYTES;
}
