/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/memory_control.h"

#include "host/vmm/loop.h"
#include "host/vmm/virtio/balloon.h"
#include "host/vmm/virtio/mem.h"
#include "protocol/message.h"
#include "tests/unit/host/vmm/virtio/guest.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <linux/virtio_balloon.h>
#include <time.h>

#define RAM   (64ULL << 20)
#define PAGE  BALLOON_PAGE_BYTES
#define TURNS 4
#define SENT  65536

static struct vm vm;
static struct guest_memory ram;
static struct guest guest; /* its driver has registers, and no queues */
static struct memory_control *control;
static struct session *client, *server;

/* What the client was answered. */
static bool answered;
static int error;
static uint8_t kept[SENT];
static struct slice result;

/* What was told. */
static unsigned int events;
static struct vm_memory event;

static int give_back(void *owner, uint64_t offset, uint64_t length)
{
	return guest_memory_give_back(owner, offset, length);
}

static void tell(void *owner, const char *name, struct slice params)
{
	ck_assert_ptr_eq(owner, &events);
	ck_assert_str_eq(name, "vm.memory");
	ck_assert_int_eq(message_decode(&message_vm_memory, params, &event), 0);
	events++;
}

/* --- Two ends --- */

static void established(void *owner, const struct session_peer *peer)
{
	(void)owner;
	(void)peer;
}

static void lost(void *owner, int reason)
{
	(void)owner;
	(void)reason;
}

static void request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	(void)owner;
	if (!memory_control_answer(control, stream, method, params))
		stream_fail(stream, -ENOSYS, "of another kind");
}

static void wake(void *owner)
{
	(void)owner;
}

static void closed(struct stream *stream, void *owner, const struct stream_result *how)
{
	(void)stream;
	(void)owner;
	answered = true;
	error = how->error;
	result = (struct slice){kept, how->params.length};
	ck_assert_uint_le(how->params.length, sizeof(kept));
	if (how->params.length > 0)
		memcpy(kept, how->params.bytes, how->params.length);
}

static const struct session_handlers handlers = {
	.established = established,
	.lost = lost,
	.request = request,
	.wake = wake,
};
static const struct stream_handlers stream_handlers = {.closed = closed};

static size_t carry(struct session *from, struct session *to)
{
	static uint8_t bytes[SENT];
	size_t length = session_output(from, bytes, sizeof(bytes));

	if (length > 0)
		ck_assert_int_ge(session_receive(to, bytes, length), 0);
	return length;
}

static void settle(void)
{
	while (carry(client, server) + carry(server, client) > 0)
		;
}

/* Return: 0, or the error that came. */
static int ask(const char *method, const struct message_type *type, const void *message)
{
	uint8_t bytes[256];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct stream *stream;

	if (type)
		message_encode(type, message, &writer);
	answered = false;
	ck_assert_int_eq(session_request(client, slice_of(method),
					 type ? cbor_written(&writer) : (struct slice){NULL, 0},
					 &stream_handlers, NULL, &stream),
			 0);
	settle();
	ck_assert(answered);
	return error;
}

static struct vm_memory memory(void)
{
	struct vm_memory message;

	ck_assert_int_eq(ask("vm.memory", NULL, NULL), 0);
	ck_assert_int_eq(message_decode(&message_vm_memory, result, &message), 0);
	return message;
}

static int set_target(uint64_t bytes)
{
	struct vm_balloon message = {bytes};

	return ask("vm.balloon", &message_vm_balloon, &message);
}

static int set_period(uint64_t ms)
{
	struct vm_statistics message = {ms};

	return ask("vm.statistics", &message_vm_statistics, &message);
}

/* --- The machine --- */

