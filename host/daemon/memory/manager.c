/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * manager - who takes part, and how: admission, what owners set, the policy's settings
 */
#include "host/daemon/memory/manager_internal.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>

/* Who has looked goes on looking for so long. */
#define LOOK_MS 10000

static const char *const mode_names[] = {
	[MEMORY_MODE_ON] = "on",
	[MEMORY_MODE_DRY_RUN] = "dry-run",
	[MEMORY_MODE_OFF] = "off",
};

static const char *const speed_names[] = {
	[MEMORY_SPEED_CALM] = "calm",
	[MEMORY_SPEED_NORMAL] = "normal",
	[MEMORY_SPEED_QUICK] = "quick",
};

const char *memory_mode_name(enum memory_mode mode)
{
	return mode_names[mode];
}

const char *memory_speed_name(enum memory_speed speed)
{
	return speed_names[speed];
}

static int named(const char *const *names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(names[i], name) == 0)
			return (int)i;
	}
	return -EINVAL;
}

int memory_mode_named(const char *name, enum memory_mode *mode)
{
	int found = named(mode_names, ARRAY_SIZE(mode_names), name);

	if (found >= 0)
		*mode = (enum memory_mode)found;
	return found < 0 ? found : 0;
}

int memory_speed_named(const char *name, enum memory_speed *speed)
{
	int found = named(speed_names, ARRAY_SIZE(speed_names), name);

	if (found >= 0)
		*speed = (enum memory_speed)found;
	return found < 0 ? found : 0;
}

uint64_t manager_now(const struct memory_manager *manager)
{
	return manager->hooks->now_ms(manager->owner);
}

void manager_log(const struct memory_manager *manager, const char *format, ...)
{
	char text[MEMORY_MEMBER_NAME + 256];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	manager->hooks->log(manager->owner, text);
}

/* --- Settings --------------------------------------------------------------------------------- */

/* How soon memory moves, and how soon it may move back. */
static void tuning_of(const struct memory_settings *settings, uint64_t total,
		      struct memory_tuning *tuning)
{
	static const double factor[] = {
		[MEMORY_SPEED_CALM] = 2,
		[MEMORY_SPEED_NORMAL] = 1,
		[MEMORY_SPEED_QUICK] = 0.5,
	};
	double slower = factor[settings->speed];

	*tuning = memory_tuning_default;
	tuning->slow_shrink /= slower;
	tuning->futile_shrink /= slower;
	tuning->hold_ms = (uint64_t)((double)tuning->hold_ms * slower);
	tuning->turn_ms = (uint64_t)((double)tuning->turn_ms * slower);
	tuning->scarce_turn_ms = (uint64_t)((double)tuning->scarce_turn_ms * slower);
	tuning->deadband_fraction *= slower;
	if (settings->whole)
		tuning->overcommit_margin = 0;
	if (settings->reserve_bytes && total) {
		tuning->reserve_fraction = 0;
		tuning->reserve_floor_bytes = settings->reserve_bytes;
	}
}

static int check_settings(const struct memory_manager *manager,
			  const struct memory_settings *settings, char *error, size_t capacity)
{
	uint64_t total = manager->host.total_bytes;

	if (settings->total_bytes) {
		if (settings->total_bytes < 64 * MEMORY_MIB || settings->total_bytes > total) {
			snprintf(
				error, capacity,
				"a total of %llu MiB is not between 64 MiB and the host's %llu MiB",
				(unsigned long long)(settings->total_bytes / MEMORY_MIB),
				(unsigned long long)(total / MEMORY_MIB));
			return -EINVAL;
		}
		total = settings->total_bytes;
	}
	if (settings->reserve_bytes > total / 2) {
		snprintf(error, capacity, "a reserve of %llu MiB is more than half of %llu MiB",
			 (unsigned long long)(settings->reserve_bytes / MEMORY_MIB),
			 (unsigned long long)(total / MEMORY_MIB));
		return -EINVAL;
	}
	return 0;
}

const struct memory_settings *memory_manager_settings(const struct memory_manager *manager)
{
	return &manager->settings;
}

