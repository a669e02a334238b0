/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lodge-guest memory: how the memory of this guest is, as lodge-agent tells it to the host.
 */
#include "drivers/memory/reclaim.h"
#include "guest-agent/system/memory_figures.h"
#include "guest-agent/toolbox/command.h"
#include "guest-agent/toolbox/json.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"
#include "protocol/base/parse.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define US_PER_S 1000000

static void print_json(const struct guest_memory_report *report)
{
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{"total_bytes", report->total_bytes},
		{"free_bytes", report->free_bytes},
		{"available_bytes", report->available_bytes},
		{"balloon_bytes", report->balloon_bytes},
		{"cached_bytes", report->cached_bytes},
		{"working_set_bytes", report->working_set_bytes},
		{"idle_bytes", report->idle_bytes},
		{"swap_total_bytes", report->swap_total_bytes},
		{"swap_free_bytes", report->swap_free_bytes},
		{"refaulted_anonymous_bytes", report->refaulted_anonymous_bytes},
		{"refaulted_file_bytes", report->refaulted_file_bytes},
		{"swapped_in_bytes", report->swapped_in_bytes},
		{"swapped_out_bytes", report->swapped_out_bytes},
		{"scanned_directly_bytes", report->scanned_directly_bytes},
		{"oom_kills", report->oom_kills},
		{"some_us", report->some_us},
		{"full_us", report->full_us},
	};
	struct json json = {.file = stdout};

	json_open(&json, NULL, '{');
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		json_number(&json, numbers[i].name, numbers[i].value);
	json_bool(&json, "pressure", report->pressure);
	json_text(&json, "reclaim", report->reclaim);
	json_close(&json, '}');
	putchar('\n');
}

static void print_size(const char *name, uint64_t bytes, const char *meaning)
{
	char text[16];

	printf("%-12s %10s%s%s\n", name, format_size(bytes, text, sizeof(text)),
	       *meaning ? "  " : "", meaning);
}

static void print_time(const char *name, uint64_t us, const char *meaning)
{
	printf("%-12s %8.2f s  %s\n", name, (double)us / US_PER_S, meaning);
}

static void print_now(const struct guest_memory_report *report)
{
	print_size("total", report->total_bytes, "");
	print_size("free", report->free_bytes, "used by nothing");
	print_size("available", report->available_bytes, "can be had without swapping");
	if (report->balloon_bytes > 0)
		print_size("balloon", report->balloon_bytes, "the host has it");
	print_size("cached", report->cached_bytes, "files and the kernel's caches");
	print_size("working set", report->working_set_bytes, "in use of late");
	print_size("idle", report->idle_bytes, "in use, but not of late: an estimate");
	if (report->swap_total_bytes > 0) {
		print_size("swap", report->swap_total_bytes, "");
		print_size("swapped", report->swap_total_bytes - report->swap_free_bytes,
			   "is there now");
	}
}

static void print_sums(const struct guest_memory_report *report)
{
	printf("since the start:\n");
	print_size("refaulted", report->refaulted_anonymous_bytes + report->refaulted_file_bytes,
		   "given up too early, and read again");
	print_size("swapped in", report->swapped_in_bytes, "");
	print_size("swapped out", report->swapped_out_bytes, "");
	print_size("scanned", report->scanned_directly_bytes,
		   "by tasks that had to look for memory themselves");
	printf("%-12s %10" PRIu64 "\n", "OOM kills", report->oom_kills);
	if (report->pressure) {
		print_time("waited", report->some_us, "some tasks, for memory");
		print_time("stalled", report->full_us, "all tasks at once");
	} else {
		printf("%-12s %10s  this kernel does not say (PSI)\n", "waited", "unknown");
	}
}

static void print_text(const struct guest_memory_report *report)
{
	const char *reclaim = "this kernel cannot give memory up when asked (Linux 5.19, cgroup2)";

	print_now(report);
	print_sums(report);
	if (report->reclaim.length > 0)
		reclaim = "memory can be given up when the host asks";
	else if (geteuid() != 0)
		reclaim = "only root can see whether memory can be given up when the host asks";
	printf("%s\n", reclaim);
}

static int memory_run(bool json)
{
	struct guest_memory_report report;
	int error = memory_figures_read("", &report);

	if (error) {
		log_error("cannot read /proc/meminfo: %s", error_text(error));
		return EXIT_FAILURE;
	}
	report.reclaim = slice_of(reclaim_way(""));
	if (json)
		print_json(&report);
	else
		print_text(&report);
	return EXIT_SUCCESS;
}

const struct command command_memory = {
	.name = "memory",
	.summary = "what is free, cached, in use and idle, and how long was waited for it",
	.help = "What is idle is estimated: pages of files that were not used twice of late. The "
		"sums only grow.",
	.run = memory_run,
};
