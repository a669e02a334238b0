/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/dax_faults.h"

#include "host/vmm/options.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

#include <signal.h>
#include <sys/timerfd.h>

#define NANOSECONDS_A_MS 1000000L

/* For the handler; written only while there is one thread. */
static struct watched {
	struct dax_window *window; /* NULL: free */
	int timer_fd;
} watched[OPTIONS_MAX_FS];

static struct watched *find(const struct dax_window *window)
{
	for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
		if (watched[i].window == window)
			return &watched[i];
	return NULL;
}

static void retry_in(const struct watched *entry, unsigned int ms)
{
	struct itimerspec soon = {.it_value.tv_nsec = ms * NANOSECONDS_A_MS};

	timerfd_settime(entry->timer_fd, 0, &soon, NULL);
}

/* In the thread whose access failed. What is not a window's ends the process, as without us: the
 * access is made again, and fails again. */
static void on_signal(int number, siginfo_t *info, void *context)
{
	(void)context;
	for (size_t i = 0; i < ARRAY_SIZE(watched) && info->si_code > 0; i++) {
		if (watched[i].window &&
		    dax_window_repair(watched[i].window, info->si_addr, true)) {
			retry_in(&watched[i], DAX_RETRY_MS);
			return;
		}
	}
	signal(number, SIG_DFL);
}

int dax_faults_watch(struct dax_window *window, int *timer_fd)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	struct watched *entry = find(NULL);

	if (!entry)
		return -ENOSPC;
	entry->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (entry->timer_fd < 0)
		return -errno;
	entry->window = window;
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	*timer_fd = entry->timer_fd;
	return 0;
}

void dax_faults_forget(struct dax_window *window)
{
	struct watched *entry = window ? find(window) : NULL;

	if (!entry)
		return;
	cleanup_close(&entry->timer_fd);
	entry->window = NULL;
}

void dax_faults_retry(struct dax_window *window)
{
	const struct watched *entry = find(window);
	uint64_t ignored;

	if (read(entry->timer_fd, &ignored, sizeof(ignored)) == sizeof(ignored))
		retry_in(entry, dax_window_retry(window));
}

void dax_faults_look(struct dax_window *window)
{
	const struct watched *entry = find(window);
	struct itimerspec now;

	if (timerfd_gettime(entry->timer_fd, &now) == 0 && now.it_value.tv_nsec == 0)
		retry_in(entry, DAX_LOOK_MS);
}

bool dax_faults_watched(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
		if (watched[i].window)
			return true;
	return false;
}

bool dax_faults_repair(void)
{
	bool repaired = false;

	for (size_t i = 0; i < ARRAY_SIZE(watched); i++) {
		if (watched[i].window && dax_window_repair(watched[i].window, NULL, false)) {
			retry_in(&watched[i], DAX_RETRY_MS);
			repaired = true;
		}
	}
	return repaired;
}
