/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/memory/ksm.h"
#include "host/daemon/memory/policy.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/kernel_counts.h"
#include "protocol/base/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/param.h>
#include <unistd.h>

/* Parts of the budget at which it starts and stops. */
#define START_AT 0.9
#define STOP_AT	 0.75
/* Less than that is not worth a thread. */
#define LEAST_BYTES (64 * MEMORY_MIB)
/* So long may a look at all pages take. */
#define CALM_SCAN_S  300
#define HASTY_SCAN_S 60
/* Pages at a time: what the kernel starts with, and a few per cent of a processor. */
#define LEAST_PAGES 100
#define MOST_PAGES  2000
/* What it has to save in the end; else it rests, each time longer. It merges what it finds
 * unchanged at the second look, and the first may have begun in the middle. */
#define PAYS_PART   100
#define PAYS_SCANS  3
#define REST_MS	    600000
#define REST_MAX_MS 7200000
/* struct ksm_rmap_item, one for each page that is looked at. */
#define ITEM_BYTES 64

/* --- The files -------------------------------------------------------------------------------- */

static int file_path(const char *root, const char *file, char path[PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s/sys/kernel/mm/ksm/%s", root, file) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

/* -EINVAL for what is no number, or negative. */
static int read_number(const char *root, const char *file, uint64_t *value)
{
	char path[PATH_MAX], text[64];
	int r = file_path(root, file, path);

	if (r == 0)
		r = kernel_file_read(path, text, sizeof(text));
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	return parse_u64(text, 0, UINT64_MAX, value);
}

/* 0 where there is none. */
static uint64_t number(const char *root, const char *file)
{
	uint64_t value;

	return read_number(root, file, &value) < 0 ? 0 : value;
}

static int write_number(const char *root, const char *file, uint64_t value)
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = -EBADF;
	int r = file_path(root, file, path);

	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0 || dprintf(fd, "%llu\n", (unsigned long long)value) < 0)
		return -errno;
	return 0;
}

static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t result;

	return __builtin_mul_overflow(a, b, &result) ? 0 : result;
}

