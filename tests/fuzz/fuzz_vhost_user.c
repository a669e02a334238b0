/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: fsd fsserver virtqueue sandbox arguments pump protocol base
/*
 * A hostile front end: messages in any order, with descriptors of memory and events, over rings of
 * any content. The input is a list of commands; what a command sends is made of the input's bytes,
 * half of the time so that it almost follows the rules.
 */
#include "protocol/base/log.h"
#include "shared-folders/vhost/backend.h"
#include "tests/unit/protocol/virtqueue/guest.h"

#include <linux/fuse.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#define USER	      0x10000
#define COMMAND_BYTES 12
#define MAX_COMMANDS  64
#define QUEUE_SIZE    16
#define AVAILABLE_AT  0x1000
#define USED_AT	      0x2000
#define BUFFERS_AT    0x8000

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct machine {
	struct vhost_backend *backend;
	struct guest guest; /* ram is @memory, mapped */
	int memory, kick;
	struct server_call *kept;
};

/* Reads all of the request, writes all of the room, or keeps the call. */
static void serve(void *owner, struct server_call *call)
{
	struct machine *machine = owner;
	size_t length = 0;
	uint8_t sum = 0;

	for (size_t i = 0; i < call->in_count; i++)
		for (size_t j = 0; j < call->in[i].iov_len; j++)
			sum = (uint8_t)(sum + ((uint8_t *)call->in[i].iov_base)[j]);
	if (sum == 1 && __sync_bool_compare_and_swap(&machine->kept, NULL, call))
		return;
	for (size_t i = 0; i < call->out_count; i++) {
		memset(call->out[i].iov_base, sum, call->out[i].iov_len);
		length += call->out[i].iov_len;
	}
	call->done(call, length);
}

static void answer_kept(struct machine *machine)
{
	struct server_call *call = __sync_lock_test_and_set(&machine->kept, NULL);

	if (call)
		call->done(call, 0);
}

static void say(struct machine *machine, struct vhost_user_message *message, uint32_t request,
		size_t size, int fd)
{
	message->header = (struct vhost_user_header){
		request, VHOST_USER_VERSION | VHOST_USER_NEED_REPLY, (uint32_t)size};
	message->fds = 0;
	if (fd >= 0)
		message->fd[message->fds++] = dup(fd);
	vhost_backend_handle(machine->backend, message);
	vhost_user_close(message);
}

static void set_state(struct machine *machine, uint32_t request, uint32_t index, uint32_t number)
{
	struct vhost_user_message message = {.payload.state = {index, number}};

	say(machine, &message, request, sizeof(message.payload.state), -1);
}

static void set_number(struct machine *machine, uint32_t request, uint64_t number, int fd)
{
	struct vhost_user_message message = {.payload.number = number};

	say(machine, &message, request, sizeof(number), fd);
}

/* As a front end that means well, up to a queue that runs. */
static void bring_up(struct machine *machine, uint32_t index)
{
	struct vhost_user_message message = {0};

	set_number(machine, VHOST_USER_SET_PROTOCOL_FEATURES,
		   1U << VHOST_USER_PROTOCOL_F_REPLY_ACK |
			   1U << VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS |
			   1U << VHOST_USER_PROTOCOL_F_RESET_DEVICE,
		   -1);
	set_number(machine, VHOST_USER_SET_FEATURES,
		   1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_RING_F_INDIRECT_DESC |
			   (uint64_t)(index & 1) << VIRTIO_RING_F_EVENT_IDX,
		   -1);
	message.payload.memory = (struct vhost_user_memory){
		.count = 1, .region = {{GUEST_RAM_AT, GUEST_RAM_BYTES, USER, 0}}};
	say(machine, &message, VHOST_USER_SET_MEM_TABLE,
	    offsetof(struct vhost_user_memory, region[1]), machine->memory);
	set_state(machine, VHOST_USER_SET_VRING_NUM, index, QUEUE_SIZE);
	message.payload.address =
		(struct vhost_user_vring_address){.index = index,
						  .descriptors = USER,
						  .available = USER + AVAILABLE_AT,
						  .used = USER + USED_AT};
	say(machine, &message, VHOST_USER_SET_VRING_ADDR, sizeof(message.payload.address), -1);
	set_number(machine, VHOST_USER_SET_VRING_CALL, index, machine->kick);
	set_number(machine, VHOST_USER_SET_VRING_KICK, index, machine->kick);
}

