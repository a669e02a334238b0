/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/options.h"

#include "host/daemon/memory/policy.h"
#include "host/daemon/screen/viewer_listener.h"
#include "host/daemon/share/share_spec.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/parse.h"
#include "protocol/clipboard_policy.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTION(name, kind)                                                                         \
	{                                                                                          \
#name, kind, offsetof(struct vm_options, name)                                     \
	}

const struct vm_option vm_option_table[] = {
	OPTION(kernel, OPTION_TEXT),
	OPTION(initrd, OPTION_TEXT),
	OPTION(append, OPTION_TEXT),
	OPTION(accel, OPTION_TEXT),
	OPTION(backend, OPTION_TEXT),
	OPTION(net, OPTION_TEXT),
	OPTION(on_reboot, OPTION_TEXT),
	OPTION(on_panic, OPTION_TEXT),
	OPTION(disks, OPTION_LIST),
	OPTION(forwards, OPTION_LIST),
	OPTION(cpus, OPTION_NUMBER),
	OPTION(memory, OPTION_NUMBER),
	OPTION(memory_most, OPTION_NUMBER),
	OPTION(display, OPTION_TEXT),
	OPTION(size, OPTION_TEXT),
	OPTION(vnc, OPTION_TEXT),
	OPTION(clipboard, OPTION_TEXT),
	OPTION(heads, OPTION_NUMBER),
	OPTION(shares, OPTION_LIST),
	/* Of the memory manager. */
	OPTION(memory_max, OPTION_NUMBER),
	OPTION(memory_min, OPTION_NUMBER),
	OPTION(memory_shares, OPTION_NUMBER),
	OPTION(memory_fixed, OPTION_NUMBER),
	OPTION(memory_sharing, OPTION_TEXT),
};
const size_t vm_option_count = ARRAY_SIZE(vm_option_table);

#define AT(options, option, type) ((type *)((char *)(options) + (option)->offset))

const struct vm_option *vm_option_named(const char *name)
{
	for (size_t i = 0; i < vm_option_count; i++) {
		if (strcmp(vm_option_table[i].name, name) == 0)
			return &vm_option_table[i];
	}
	return NULL;
}

int vm_option_set_text(struct vm_options *options, const struct vm_option *option, const char *text)
{
	char **value = AT(options, option, char *);
	char *copy;

	if (option->kind != OPTION_TEXT)
		return -EINVAL;
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(*value);
	*value = copy;
	return 0;
}

int vm_option_set_number(struct vm_options *options, const struct vm_option *option,
			 uint64_t number)
{
	if (option->kind != OPTION_NUMBER)
		return -EINVAL;
	*AT(options, option, uint64_t) = number;
	return 0;
}

int vm_option_add(struct vm_options *options, const struct vm_option *option, const char *item)
{
	char ***list = AT(options, option, char **);
	size_t count = 0;
	char **grown;

	if (option->kind != OPTION_LIST)
		return -EINVAL;
	while (*list && (*list)[count])
		count++;
	if (count >= OPTION_LIST_MAX)
		return -E2BIG;
	grown = reallocarray(*list, count + 2, sizeof(**list));
	if (!grown)
		return -ENOMEM;
	*list = grown;
	grown[count + 1] = NULL;
	grown[count] = strdup(item);
	return grown[count] ? 0 : -ENOMEM;
}

void vm_option_clear(struct vm_options *options, const struct vm_option *option)
{
	char ***list = AT(options, option, char **);

	for (size_t i = 0; *list && (*list)[i]; i++)
		free((*list)[i]);
	free(*list);
	*list = NULL;
}

static bool is_one_of(const char *text, const char *const *choices)
{
	for (; *choices; choices++) {
		if (strcmp(text, *choices) == 0)
			return true;
	}
	return false;
}

/* Options with a few possible values; the first is the default. */
static const struct {
	const char *name, *flag;
	const char *choices[5];
} choice[] = {
	{"accel", "--accel", {"auto", "kvm", "tcg"}},
	{"backend", "backend", {"auto", "vmm", "libvirt"}},
	{"net", "--net", {"user", "none"}},
	{"on_reboot", "--on-reboot", {"restart", "stop"}},
	{"on_panic", "--on-panic", {"stop", "restart", "pause"}},
	{"display", "--display", {"on", "off"}},
	{"memory_sharing", "--memory-sharing", {"on", "off"}},
};

static int complete_choices(struct vm_options *options, char *error, size_t capacity)
{
	for (size_t i = 0; i < ARRAY_SIZE(choice); i++) {
		const struct vm_option *option = vm_option_named(choice[i].name);
		char **value = AT(options, option, char *);
		int r;

		if (!*value) {
			r = vm_option_set_text(options, option, choice[i].choices[0]);
			if (r < 0)
				return r;
		} else if (!is_one_of(*value, choice[i].choices)) {
			snprintf(error, capacity, "%s %s is not known; see lodge run --help",
				 choice[i].flag, *value);
			return -EINVAL;
		}
	}
	return 0;
}

