/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: screen http sandbox arguments pump relay busloop protocol base
/* A hostile lodge-vmm: its packets, and what it writes into the display area. */
#include "host/screen/source/vmm.h"

#include "host/display/channel.h"
#include "tests/fuzz/fuzzed_source.h"

#include <sys/mman.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define RAM   (1U << 20)
#define HEADS 3

/* What an input's bytes say. */
enum {
	SEND,	  /* length, packet */
	DAMAGE,	  /* head, x, y, width, height: 2 bytes each */
	CHANGED,  /* head; scanout or cursor */
	SCANOUT,  /* head, format, 4 * 2 bytes, stride 2 bytes, extents */
	EXTENT,	  /* head, index, offset 3 bytes, length 3 bytes */
	SEQUENCE, /* head, scanout or cursor, value */
	CURSOR,	  /* head, offset of a field, value 4 bytes */
	WATCH,	  /* whether */
	INPUT,
	KINDS,
};

struct memory {
	int ram_fd, area_fd;
	struct channel_area *area;
};

/* --- The VMM ---------------------------------------------------------------------------------- */

static struct memory make_memory(void)
{
	struct memory memory = {
		.ram_fd = memfd_create("ram", MFD_CLOEXEC),
		.area_fd = memfd_create("area", MFD_CLOEXEC),
	};

	if (ftruncate(memory.ram_fd, RAM) < 0 ||
	    ftruncate(memory.area_fd, sizeof(struct channel_area)) < 0)
		abort();
	memory.area = mmap(NULL, sizeof(struct channel_area), PROT_READ | PROT_WRITE, MAP_SHARED,
			   memory.area_fd, 0);
	if (memory.area == MAP_FAILED)
		abort();
	return memory;
}