static void put_descriptor(struct machine *machine, const uint8_t *choice)
{
	uint64_t gpa = GUEST_RAM_AT + (choice[1] & 0x80 ? GUEST_RAM_BYTES - 16
							: BUFFERS_AT + (uint64_t)choice[1] * 64);

	guest_set_descriptor(&machine->guest, GUEST_RAM_AT, choice[0] % QUEUE_SIZE, gpa,
			     choice[2] % 80, choice[3] & 7, choice[4] % (QUEUE_SIZE + 1));
}

static void make_available(struct machine *machine, const uint8_t *choice)
{
	static const uint64_t one = 1;

	machine->guest.queue[0].size = QUEUE_SIZE;
	machine->guest.queue[0].available = GUEST_RAM_AT + AVAILABLE_AT;
	guest_make_available(&machine->guest, 0, choice[0] % (QUEUE_SIZE + 1));
	if (write(machine->kick, &one, sizeof(one)) < 0)
		abort();
}

/* Any message, with as many bytes of payload as it should have, or any number. */
static void say_anything(struct machine *machine, const uint8_t *choice)
{
	static const uint8_t sizes[] = {0, 8, 40, 44, 12, 255};
	struct vhost_user_message message;
	uint32_t request = choice[0] % 48;

	memset(&message, 0, sizeof(message));
	for (size_t i = 0; i < 64; i++)
		((uint8_t *)&message.payload)[i] = choice[4 + i % 7] & choice[3];
	if (choice[2] & 1)
		say(machine, &message, request, sizes[choice[1] % sizeof(sizes)],
		    choice[2] & 2 ? machine->memory : machine->kick);
	else
		say(machine, &message, request, sizes[choice[1] % sizeof(sizes)], -1);
}

static void command(struct machine *machine, const uint8_t *choice)
{
	switch (choice[0] % 8) {
	case 0:
		bring_up(machine, choice[1] % 3);
		break;
	case 1:
	case 2:
		put_descriptor(machine, choice + 1);
		break;
	case 3:
		make_available(machine, choice + 1);
		break;
	case 4:
		machine->guest.ram[load_le16(choice + 1) % (USED_AT + 256)] ^= choice[3];
		break;
	case 5:
		set_state(machine, VHOST_USER_GET_VRING_BASE, choice[1] % 3, 0);
		break;
	case 6:
		answer_kept(machine);
		break;
	case 7:
		say_anything(machine, choice + 1);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static bool quiet;
	struct machine machine = {0};
	struct vhost_options options = {.call = serve, .owner = &machine, .threads = 2};
	size_t count = MIN(size / COMMAND_BYTES, (size_t)MAX_COMMANDS);

	if (!quiet)
		log_setup("fuzz", LOG_LEVEL_ERROR);
	quiet = true;
	machine.memory = memfd_create("guest", MFD_CLOEXEC);
	machine.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (machine.memory < 0 || machine.kick < 0 ||
	    ftruncate(machine.memory, GUEST_RAM_BYTES) < 0)
		abort();
	machine.guest.ram =
		mmap(NULL, GUEST_RAM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, machine.memory, 0);
	machine.backend = vhost_backend_new(&options);
	if (machine.guest.ram == MAP_FAILED || !machine.backend)
		abort();
	for (size_t i = 0; i < count; i++)
		command(&machine, bytes + i * COMMAND_BYTES);
	vhost_backend_stop(machine.backend);
	answer_kept(&machine);
	vhost_backend_free(machine.backend);
	munmap(machine.guest.ram, GUEST_RAM_BYTES);
	close(machine.memory);
	close(machine.kick);
	return 0;
}