static bool is_managed(const struct memory_member *member)
{
	return member->manager->settings.mode != MEMORY_MODE_OFF && !member->config.watched;
}

void member_policy_config(const struct memory_member *member,
			  const struct memory_member_config *config,
			  struct memory_vm_config *result)
{
	uint64_t most = MAX(MIN(config->maximum_bytes, member->reach_bytes), config->fixed_bytes);

	*result = (struct memory_vm_config){
		.name = member->name,
		.maximum_bytes = most,
		.minimum_bytes = config->minimum_bytes,
		.shares = config->shares,
		.fixed_bytes = config->fixed_bytes,
	};
}

/* One that runs: its last observation is its size. */
static int enter(struct memory_member *member)
{
	struct memory_vm_config config;
	int r;

	member_policy_config(member, &member->config, &config);
	r = memory_policy_adopt(member->manager->policy, &config, manager_now(member->manager),
				&member->vm);
	if (r == 0 && member->observed)
		memory_vm_observe(member->manager->policy, member->vm, &member->seen);
	member->target_bytes = 0;
	return r;
}

static void be_ready(struct memory_member *member)
{
	if (!member->waits)
		return;
	member->waits = false;
	member->manager->hooks->ready(member->manager->owner, member->driver_owner);
}

void member_release(struct memory_member *member)
{
	if (member->paused && member->driver->pause)
		member->driver->pause(member->driver_owner, false);
	member->paused = false;
	if (member->limit_bytes && member->driver->set_limit)
		member->driver->set_limit(member->driver_owner, 0);
	member->limit_bytes = 0;
}

static void leave(struct memory_member *member)
{
	if (member->vm)
		memory_policy_remove(member->manager->policy, member->vm);
	member->vm = NULL;
	member_release(member);
	be_ready(member);
}

/* Puts it where its config and the mode want it. */
static int settle(struct memory_member *member)
{
	if (is_managed(member) && !member->vm)
		return enter(member);
	if (!is_managed(member) && member->vm)
		leave(member);
	return 0;
}

/* Who looks now sees what was decided; the next tick carries it out. */
static void decide(struct memory_manager *manager)
{
	memory_policy_step(manager->policy, manager_now(manager));
	manager->hurry = true;
	manager->hooks->wanted(manager->owner);
}

int memory_manager_set(struct memory_manager *manager, const struct memory_settings *settings,
		       char *error, size_t capacity)
{
	struct memory_tuning tuning;
	int r = check_settings(manager, settings, error, capacity);

	if (r < 0)
		return r;
	manager->settings = *settings;
	tuning_of(settings, manager->host.total_bytes, &tuning);
	memory_policy_tune(manager->policy, &tuning);
	(void)manager_read_host(manager);
	for (struct memory_member *member = manager->members; member; member = member->next) {
		if (settle(member) < 0)
			manager_log(manager, "%s: left out: no memory for lodged itself",
				    member->name);
		/* What was not carried out is, from now on. */
		member->target_bytes = 0;
	}
	decide(manager);
	return 0;
}

/* --- Members ---------------------------------------------------------------------------------- */

static int check_config(const struct memory_member *member,
			const struct memory_member_config *config, char *error, size_t capacity)
{
	uint64_t machine = member->machine_bytes;
	const char *wrong = NULL;

	if (config->maximum_bytes < MEMORY_MIB || config->maximum_bytes > machine)
		wrong = "its maximum is to be between 1 MiB and the machine's memory";
	else if (config->minimum_bytes > config->maximum_bytes)
		wrong = "its minimum is more than its maximum";
	else if (config->start_bytes && config->minimum_bytes > config->start_bytes)
		wrong = "its minimum is more than it starts with";
	else if (config->shares < 1 || config->shares > MEMORY_MAX_SHARES)
		wrong = "1 to 1000000 shares are possible";
	else if (config->fixed_bytes && (config->fixed_bytes < config->minimum_bytes ||
					 config->fixed_bytes > config->maximum_bytes))
		wrong = "its size is not between its minimum and its maximum";
	if (!wrong)
		return 0;
	snprintf(error, capacity,
		 "memory of '%.100s': %s (minimum %llu, maximum %llu, machine "
		 "%llu MiB)",
		 member->name, wrong, (unsigned long long)(config->minimum_bytes / MEMORY_MIB),
		 (unsigned long long)(config->maximum_bytes / MEMORY_MIB),
		 (unsigned long long)(machine / MEMORY_MIB));
	return -EINVAL;
}

