/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "played_host.h"

#include <check.h>
#include <stdlib.h>

struct played_host *played_host_new(uint64_t total)
{
	struct played_host *host = calloc(1, sizeof(*host));

	ck_assert_ptr_nonnull(host);
	host->now_ms = 1000;
	host->host.total_bytes = host->host.available_bytes = total;
	ck_assert_int_eq(memory_policy_new(&memory_tuning_default, &host->policy), 0);
	memory_policy_host(host->policy, &host->host);
	return host;
}

void played_host_free(struct played_host *host)
{
	memory_policy_free(host->policy);
	free(host);
}

struct played_guest *played_guest_add(struct played_host *host, uint64_t maximum, uint64_t minimum,
				      uint32_t shares)
{
	struct played_guest *guest = &host->guest[host->count++];
	struct memory_vm_config config = {.name = "guest",
					  .maximum_bytes = maximum,
					  .minimum_bytes = minimum,
					  .shares = shares};

	ck_assert_uint_le(host->count, PLAYED_GUESTS);
	ck_assert_int_eq(memory_policy_add(host->policy, &config, host->now_ms, &guest->vm), 0);
	guest->used = (double)minimum / 2;
	guest->speed = (double)MEMORY_GIB;
	return guest;
}

const struct memory_decision *played_decision(const struct played_guest *guest)
{
	return memory_vm_decision(guest->vm);
}

double played_sum(const struct played_host *host)
{
	double sum = 0;

	for (size_t i = 0; i < host->count; i++)
		sum += host->guest[i].actual;
	return sum;
}

double played_resident(const struct played_guest *guest)
{
	return guest->reports ? min2(guest->actual, guest->used + guest->cache) : 0;
}

static double resident_sum(const struct played_host *host)
{
	double sum = 0;

	for (size_t i = 0; i < host->count; i++)
		sum += host->guest[i].reports ? played_resident(&host->guest[i])
					      : host->guest[i].actual;
	return sum;
}

static void follow(struct played_guest *guest)
{
	double target = (double)played_decision(guest)->target_bytes;

	/* It cannot give back what it uses. */
	if (target < guest->actual)
		guest->actual = max2(max2(target, guest->actual - guest->speed),
				     min2(guest->used, guest->actual));
	else
		guest->actual = min2(target, guest->actual + guest->speed);
}

static void tell(struct played_host *host, struct played_guest *guest)
{
	struct memory_observation seen = {.at_ms = host->now_ms,
					  .actual_bytes = (uint64_t)guest->actual,
					  .resident_bytes = (uint64_t)played_resident(guest),
					  .driver = !guest->no_driver};
	double used = guest->claims > 0 ? guest->claims : guest->used;
	double missing = used + guest->cache - guest->actual;
	double spare = max2(0, guest->actual - used);

	memory_vm_observe(host->policy, guest->vm, &seen);
	if (guest->silent)
		return;
	guest->sample.at_ms = host->now_ms;
	guest->sample.period_ms = 1000;
	guest->sample.available_bytes = (uint64_t)spare;
	guest->sample.free_bytes = (uint64_t)max2(0, -missing);
	if (missing > 0) {
		guest->sample.stall_us += (uint64_t)(guest->pressure * 1e6);
		guest->sample.refaulted_bytes += (uint64_t)guest->refaults;
	}
	memory_vm_sample(host->policy, guest->vm, &guest->sample);
}

/* Half of what guests may have, where nobody sees what is resident. */
static uint64_t taken(const struct played_host *host)
{
	double sum = 0;

	for (size_t i = 0; i < host->count; i++)
		sum += host->guest[i].reports ? played_resident(&host->guest[i])
					      : host->guest[i].actual / 2;
	return (uint64_t)sum;
}

static void check_promises(const struct played_host *host)
{
	const struct memory_totals *totals = memory_policy_totals(host->policy);

	for (size_t i = 0; i < host->count; i++) {
		const struct memory_decision *decision = played_decision(&host->guest[i]);

		ck_assert_uint_ge(decision->target_bytes, host->guest[i].vm->config.minimum_bytes);
		ck_assert_uint_le(decision->target_bytes, host->guest[i].vm->config.maximum_bytes);
	}
	ck_assert_double_le(resident_sum(host),
			    (double)host->host.total_bytes - (double)totals->reserve_bytes / 2);
}

void played_run(struct played_host *host, unsigned int seconds)
{
	for (unsigned int second = 0; second < seconds; second++) {
		host->now_ms += 1000;
		for (size_t i = 0; i < host->count; i++) {
			struct played_guest *guest = &host->guest[i];

			if (!played_decision(guest)->ready)
				continue;
			if (guest->actual <= 0)
				guest->actual = (double)played_decision(guest)->target_bytes;
			follow(guest);
			tell(host, guest);
		}
		if (!host->fixed_available)
			host->host.available_bytes = host->host.total_bytes - taken(host);
		memory_policy_host(host->policy, &host->host);
		memory_policy_step(host->policy, host->now_ms);
		check_promises(host);
	}
}
