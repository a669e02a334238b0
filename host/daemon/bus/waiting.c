/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that are answered when something has happened to their VM, or when time is up. */
#include "host/daemon/bus/internal.h"

#include "host/daemon/lodged.h"
#include "protocol/base/bytes.h"

#include <stdlib.h>

/* A call that is answered when something happened to its VM, or when time is up. */
struct waiting_call {
	struct vm_waiter waiter;
	struct vm_waiter **list;
	uv_timer_t timer;
	struct call *call;
	void (*answer)(struct call *call, bool happened);
};

static void waiting_closed(uv_handle_t *timer)
{
	free(timer->data);
}

static void waiting_end(struct waiting_call *waiting, bool happened)
{
	waiting->answer(waiting->call, happened);
	uv_close((uv_handle_t *)&waiting->timer, waiting_closed);
}

static void waiting_done(struct vm_waiter *waiter)
{
	waiting_end(CONTAINER_OF(waiter, struct waiting_call, waiter), true);
}

static void waiting_timeout(uv_timer_t *timer)
{
	struct waiting_call *waiting = timer->data;

	vm_stop_waiting(waiting->list, &waiting->waiter);
	waiting_end(waiting, false);
}

void call_wait(struct call *call, struct vm_waiter **list, uint64_t timeout_ms,
	       void (*answer)(struct call *call, bool happened))
{
	struct waiting_call *waiting = calloc(1, sizeof(*waiting));

	if (!waiting) {
		call_fail(call, BUS_ERROR(Failed), "out of memory");
		return;
	}
	waiting->call = call;
	waiting->answer = answer;
	waiting->list = list;
	waiting->waiter.done = waiting_done;
	waiting->waiter.next = *list;
	*list = &waiting->waiter;
	uv_timer_init(&call->lodged->loop, &waiting->timer);
	waiting->timer.data = waiting;
	if (timeout_ms > 0)
		uv_timer_start(&waiting->timer, waiting_timeout, timeout_ms, 0);
}
