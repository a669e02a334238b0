/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/system/collect.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/kernel_counts.h"

#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#define NS_PER_S   1000000000ULL
#define LINE_BYTES 1024

/* A value of os-release(5): maybe quoted, with backslashes as in a shell. In place. */
static char *unquote(char *value)
{
	const char quote = *value == '"' || *value == '\'' ? *value : '\0';
	char *from = quote ? value + 1 : value, *to = value;

	while (*from && *from != '\n' && (!quote || *from != quote)) {
		if (*from == '\\' && quote != '\'' && from[1])
			from++;
		*to++ = *from++;
	}
	*to = '\0';
	return value;
}

void collect_os_release(struct store *store, const char *path, struct info *info)
{
	const struct {
		const char *key;
		struct slice *value;
	} wanted[] = {
		{"ID=", &info->os_id},
		{"NAME=", &info->os_name},
		{"VERSION_ID=", &info->os_version},
		{"PRETTY_NAME=", &info->os_pretty},
	};
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char line[LINE_BYTES];

	while (file && fgets(line, sizeof(line), file)) {
		for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
			const size_t length = strlen(wanted[i].key);

			if (strncmp(line, wanted[i].key, length) == 0)
				*wanted[i].value = store_text(store, "%.*s", MESSAGE_NAME_MAX,
							      unquote(line + length));
		}
	}
}

void collect_os(struct store *store, struct info *info)
{
	struct utsname names;

	if (access("/etc/os-release", R_OK) == 0)
		collect_os_release(store, "/etc/os-release", info);
	else
		collect_os_release(store, "/usr/lib/os-release", info);
	if (uname(&names) == 0) {
		info->kernel = store_text(store, "%s %s", names.sysname, names.release);
		info->architecture = store_text(store, "%s", names.machine);
		info->hostname = store_text(store, "%s", names.nodename);
	}
	info->machine_id = store_line(store, "/etc/machine-id");
	info->boot_id = store_line(store, "/proc/sys/kernel/random/boot_id");
	info->processors = (uint64_t)MAX(sysconf(_SC_NPROCESSORS_ONLN), 0);
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	return clock_gettime(clock, &now) < 0
		       ? 0
		       : (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void collect_time(struct store *store, struct info *info)
{
	(void)store;
	info->uptime_ms = now_ns(CLOCK_BOOTTIME) / 1000000;
	info->realtime_ns = now_ns(CLOCK_REALTIME);
}

void collect_memory_from(const char *meminfo, struct info *info)
{
	const struct kernel_count wanted[] = {
		{"MemTotal", &info->memory_total_bytes},
		{"MemFree", &info->memory_free_bytes},
		{"MemAvailable", &info->memory_available_bytes},
		{"Cached", &info->memory_cached_bytes},
		{"SwapTotal", &info->swap_total_bytes},
		{"SwapFree", &info->swap_free_bytes},
	};

	kernel_counts_read(meminfo, wanted, ARRAY_SIZE(wanted), NULL);
}

void collect_memory(struct store *store, struct info *info)
{
	(void)store;
	collect_memory_from("/proc/meminfo", info);
}

/* "0.52" as 520; moves on to the next number. */
static uint64_t take_milli(char **text)
{
	uint64_t value = strtoull(*text, text, 10) * 1000;

	if (**text == '.') {
		uint64_t weight = 100;

		for ((*text)++; **text >= '0' && **text <= '9'; (*text)++, weight /= 10)
			value += (uint64_t)(**text - '0') * weight;
	}
	return value;
}

void collect_load_from(const char *loadavg, struct info *info)
{
	char line[LINE_BYTES], *at = line;

	if (read_line(loadavg, line, sizeof(line)) <= 0)
		return;
	info->load_1_milli = take_milli(&at);
	info->load_5_milli = take_milli(&at);
	info->load_15_milli = take_milli(&at);
}

void collect_load(struct store *store, struct info *info)
{
	(void)store;
	collect_load_from("/proc/loadavg", info);
}