static uint64_t page_bytes(void)
{
	return (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t ksm_saved(const char *root)
{
	static const char *const looked_at[] = {"pages_shared", "pages_sharing", "pages_unshared",
						"pages_volatile"};
	uint64_t saved, profit, cost = 0;
	int r;

	/* Pages that were merged stay so after it was stopped (0), but not for long once written;
	 * undone (2) they are gone. */
	if (number(root, "run") != 1)
		return 0;
	saved = times(number(root, "pages_sharing"), page_bytes());
	r = read_number(root, "general_profit", &profit);
	if (r == 0)
		return MIN(saved, profit);
	/* Negative: it costs more than it saves. */
	if (r != -ENOENT)
		return 0;
	for (size_t i = 0; i < sizeof(looked_at) / sizeof(looked_at[0]); i++)
		cost += times(number(root, looked_at[i]), ITEM_BYTES);
	return saved > cost ? saved - cost : 0;
}

/* --- What is to be ---------------------------------------------------------------------------- */

static uint64_t pages_at_a_time(const char *root, const struct ksm_need *need)
{
	uint64_t seconds = need->demand_bytes >= need->budget_bytes ? HASTY_SCAN_S : CALM_SCAN_S;
	uint64_t pages = need->mergeable_bytes / page_bytes() / seconds;

	pages = times(pages, number(root, "sleep_millisecs")) / 1000;
	return MIN(MAX(pages, LEAST_PAGES), MOST_PAGES);
}

static void keep(const struct ksm *ksm)
{
	if (ksm->keeper.keep)
		ksm->keeper.keep(ksm->keeper.owner, &ksm->own);
}

/* Where the kernel's own adviser chooses, this cannot be written, and need not. */
static void set_pace(struct ksm *ksm, const struct ksm_need *need)
{
	uint64_t pages = pages_at_a_time(ksm->root, need);

	if (pages == ksm->own.pages)
		return;
	ksm->own.pages = pages;
	keep(ksm);
	if (write_number(ksm->root, "pages_to_scan", pages) == 0)
		return;
	ksm->own.pages = 0;
	keep(ksm);
}

static void stop(struct ksm *ksm)
{
	(void)write_number(ksm->root, "run", 0);
	(void)write_number(ksm->root, "pages_to_scan", ksm->own.pages_before);
	ksm->own = (struct ksm_kept){0};
	keep(ksm);
}

static bool is_scarce(const struct ksm_need *need, double part)
{
	return (double)need->demand_bytes >= part * (double)need->budget_bytes &&
	       need->mergeable_bytes >= LEAST_BYTES;
}

static enum ksm_event start(struct ksm *ksm, const struct ksm_need *need)
{
	ksm->scans_before = number(ksm->root, "full_scans");
	ksm->own = (struct ksm_kept){.driven = true,
				     .pages_before = number(ksm->root, "pages_to_scan")};
	set_pace(ksm, need);
	if (write_number(ksm->root, "run", 1) < 0) {
		stop(ksm);
		ksm->left = true;
		return KSM_REFUSED;
	}
	return KSM_STARTED;
}

static bool is_pointless(const struct ksm *ksm, const struct ksm_need *need)
{
	return number(ksm->root, "full_scans") >= ksm->scans_before + PAYS_SCANS &&
	       ksm_saved(ksm->root) < need->mergeable_bytes / PAYS_PART;
}

static enum ksm_event go_on(struct ksm *ksm, const struct ksm_need *need, uint64_t now_ms)
{
	if (!is_scarce(need, STOP_AT)) {
		stop(ksm);
		return KSM_STOPPED;
	}
	if (is_pointless(ksm, need)) {
		stop(ksm);
		ksm->rest_ms = ksm->rest_ms ? MIN(2 * ksm->rest_ms, REST_MAX_MS) : REST_MS;
		ksm->rest_until_ms = now_ms + ksm->rest_ms;
		return KSM_POINTLESS;
	}
	set_pace(ksm, need);
	return KSM_NOTHING;
}

/* Whoever has changed its pace since has taken it over. */
static bool is_as_it_was_left(const struct ksm *ksm)
{
	const struct ksm_kept *found = &ksm->keeper.found;

	return found->driven && number(ksm->root, "run") == 1 &&
	       (!found->pages || number(ksm->root, "pages_to_scan") == found->pages);
}

bool ksm_begin(struct ksm *ksm, const char *root, const struct ksm_keeper *keeper)
{
	*ksm = (struct ksm){.root = root};
	if (keeper)
		ksm->keeper = *keeper;
	if (is_as_it_was_left(ksm)) {
		ksm->own = ksm->keeper.found;
		ksm->scans_before = number(root, "full_scans");
	} else if (ksm->keeper.found.driven) {
		keep(ksm);
	}
	return ksm->own.driven;
}

enum ksm_event ksm_look(struct ksm *ksm, const struct ksm_need *need, uint64_t now_ms)
{
	uint64_t runs;
	bool first;

	if (ksm->left || (ksm->looked_ms && now_ms - ksm->looked_ms < KSM_LOOK_MS))
		return KSM_NOTHING;
	/* What was taken back is not judged before it is known what VMs want. */
	first = ksm->own.driven && !ksm->looked_ms;
	ksm->looked_ms = MAX(now_ms, 1);
	if (first)
		return KSM_NOTHING;
	if (read_number(ksm->root, "run", &runs) < 0) {
		ksm->left = true;
		return KSM_REFUSED;
	}
	if (runs != ksm->own.driven) {
		ksm->left = true;
		if (ksm->own.driven) {
			ksm->own = (struct ksm_kept){0};
			keep(ksm);
		}
		return KSM_TAKEN;
	}
	if (ksm->own.driven)
		return go_on(ksm, need, now_ms);
	if (now_ms < ksm->rest_until_ms || !is_scarce(need, START_AT))
		return KSM_NOTHING;
	return start(ksm, need);
}

void ksm_end(struct ksm *ksm)
{
	if (ksm->own.driven)
		stop(ksm);
	ksm->left = true;
}