static uint64_t guaranteed(const struct memory_member_config *config)
{
	return config->fixed_bytes ? config->fixed_bytes : config->minimum_bytes;
}

/* What stands in the way, and what to do. */
static void say_full(const struct memory_member *member, const struct memory_member_config *config,
		     char *error, size_t capacity)
{
	const struct memory_totals *totals = memory_policy_totals(member->manager->policy);
	uint64_t promised = 0, left;

	for (const struct memory_member *other = member->manager->members; other;
	     other = other->next) {
		if (other != member && other->vm)
			promised += guaranteed(&other->config);
	}
	left = totals->budget_bytes > promised ? totals->budget_bytes - promised : 0;
	snprintf(
		error, capacity,
		"no memory for '%.100s': %llu MiB are to be guaranteed to it, and %llu of the %llu "
		"MiB that VMs can have here are not promised to others; give it a smaller minimum, "
		"or stop another VM",
		member->name, (unsigned long long)(guaranteed(config) / MEMORY_MIB),
		(unsigned long long)(left / MEMORY_MIB),
		(unsigned long long)(totals->budget_bytes / MEMORY_MIB));
}

static struct memory_member *member_new(struct memory_manager *manager, const char *name,
					uint64_t machine_bytes,
					const struct memory_member_config *config,
					const struct vm_memory_driver *driver, void *driver_owner)
{
	struct memory_member *member = calloc(1, sizeof(*member));

	if (!member)
		return NULL;
	snprintf(member->name, sizeof(member->name), "%s", name);
	member->manager = manager;
	member->machine_bytes = machine_bytes;
	member->reach_bytes = config->start_bytes ? config->start_bytes : machine_bytes;
	member->config = *config;
	member->driver = driver;
	member->driver_owner = driver_owner;
	return member;
}

static void append(struct memory_manager *manager, struct memory_member *member)
{
	struct memory_member **at = &manager->members;

	while (*at)
		at = &(*at)->next;
	*at = member;
	manager->hooks->wanted(manager->owner);
}

static int admit(struct memory_member *member, char *error, size_t capacity)
{
	struct memory_manager *manager = member->manager;
	struct memory_vm_config config;
	int r;

	member_policy_config(member, &member->config, &config);
	(void)manager_read_host(manager);
	r = memory_policy_add(manager->policy, &config, manager_now(manager), &member->vm);
	if (r == -ENOSPC) {
		say_full(member, &member->config, error, capacity);
		if (manager->settings.mode != MEMORY_MODE_DRY_RUN)
			return r;
		manager_log(manager, "dry run: it would be refused: %s", error);
		return enter(member);
	}
	if (r == 0 && manager->settings.mode == MEMORY_MODE_ON)
		member->waits = !memory_vm_decision(member->vm)->ready;
	return r;
}

static int take_in(struct memory_manager *manager, const char *name, uint64_t machine_bytes,
		   const struct memory_member_config *config, const struct vm_memory_driver *driver,
		   void *driver_owner, bool runs, char *error, size_t capacity,
		   struct memory_member **result)
{
	struct memory_member *member =
		member_new(manager, name, machine_bytes, config, driver, driver_owner);
	int r;

	snprintf(error, capacity, "out of memory");
	if (!member)
		return -ENOMEM;
	r = check_config(member, config, error, capacity);
	if (r == 0 && is_managed(member))
		r = runs ? enter(member) : admit(member, error, capacity);
	if (r < 0) {
		free(member);
		return r;
	}
	append(manager, member);
	*result = member;
	return 0;
}

int memory_manager_admit(struct memory_manager *manager, const char *name, uint64_t machine_bytes,
			 const struct memory_member_config *config,
			 const struct vm_memory_driver *driver, void *driver_owner, char *error,
			 size_t capacity, struct memory_member **member)
{
	return take_in(manager, name, machine_bytes, config, driver, driver_owner, false, error,
		       capacity, member);
}

