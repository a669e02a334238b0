/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/memory_control.h"

#include "host/vmm/loop.h"
#include "host/vmm/virtio/balloon.h"
#include "host/vmm/virtio/mem.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/message.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#define REPLY_SIZE	 1024
#define NANOSECONDS_A_MS 1000000L
#define MIN_PERIOD_MS	 100
#define MAX_PERIOD_MS	 3600000

struct memory_control {
	struct vm *vm;
	memory_control_tell tell;
	void *owner;
	int timer_fd; /* runs while changes have to wait */
	struct loop_source *balloon_source, *mem_source, *timer_source;
};

/* --- What there is to say --- */

static void add_balloon(struct vm_memory *memory, struct virtio_device *balloon)
{
	uint64_t *const statistic[BALLOON_TAGS] = {
		[BALLOON_SWAP_IN] = &memory->swap_in_bytes,
		[BALLOON_SWAP_OUT] = &memory->swap_out_bytes,
		[BALLOON_MAJOR_FAULTS] = &memory->major_faults,
		[BALLOON_MINOR_FAULTS] = &memory->minor_faults,
		[BALLOON_FREE] = &memory->free_bytes,
		[BALLOON_TOTAL] = &memory->total_bytes,
		[BALLOON_AVAILABLE] = &memory->available_bytes,
		[BALLOON_CACHES] = &memory->caches_bytes,
		[BALLOON_HUGE_ALLOCATIONS] = &memory->huge_allocations,
		[BALLOON_HUGE_FAILURES] = &memory->huge_failures,
		[BALLOON_OOM_KILLS] = &memory->oom_kills,
		[BALLOON_STALLS] = &memory->stalls,
		[BALLOON_SCANNED] = &memory->scanned_bytes,
		[BALLOON_SCANNED_DIRECTLY] = &memory->scanned_directly_bytes,
		[BALLOON_RECLAIMED] = &memory->reclaimed_bytes,
		[BALLOON_RECLAIMED_DIRECTLY] = &memory->reclaimed_directly_bytes,
	};
	struct virtio_balloon_state state;

	virtio_balloon_read(balloon, &state);
	memory->balloon = true;
	memory->target_bytes = state.target_bytes;
	memory->actual_bytes = state.actual_bytes;
	memory->balloon_bytes = state.balloon_bytes;
	memory->reported_bytes = state.reported_bytes;
	memory->driver = state.driver;
	memory->deflate_on_oom = state.deflates_on_oom;
	memory->reporting = state.reports;
	memory->period_ms = state.period_ms;
	memory->age_ms = balloon_statistics_age(&state.statistics);
	memory->tags = state.statistics.tags;
	for (size_t i = 0; i < BALLOON_TAGS; i++)
		*statistic[i] = state.statistics.value[i];
}

static void add_plugged(struct vm_memory *memory, struct virtio_device *mem)
{
	struct virtio_mem_state state;

	virtio_mem_read(mem, &state);
	memory->plug = true;
	memory->plug_driver = state.driver;
	memory->ram_bytes = memory->start_bytes + state.plugged_bytes;
	memory->requested_bytes = memory->start_bytes + state.requested_bytes;
}

static struct slice describe(const struct vm *vm, uint8_t bytes[REPLY_SIZE])
{
	struct vm_memory memory = {
		.maximum_bytes = vm->ram->size_bytes,
		.start_bytes = vm->ram->start_bytes,
		.ram_bytes = vm->ram->start_bytes,
	};
	struct cbor_writer writer = {.bytes = bytes, .capacity = REPLY_SIZE};

	/* Without it, it is left out. */
	(void)guest_memory_resident(vm->ram, &memory.resident_bytes);
	if (vm->mem)
		add_plugged(&memory, vm->mem);
	if (vm->balloon)
		add_balloon(&memory, vm->balloon);
	message_encode(&message_vm_memory, &memory, &writer);
	return cbor_written(&writer);
}

/* --- Methods --- */

static const char no_balloon[] = "the machine has no balloon; it is given one by --balloon";

static int set_target(struct vm *vm, struct slice params, const char **text)
{
	struct vm_balloon message;

	*text = no_balloon;
	if (!vm->balloon)
		return -EOPNOTSUPP;
	*text = "target_bytes is needed, at most the machine's memory and at least 16 MiB";
	if (message_decode(&message_vm_balloon, params, &message) < 0)
		return -EBADMSG;
	if (message.target_bytes < OPTIONS_MIN_MEMORY)
		return -ERANGE;
	if (message.target_bytes < vm->ram->size_bytes && guest_memory_is_pinned(vm->ram)) {
		*text = "the guest's memory is pinned, and cannot be taken";
		return -EBUSY;
	}
	return virtio_balloon_set_target(vm->balloon, message.target_bytes);
}