int vm_option_parse_size(const char *text, unsigned int *width, unsigned int *height)
{
	char copy[16], *end;
	uint64_t w, h;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);
	end = strchr(copy, 'x');
	if (!end)
		return -EINVAL;
	*end = '\0';
	if (parse_u64(copy, OPTION_MIN_PIXELS, OPTION_MAX_PIXELS, &w) < 0 ||
	    parse_u64(end + 1, OPTION_MIN_PIXELS, OPTION_MAX_PIXELS, &h) < 0)
		return -EINVAL;
	*width = (unsigned int)w;
	*height = (unsigned int)h;
	return 0;
}

static int complete_display(struct vm_options *options, char *error, size_t capacity)
{
	struct clipboard_policy policy;
	struct listener_plan plan;
	unsigned int width, height;

	if (options->heads == 0)
		options->heads = OPTION_DEFAULT_HEADS;
	if (options->heads > OPTION_MAX_HEADS) {
		snprintf(error, capacity, "--heads %llu is too many: 1 to %d",
			 (unsigned long long)options->heads, OPTION_MAX_HEADS);
		return -EINVAL;
	}
	if (!options->size)
		options->size = strdup(OPTION_DEFAULT_SIZE);
	if (!options->size)
		return -ENOMEM;
	if (vm_option_parse_size(options->size, &width, &height) < 0) {
		snprintf(error, capacity,
			 "--size '%.40s': WIDTHxHEIGHT is needed, %d to %d each, such as 1280x800",
			 options->size, OPTION_MIN_PIXELS, OPTION_MAX_PIXELS);
		return -EINVAL;
	}
	if (!options->clipboard)
		options->clipboard = strdup("both");
	if (!options->clipboard)
		return -ENOMEM;
	if (clipboard_policy_parse(options->clipboard, &policy) < 0) {
		snprintf(error, capacity,
			 "--clipboard '%.60s': off, all or some of text,images,files is needed, or "
			 "to-guest=...,to-host=...,max=SIZE; see lodge(1)",
			 options->clipboard);
		return -EINVAL;
	}
	if (options->vnc && strcmp(options->display, "on") != 0) {
		snprintf(error, capacity, "--vnc: a VM without a display has nothing to show");
		return -EINVAL;
	}
	return options->vnc ? listener_plan_parse(options->vnc, &plan, error, capacity) : 0;
}

static int check_shares(const struct vm_options *options, char *error, size_t capacity)
{
	char names[OPTION_LIST_MAX][SHARE_NAME_MAX + 1];
	struct share_spec spec;

	for (size_t i = 0; options->shares && options->shares[i]; i++) {
		int r = share_spec_parse(options->shares[i], &spec, error, capacity);

		if (r < 0)
			return r;
		strcpy(names[i], spec.name);
		share_spec_free(&spec);
		for (size_t k = 0; k < i; k++) {
			if (strcmp(names[k], names[i]) == 0) {
				snprintf(error, capacity, "--share: two are called %s", names[i]);
				return -EINVAL;
			}
		}
	}
	return 0;
}

uint64_t vm_options_most(const struct vm_options *options)
{
	return options->memory_most ? options->memory_most : options->memory;
}

/* The rest is checked where a VM is admitted, and by lodge-vmm. */
static int check_memory(const struct vm_options *options, char *error, size_t capacity)
{
	if (options->memory_shares > MEMORY_MAX_SHARES) {
		snprintf(error, capacity, "--memory-shares %llu: 1 to %d are possible",
			 (unsigned long long)options->memory_shares, MEMORY_MAX_SHARES);
		return -EINVAL;
	}
	if (options->memory_most && options->memory_most <= options->memory) {
		snprintf(error, capacity, "--memory: max= is to be more than the size before it");
		return -EINVAL;
	}
	if (options->memory_most / OPTION_MAX_GROWTH > options->memory) {
		snprintf(
			error, capacity,
			"--memory: max= is to be at most %d times the size before it, in which the "
			"guest's kernel keeps its books of the rest",
			OPTION_MAX_GROWTH);
		return -EINVAL;
	}
	return 0;
}

int vm_options_complete(struct vm_options *options, char *error, size_t capacity)
{
	int r;

	if (!options->kernel) {
		snprintf(error, capacity, "a kernel is needed: give --kernel FILE");
		return -EINVAL;
	}
	if (options->cpus == 0)
		options->cpus = 1;
	if (options->cpus > 16) {
		snprintf(error, capacity, "--cpus %llu is too many: 1 to 16",
			 (unsigned long long)options->cpus);
		return -EINVAL;
	}
	if (options->memory == 0)
		options->memory = 256ULL << 20;
	if (options->memory < 16ULL << 20 || options->memory % (1 << 20)) {
		snprintf(error, capacity, "--memory: whole mebibytes are needed, at least 16M");
		return -EINVAL;
	}
	r = complete_choices(options, error, capacity);
	if (r == 0)
		r = check_memory(options, error, capacity);
	if (r == 0)
		r = complete_display(options, error, capacity);
	return r < 0 ? r : check_shares(options, error, capacity);
}

void vm_options_free(struct vm_options *options)
{
	for (size_t i = 0; i < vm_option_count; i++) {
		const struct vm_option *option = &vm_option_table[i];

		if (option->kind == OPTION_TEXT) {
			free(*AT(options, option, char *));
		} else if (option->kind == OPTION_LIST) {
			vm_option_clear(options, option);
		}
	}
	*options = (struct vm_options){0};
}