static void send_hello(struct fuzzed_source *fuzz, const struct memory *memory)
{
	struct channel_hello hello = {.kind = CHANNEL_HELLO,
				      .magic = CHANNEL_MAGIC,
				      .version = CHANNEL_VERSION,
				      .heads = HEADS,
				      .ram_bytes = RAM,
				      .area_bytes = sizeof(struct channel_area)};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = {0};
	const int fds[2] = {memory->ram_fd, memory->area_fd};
	struct iovec iov = {.iov_base = &hello, .iov_len = sizeof(hello)};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(&control.header), fds, sizeof(fds));
	(void)sendmsg(fuzz->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void send_damage(struct fuzzed_source *fuzz)
{
	struct channel_damage damage = {.kind = CHANNEL_DAMAGE};

	damage.head = (uint32_t)input_byte(&fuzz->input);
	damage.x = (uint32_t)input_take(&fuzz->input, 2);
	damage.y = (uint32_t)input_take(&fuzz->input, 2);
	damage.width = (uint32_t)input_take(&fuzz->input, 2);
	damage.height = (uint32_t)input_take(&fuzz->input, 2);
	fuzzed_say(fuzz, &damage, sizeof(damage));
}

static void send_changed(struct fuzzed_source *fuzz)
{
	uint8_t which = input_byte(&fuzz->input);
	struct channel_head head = {.kind = which & 0x80 ? CHANNEL_CURSOR : CHANNEL_SCANOUT,
				    .head = which & 0x7f};

	fuzzed_say(fuzz, &head, sizeof(head));
}

static void write_scanout(struct fuzzed_source *fuzz, struct channel_area *area)
{
	struct channel_scanout *scanout = &area->scanout[input_byte(&fuzz->input) % HEADS];

	scanout->generation++;
	scanout->enabled = 1;
	scanout->format = (uint32_t)input_byte(&fuzz->input);
	scanout->x = (uint32_t)input_take(&fuzz->input, 2);
	scanout->y = (uint32_t)input_take(&fuzz->input, 2);
	scanout->width = (uint32_t)input_take(&fuzz->input, 2);
	scanout->height = (uint32_t)input_take(&fuzz->input, 2);
	scanout->stride = (uint32_t)input_take(&fuzz->input, 2);
	scanout->extents = (uint32_t)input_byte(&fuzz->input);
}

static void write_extent(struct fuzzed_source *fuzz, struct channel_area *area)
{
	struct channel_scanout *scanout = &area->scanout[input_byte(&fuzz->input) % HEADS];
	struct channel_extent *extent = &scanout->extent[input_byte(&fuzz->input) % 16];

	extent->offset = input_take(&fuzz->input, 3);
	extent->length = input_take(&fuzz->input, 3);
}

static void write_sequence(struct fuzzed_source *fuzz, struct channel_area *area)
{
	uint8_t which = input_byte(&fuzz->input);
	uint32_t value = (uint32_t)input_byte(&fuzz->input);

	if (which & 0x80)
		area->cursor[which % HEADS].sequence = value;
	else
		area->scanout[which % HEADS].sequence = value;
}

static void write_cursor(struct fuzzed_source *fuzz, struct channel_area *area)
{
	uint8_t *cursor = (uint8_t *)&area->cursor[input_byte(&fuzz->input) % HEADS];
	size_t at = input_byte(&fuzz->input) % 16 * 4;
	uint32_t value = (uint32_t)input_take(&fuzz->input, 4);

	memcpy(cursor + at, &value, sizeof(value));
}

static void do_input(struct fuzzed_source *fuzz)
{
	struct screen_wish wish = {0};

	screen_pointer(&fuzz->viewer.viewer, (uint32_t)input_take(&fuzz->input, 2),
		       (uint32_t)input_take(&fuzz->input, 2), (uint32_t)input_byte(&fuzz->input));
	screen_key(&fuzz->viewer.viewer, (uint32_t)input_take(&fuzz->input, 2),
		   input_byte(&fuzz->input) & 1);
	wish.head[0].named = wish.head[0].enabled = true;
	(void)screen_request(fuzz->screen, &fuzz->viewer.viewer, SCREEN_BY_VIEWER, &wish);
}

static void act(struct fuzzed_source *fuzz, struct channel_area *area)
{
	struct slice some;

	switch (input_byte(&fuzz->input) % KINDS) {
	case SEND:
		some = input_slice(&fuzz->input);
		fuzzed_say(fuzz, some.bytes, some.length);
		break;
	case DAMAGE:
		send_damage(fuzz);
		break;
	case CHANGED:
		send_changed(fuzz);
		break;
	case SCANOUT:
		write_scanout(fuzz, area);
		return;
	case EXTENT:
		write_extent(fuzz, area);
		return;
	case SEQUENCE:
		write_sequence(fuzz, area);
		return;
	case CURSOR:
		write_cursor(fuzz, area);
		return;
	case WATCH:
		fuzzed_watch(fuzz);
		break;
	default:
		do_input(fuzz);
		break;
	}
	fuzzed_turn(fuzz);
}

/* What an input can have written, as it was. */
static void clean(struct channel_area *area)
{
	for (unsigned int i = 0; i < HEADS; i++) {
		memset(&area->scanout[i], 0,
		       offsetof(struct channel_scanout, extent) +
			       16 * sizeof(struct channel_extent));
		memset(&area->cursor[i], 0, 64);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct memory memory = {.ram_fd = -1};
	struct fuzzed_source fuzz = {.input = {bytes, size}};

	if (memory.ram_fd < 0)
		memory = make_memory();
	clean(memory.area);
	fuzzed_begin(&fuzz, SOCK_SEQPACKET, vmm_source_new);
	if (input_byte(&fuzz.input) & 3)
		send_hello(&fuzz, &memory);
	fuzzed_turn(&fuzz);
	while (fuzzed_goes_on(&fuzz))
		act(&fuzz, memory.area);
	fuzzed_hang_up(&fuzz);
	fuzzed_end(&fuzz);
	return 0;
}