static int set_period(struct vm *vm, struct slice params, const char **text)
{
	struct vm_statistics message;

	*text = no_balloon;
	if (!vm->balloon)
		return -EOPNOTSUPP;
	*text = "period_ms is needed: 0, or 100 to 3600000";
	if (message_decode(&message_vm_statistics, params, &message) < 0)
		return -EBADMSG;
	if (message.period_ms > MAX_PERIOD_MS ||
	    (message.period_ms > 0 && message.period_ms < MIN_PERIOD_MS))
		return -ERANGE;
	virtio_balloon_set_period(vm->balloon, (uint32_t)message.period_ms);
	return 0;
}

static int plug(struct vm *vm, struct slice params, const char **text)
{
	struct vm_plug message;

	*text = "the machine's memory cannot grow; that needs --memory SIZE,max=SIZE";
	if (!vm->mem)
		return -EOPNOTSUPP;
	*text = "ram_bytes is needed, from what the machine started with to its maximum";
	if (message_decode(&message_vm_plug, params, &message) < 0)
		return -EBADMSG;
	if (message.ram_bytes < vm->ram->start_bytes || message.ram_bytes > vm->ram->size_bytes)
		return -ERANGE;
	*text = "the host's kernel does not give the guest more memory";
	return virtio_mem_request(vm->mem, message.ram_bytes - vm->ram->start_bytes);
}

static const struct {
	const char *name;
	int (*act)(struct vm *vm, struct slice params, const char **text);
} methods[] = {
	{"vm.balloon", set_target},
	{"vm.plug", plug},
	{"vm.statistics", set_period},
};

bool memory_control_answer(struct memory_control *control, struct stream *stream,
			   struct slice method, struct slice params)
{
	uint8_t bytes[REPLY_SIZE];

	if (slice_is(method, "vm.memory")) {
		stream_reply(stream, describe(control->vm, bytes));
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
		const char *text;
		int error;

		if (!slice_is(method, methods[i].name))
			continue;
		error = methods[i].act(control->vm, params, &text);
		if (error)
			stream_fail(stream, error, text);
		else
			stream_reply(stream, (struct slice){NULL, 0});
		return true;
	}
	return false;
}

/* --- The event --- */

static void listen_for(struct memory_control *control, uint32_t events)
{
	if (control->balloon_source)
		loop_modify(control->balloon_source, events);
	if (control->mem_source)
		loop_modify(control->mem_source, events);
}

static void begin_wait(struct memory_control *control)
{
	struct itimerspec wait = {.it_value.tv_nsec = MEMORY_CONTROL_EVENT_MS * NANOSECONDS_A_MS};

	if (timerfd_settime(control->timer_fd, 0, &wait, NULL) == 0)
		listen_for(control, 0);
}

static void on_change(void *owner, uint32_t events)
{
	struct memory_control *control = owner;
	uint8_t bytes[REPLY_SIZE];

	(void)events;
	/* First: what changes from here on is told by the next event. */
	if (control->vm->balloon)
		virtio_balloon_seen(control->vm->balloon);
	if (control->vm->mem)
		virtio_mem_seen(control->vm->mem);
	begin_wait(control);
	control->tell(control->owner, "vm.memory", describe(control->vm, bytes));
}

static void on_timer(void *owner, uint32_t events)
{
	struct memory_control *control = owner;
	uint64_t ignored;

	(void)events;
	if (read(control->timer_fd, &ignored, sizeof(ignored)) > 0)
		listen_for(control, EPOLLIN);
}

static int watch(struct memory_control *control)
{
	struct vm *vm = control->vm;
	struct loop *loop = vm->loop;
	int error;

	control->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (control->timer_fd < 0)
		return -errno;
	error = loop_add_fd(loop, control->timer_fd, EPOLLIN, on_timer, control,
			    &control->timer_source);
	if (!error && vm->balloon)
		error = loop_add_fd(loop, virtio_balloon_changed_fd(vm->balloon), EPOLLIN,
				    on_change, control, &control->balloon_source);
	if (!error && vm->mem)
		error = loop_add_fd(loop, virtio_mem_changed_fd(vm->mem), EPOLLIN, on_change,
				    control, &control->mem_source);
	return error;
}

int memory_control_new(struct vm *vm, memory_control_tell tell, void *owner,
		       struct memory_control **control)
{
	struct memory_control *made = calloc(1, sizeof(*made));
	int error;

	if (!made)
		return -ENOMEM;
	*made = (struct memory_control){.vm = vm, .tell = tell, .owner = owner, .timer_fd = -EBADF};
	error = vm->balloon || vm->mem ? watch(made) : 0;
	if (error)
		memory_control_free(made);
	else
		*control = made;
	return error;
}

void memory_control_free(struct memory_control *control)
{
	if (!control)
		return;
	loop_remove(control->balloon_source);
	loop_remove(control->mem_source);
	loop_remove(control->timer_source);
	cleanup_close(&control->timer_fd);
	free(control);
}
