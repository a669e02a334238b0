/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/daemon/lodged.h"

#include "host/daemon/backend/domains.h"
#include "host/daemon/backend/libvirt_connection.h"
#include "host/daemon/bus/bus.h"
#include "host/daemon/lodged_memory.h"
#include "host/daemon/statistics/statistics.h"
#include "host/daemon/web/web.h"
#include "protocol/base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Without VMs and clients for so long, it ends. */
#define IDLE_MS 60000
/* Its own end may take so long. */
#define FINISH_MS 1000

static void on_idle(uv_timer_t *timer)
{
	struct lodged *lodged = timer->data;

	log_info("nobody is here: ending");
	uv_stop(&lodged->loop);
}

static bool has_vms(const struct lodged *lodged)
{
	for (const struct vm *vm = lodged->vms; vm; vm = vm->next) {
		if (!vm_is_unused(vm))
			return true;
	}
	return false;
}

void lodged_check_idle(struct lodged *lodged)
{
	if (has_vms(lodged) || bus_client_count(lodged->bus) > 0)
		uv_timer_stop(&lodged->idle);
	else
		uv_timer_start(&lodged->idle, on_idle, IDLE_MS, 0);
}

/*
 * libuv's fork handler closes the ends of its signal pipe, by number, in every child. libvirt forks
 * a child that closes everything and, with pipes of its own at the lowest free numbers, forks
 * again: there the handler would close those. So libuv's pipe gets numbers that nobody comes to.
 */
static int init_loop(uv_loop_t *loop)
{
	enum { FIRST_NUMBER = 100 };
	int fillers[FIRST_NUMBER], count = 0, r;

	while (count < FIRST_NUMBER) {
		int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		if (fd < 0 || fd >= FIRST_NUMBER) {
			if (fd >= 0)
				close(fd);
			break;
		}
		fillers[count++] = fd;
	}
	r = uv_loop_init(loop);
	while (count > 0)
		close(fillers[--count]);
	return r;
}

int lodged_start(struct lodged *lodged)
{
	int r = init_loop(&lodged->loop);

	if (r < 0)
		return r;
	uv_timer_init(&lodged->loop, &lodged->idle);
	lodged->idle.data = lodged;
	lodged->statistics = statistics_new(lodged);
	lodged->web = web_new(lodged);
	if (!lodged->statistics || !lodged->web)
		return -ENOMEM;
	r = lodged_memory_new(lodged, &lodged->memory);
	if (r < 0)
		log_warning("memory is not shared among VMs: the host's cannot be read: %s",
			    error_text(r));
	vm_adopt_all(lodged);
	r = bus_new(lodged, &lodged->bus);
	if (r < 0) {
		lodged_finish(lodged);
		return r;
	}
	lodged->domains = domains_new(lodged);
	web_take_up(lodged->web);
	lodged_check_idle(lodged);
	return 0;
}

struct libvirt_events *lodged_libvirt_events(struct lodged *lodged)
{
	char log[PATH_MAX];
	int r;

	if (lodged->libvirt_events)
		return lodged->libvirt_events;
	if (snprintf(log, sizeof(log), "%s/libvirt", lodged->runtime) >= (int)sizeof(log) - 8)
		return NULL;
	mkdir(log, 0700);
	strcat(log, "/log.txt");
	r = libvirt_events_new(&lodged->loop, log, &lodged->libvirt_events);
	if (r < 0)
		log_error("libvirt cannot be used: %s", error_text(r));
	return lodged->libvirt_events;
}

static void on_limit(uv_timer_t *limit)
{
	uv_stop(limit->loop);
}

/* What is closing still has memory. Clients that do not read are not waited for. */
static int run_out(uv_loop_t *loop)
{
	uv_timer_t limit;

	uv_timer_init(loop, &limit);
	uv_timer_start(&limit, on_limit, FINISH_MS, 0);
	uv_unref((uv_handle_t *)&limit);
	uv_run(loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&limit, NULL);
	uv_run(loop, UV_RUN_NOWAIT);
	return uv_loop_close(loop);
}

void lodged_finish(struct lodged *lodged)
{
	struct bus *bus = lodged->bus;

	while (lodged->vms)
		vm_leave(lodged->vms);
	web_free(lodged->web);
	lodged->web = NULL;
	statistics_free(lodged->statistics);
	lodged->bus = NULL;
	bus_free(bus);
	domains_free(lodged->domains);
	libvirt_events_free(lodged->libvirt_events);
	lodged_memory_free(lodged->memory);
	lodged->memory = NULL;
	uv_close((uv_handle_t *)&lodged->idle, NULL);
	/* Where a call of libvirt's does not come back, the process ends under it. */
	if (run_out(&lodged->loop) == 0)
		libvirt_connection_free(lodged->libvirt);
}