int memory_manager_adopt(struct memory_manager *manager, const char *name, uint64_t machine_bytes,
			 const struct memory_member_config *config,
			 const struct vm_memory_driver *driver, void *driver_owner, char *error,
			 size_t capacity, struct memory_member **member)
{
	return take_in(manager, name, machine_bytes, config, driver, driver_owner, true, error,
		       capacity, member);
}

void memory_member_free(struct memory_member *member)
{
	if (!member)
		return;
	for (struct memory_member **at = &member->manager->members; *at; at = &(*at)->next) {
		if (*at == member) {
			*at = member->next;
			break;
		}
	}
	if (member->vm)
		memory_policy_remove(member->manager->policy, member->vm);
	free(member);
}

bool memory_member_is_ready(const struct memory_member *member)
{
	return !member->waits;
}

const struct memory_member_config *memory_member_config(const struct memory_member *member)
{
	return &member->config;
}

uint64_t memory_member_machine_bytes(const struct memory_member *member)
{
	return member->machine_bytes;
}

int memory_member_configure(struct memory_member *member, const struct memory_member_config *config,
			    bool keep, char *error, size_t capacity)
{
	struct memory_manager *manager = member->manager;
	struct memory_member_config before = member->config;
	struct memory_vm_config changed;
	int r = check_config(member, config, error, capacity);

	if (r < 0)
		return r;
	if (member->vm && !config->watched) {
		member_policy_config(member, config, &changed);
		r = memory_policy_configure(manager->policy, member->vm, &changed);
		if (r == -ENOSPC)
			say_full(member, config, error, capacity);
		if (r < 0)
			return r;
	}
	member->config = *config;
	r = settle(member);
	if (r < 0) {
		member->config = before;
		snprintf(error, capacity, "out of memory");
		return r;
	}
	/* By hand, whether or not sizes are managed. */
	if (!member->vm && config->fixed_bytes && !config->watched && member->observed) {
		member->target_bytes = config->fixed_bytes;
		member->driver->set_target(member->driver_owner, config->fixed_bytes);
	}
	if (keep && member->driver->keep)
		member->driver->keep(member->driver_owner, config);
	decide(manager);
	return 0;
}

/* --- Life ------------------------------------------------------------------------------------- */

int memory_manager_new(const struct memory_settings *settings,
		       const struct memory_manager_hooks *hooks, void *owner,
		       struct memory_manager **result)
{
	struct memory_manager *manager = calloc(1, sizeof(*manager));
	struct memory_tuning tuning;
	int r;

	if (!manager)
		return -ENOMEM;
	manager->settings = *settings;
	manager->hooks = hooks;
	manager->owner = owner;
	tuning_of(settings, 1, &tuning);
	r = memory_policy_new(&tuning, &manager->policy);
	if (r == 0)
		r = manager_read_host(manager);
	if (r < 0) {
		memory_manager_free(manager);
		return r;
	}
	*result = manager;
	return 0;
}

void memory_manager_free(struct memory_manager *manager)
{
	if (!manager)
		return;
	while (manager->members)
		memory_member_free(manager->members);
	memory_policy_free(manager->policy);
	free(manager);
}

static bool is_looked_at(const struct memory_manager *manager)
{
	return manager->looked_ms && manager_now(manager) - manager->looked_ms < LOOK_MS;
}

bool memory_manager_is_busy(const struct memory_manager *manager)
{
	for (const struct memory_member *member = manager->members; member; member = member->next) {
		if (member->vm)
			return true;
	}
	return manager->members && is_looked_at(manager);
}

void memory_manager_look(struct memory_manager *manager)
{
	if (!is_looked_at(manager))
		manager->phase = 0;
	manager->looked_ms = manager_now(manager);
	manager->hooks->wanted(manager->owner);
}

struct memory_member *memory_manager_next(const struct memory_manager *manager,
					  const struct memory_member *member)
{
	return member ? member->next : manager->members;
}