/* Whatever is ready now has its turn. */
static void turn(void)
{
	struct guest_rounds rounds = {vm.loop, eventfd(1, EFD_CLOEXEC), TURNS};
	struct loop_source *source;

	ck_assert_int_eq(loop_add_fd(vm.loop, rounds.fd, EPOLLIN, guest_round, &rounds, &source),
			 0);
	ck_assert_int_eq(loop_run(vm.loop), 0);
	loop_remove(source);
	close(rounds.fd);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void set_actual(uint32_t pages)
{
	guest_write(&guest, VIRTIO_BAR_CONFIG + offsetof(struct virtio_balloon_config, actual), 4,
		    pages);
}

static void begin(void)
{
	ck_assert_int_eq(memory_control_new(&vm, tell, &events, &control), 0);
	client = session_new(SESSION_HOST, "test", NULL, &handlers, NULL);
	server = session_new(SESSION_GUEST, "test", NULL, &handlers, NULL);
	session_start(client);
	session_start(server);
	settle();
}

static void set_up_bare(void)
{
	vm = (struct vm){.ram = &ram};
	guest = (struct guest){0};
	events = 0;
	ck_assert_int_eq(guest_memory_new(&ram, &vm.memory, RAM, 0), 0);
	vm.loop = loop_new();
	ck_assert_ptr_nonnull(vm.loop);
	begin();
}

static void set_up(void)
{
	struct virtio_balloon_setup setup = {&vm.memory, give_back, &ram};

	vm = (struct vm){.ram = &ram};
	guest = (struct guest){0};
	events = 0;
	ck_assert_int_eq(guest_memory_new(&ram, &vm.memory, RAM, 0), 0);
	vm.loop = loop_new();
	ck_assert_ptr_nonnull(vm.loop);
	ck_assert_int_eq(virtio_balloon_new(&setup, &vm.balloon), 0);
	guest_plug(&guest, vm.balloon);
	ck_assert(guest_negotiate(&guest, VIRTIO_FEATURE(VIRTIO_F_VERSION_1)));
	guest_driver_ok(&guest);
	begin();
}

static void tear_down(void)
{
	session_free(client);
	session_free(server);
	memory_control_free(control);
	guest_free(&guest);
	loop_free(vm.loop);
	guest_memory_free(&ram);
}

START_TEST(without_a_balloon_there_is_little_to_say)
{
	struct vm_memory said;

	memset(ram.mapping, 1, 1 << 20);
	said = memory();
	ck_assert_uint_eq(said.maximum_bytes, RAM);
	ck_assert_uint_ge(said.resident_bytes, 1 << 20);
	ck_assert(!said.balloon);
	ck_assert_int_eq(set_target(RAM / 2), -EOPNOTSUPP);
	ck_assert_int_eq(set_period(1000), -EOPNOTSUPP);
	ck_assert_int_eq(ask("vm.info", NULL, NULL), -ENOSYS);
}
END_TEST

START_TEST(a_target_is_taken)
{
	struct vm_memory said = memory();

	ck_assert(said.balloon && said.driver && !said.reporting && !said.deflate_on_oom);
	ck_assert_uint_eq(said.target_bytes, RAM);
	ck_assert_uint_eq(said.actual_bytes, RAM);
	ck_assert_int_eq(set_target(RAM / 2), 0);
	ck_assert_uint_eq(memory().target_bytes, RAM / 2);
	ck_assert_int_eq(set_target(RAM), 0);
	ck_assert_uint_eq(memory().target_bytes, RAM);
}
END_TEST

START_TEST(what_cannot_be_is_refused)
{
	ck_assert_int_eq(set_target(RAM / 2), 0);
	ck_assert_int_eq(set_target(RAM + 1), -ERANGE);
	ck_assert_int_eq(set_target(UINT64_MAX), -ERANGE);
	ck_assert_int_eq(set_target(0), -ERANGE);
	ck_assert_int_eq(set_target(OPTIONS_MIN_MEMORY - 1), -ERANGE);
	ck_assert_int_eq(ask("vm.balloon", NULL, NULL), -EBADMSG);
	ck_assert_uint_eq(memory().target_bytes, RAM / 2);
	ck_assert_int_eq(set_period(1000), 0);
	ck_assert_int_eq(set_period(99), -ERANGE);
	ck_assert_int_eq(set_period(3600001), -ERANGE);
	ck_assert_int_eq(ask("vm.statistics", NULL, NULL), -EBADMSG);
	ck_assert_uint_eq(memory().period_ms, 1000);
	ck_assert_int_eq(set_period(0), 0);
	ck_assert_uint_eq(memory().period_ms, 0);
}
END_TEST

START_TEST(pinned_memory_is_not_taken)
{
	ck_assert_int_eq(set_target(RAM / 2), 0);
	guest_memory_pin(&ram);
	ck_assert_int_eq(set_target(RAM / 4), -EBUSY);
	/* But it can be given all it has. */
	ck_assert_int_eq(set_target(RAM), 0);
	guest_memory_unpin(&ram);
	ck_assert_int_eq(set_target(RAM / 4), 0);
}
END_TEST

START_TEST(changes_are_told_but_not_each)
{
	uint64_t began = now_ms();

	turn();
	ck_assert_uint_eq(events, 0);
	set_actual(100);
	turn();
	ck_assert_uint_eq(events, 1);
	ck_assert_uint_eq(event.actual_bytes, RAM - 100 * PAGE);
	for (uint32_t i = 1; i <= 500; i++) {
		set_actual(i);
		turn();
	}
	ck_assert_uint_le(events, 1 + (now_ms() - began) / MEMORY_CONTROL_EVENT_MS);
	/* The last is told. */
	for (int i = 0; i < 10000 && event.actual_bytes != RAM - 500 * PAGE; i++) {
		usleep(1000);
		turn();
	}
	ck_assert_uint_eq(event.actual_bytes, RAM - 500 * PAGE);
	ck_assert_uint_ge(events, 2);
}
END_TEST

/* --- Memory that is plugged in --- */

static int no_gift(void *owner, uint64_t offset, uint64_t length)
{
	(void)owner;
	(void)offset;
	(void)length;
	return 0;
}

static int reach(void *owner, uint64_t bytes)
{
	(void)bytes;
	return owner ? 0 : -EFAULT;
}

static void plugged(void *owner, uint64_t bytes)
{
	(void)owner;
	(void)bytes;
}

static void set_up_growing(void)
{
	static const struct virtio_mem_ops ops = {no_gift, reach, plugged};
	struct virtio_mem_setup setup = {&vm.memory, 4ULL << 30, VIRTIO_MEM_STEP_BYTES, &ops, &vm};

	vm = (struct vm){.ram = &ram};
	guest = (struct guest){0};
	events = 0;
	ck_assert_int_eq(guest_memory_new(&ram, &vm.memory, RAM, VIRTIO_MEM_STEP_BYTES), 0);
	vm.loop = loop_new();
	ck_assert_ptr_nonnull(vm.loop);
	ck_assert_int_eq(virtio_mem_new(&setup, &vm.mem), 0);
	guest_plug(&guest, vm.mem);
	begin();
}

static int grow(uint64_t bytes)
{
	struct vm_plug message = {bytes};

	return ask("vm.plug", &message_vm_plug, &message);
}

START_TEST(memory_can_be_requested)
{
	struct vm_memory said = memory();

	ck_assert(said.plug && !said.plug_driver && !said.balloon);
	ck_assert_uint_eq(said.start_bytes, RAM);
	ck_assert_uint_eq(said.ram_bytes, RAM);
	ck_assert_uint_eq(said.requested_bytes, RAM);
	ck_assert_uint_eq(said.maximum_bytes, RAM + VIRTIO_MEM_STEP_BYTES);
	ck_assert_int_eq(grow(RAM + VIRTIO_MEM_BLOCK_BYTES + 1), 0);
	ck_assert_uint_eq(memory().requested_bytes, RAM + 2 * VIRTIO_MEM_BLOCK_BYTES);
	ck_assert_int_eq(grow(RAM), 0);
	ck_assert_uint_eq(memory().requested_bytes, RAM);
	ck_assert_int_eq(grow(RAM - 1), -ERANGE);
	ck_assert_int_eq(grow(RAM + VIRTIO_MEM_STEP_BYTES + 1), -ERANGE);
	ck_assert_int_eq(ask("vm.plug", NULL, NULL), -EBADMSG);
	ck_assert_int_eq(set_target(RAM), -EOPNOTSUPP);
	ck_assert(guest_negotiate(&guest, VIRTIO_FEATURE(VIRTIO_F_VERSION_1)));
	guest_driver_ok(&guest);
	ck_assert(memory().plug_driver);
}
END_TEST

START_TEST(memory_that_cannot_be_plugged_in_is_refused)
{
	ck_assert_int_eq(grow(RAM), -EOPNOTSUPP);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memory control");
	TCase *bare = tcase_create("without a balloon"), *tc = tcase_create("with one");
	TCase *growing = tcase_create("with memory that may grow");

	tcase_add_checked_fixture(bare, set_up_bare, tear_down);
	tcase_add_test(bare, without_a_balloon_there_is_little_to_say);
	suite_add_tcase(suite, bare);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_target_is_taken);
	tcase_add_test(tc, what_cannot_be_is_refused);
	tcase_add_test(tc, pinned_memory_is_not_taken);
	tcase_add_test(tc, changes_are_told_but_not_each);
	suite_add_tcase(suite, tc);
	tcase_add_test(bare, memory_that_cannot_be_plugged_in_is_refused);
	tcase_add_checked_fixture(growing, set_up_growing, tear_down);
	tcase_add_test(growing, memory_can_be_requested);
	suite_add_tcase(suite, growing);

	return suite_run(suite);
}
