/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cost - what the policy costs the host: 1,000 VMs that all tell something new each second
 */
#include "tests/sim/sim.h"

#include <time.h>

#define COST_VMS     1000
#define COST_SECONDS 200

static void tell(struct memory_policy *policy, struct memory_vm *vm, uint64_t second, uint64_t i)
{
	uint64_t target = memory_vm_decision(vm)->target_bytes;
	struct memory_observation seen = {
		.at_ms = second * 1000,
		.actual_bytes = second == 1 ? 2 * MEMORY_GIB : target,
		.driver = true,
	};
	struct memory_sample sample = {
		.at_ms = second * 1000,
		.period_ms = 1000,
		.free_bytes = 30 * MEMORY_MIB * (1 + (i + second) % 9),
		.available_bytes = 60 * MEMORY_MIB * (1 + (i * 7 + second) % 9),
		.refaulted_bytes = second * MEMORY_MIB * (i % 7),
		.stall_us = second * 1000 * (i % 50),
	};

	memory_vm_observe(policy, vm, &seen);
	memory_vm_sample(policy, vm, &sample);
}

int cost_run(double *ms_a_second)
{
	struct memory_host host = {.total_bytes = 2 * 1024 * MEMORY_GIB,
				   .available_bytes = 200 * MEMORY_GIB};
	struct memory_vm *vm[COST_VMS];
	struct memory_policy *policy;
	clock_t before;
	int ret = memory_policy_new(&memory_tuning_default, &policy);

	if (ret)
		return ret;
	memory_policy_host(policy, &host);
	for (uint32_t i = 0; i < COST_VMS && !ret; i++) {
		struct memory_vm_config config = {.name = "vm",
						  .maximum_bytes = 4 * MEMORY_GIB,
						  .minimum_bytes = MEMORY_GIB,
						  .shares = 1000 + i};

		ret = memory_policy_adopt(policy, &config, 0, &vm[i]);
	}
	before = clock();
	for (uint64_t second = 1; second <= COST_SECONDS && !ret; second++) {
		for (uint64_t i = 0; i < COST_VMS; i++)
			tell(policy, vm[i], second, i);
		memory_policy_host(policy, &host);
		memory_policy_step(policy, second * 1000);
	}
	*ms_a_second = (double)(clock() - before) * 1000 / CLOCKS_PER_SEC / COST_SECONDS;
	memory_policy_free(policy);
	return ret;
}
