/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: screen http sandbox arguments pump relay busloop protocol base
/* A hostile lodge-vmm: its packets, and what it writes into the display area. */
#include "host/screen/source/vmm.h"

#include "host/display/channel.h"
#include "protocol/base/bytes.h"
#include "tests/fuzz/checked_viewer.h"

#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

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

struct fuzz {
	uv_loop_t loop;
	struct screen *screen;
	struct checked_viewer viewer;
	int fd;
	const uint8_t *bytes;
	size_t left;
};

static uint64_t take(struct fuzz *fuzz, size_t count)
{
	uint64_t value = 0;

	for (size_t i = 0; i < count && fuzz->left > 0; i++, fuzz->left--)
		value = value << 8 | *fuzz->bytes++;
	return value;
}

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

static void send_hello(struct fuzz *fuzz, const struct memory *memory)
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

static void say(struct fuzz *fuzz, const void *packet, size_t length)
{
	(void)send(fuzz->fd, packet, length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void send_bytes(struct fuzz *fuzz)
{
	size_t length = take(fuzz, 1);

	length = MIN(length, fuzz->left);
	say(fuzz, fuzz->bytes, length);
	fuzz->bytes += length;
	fuzz->left -= length;
}

static void send_damage(struct fuzz *fuzz)
{
	struct channel_damage damage = {.kind = CHANNEL_DAMAGE};

	damage.head = (uint32_t)take(fuzz, 1);
	damage.x = (uint32_t)take(fuzz, 2);
	damage.y = (uint32_t)take(fuzz, 2);
	damage.width = (uint32_t)take(fuzz, 2);
	damage.height = (uint32_t)take(fuzz, 2);
	say(fuzz, &damage, sizeof(damage));
}

static void send_changed(struct fuzz *fuzz)
{
	uint8_t which = (uint8_t)take(fuzz, 1);
	struct channel_head head = {.kind = which & 0x80 ? CHANNEL_CURSOR : CHANNEL_SCANOUT,
				    .head = which & 0x7f};

	say(fuzz, &head, sizeof(head));
}

static void write_scanout(struct fuzz *fuzz, struct channel_area *area)
{
	struct channel_scanout *scanout = &area->scanout[take(fuzz, 1) % HEADS];

	scanout->generation++;
	scanout->enabled = 1;
	scanout->format = (uint32_t)take(fuzz, 1);
	scanout->x = (uint32_t)take(fuzz, 2);
	scanout->y = (uint32_t)take(fuzz, 2);
	scanout->width = (uint32_t)take(fuzz, 2);
	scanout->height = (uint32_t)take(fuzz, 2);
	scanout->stride = (uint32_t)take(fuzz, 2);
	scanout->extents = (uint32_t)take(fuzz, 1);
}

static void write_extent(struct fuzz *fuzz, struct channel_area *area)
{
	struct channel_scanout *scanout = &area->scanout[take(fuzz, 1) % HEADS];
	struct channel_extent *extent = &scanout->extent[take(fuzz, 1) % 16];

	extent->offset = take(fuzz, 3);
	extent->length = take(fuzz, 3);
}

static void write_sequence(struct fuzz *fuzz, struct channel_area *area)
{
	uint8_t which = (uint8_t)take(fuzz, 1);
	uint32_t value = (uint32_t)take(fuzz, 1);

	if (which & 0x80)
		area->cursor[which % HEADS].sequence = value;
	else
		area->scanout[which % HEADS].sequence = value;
}

static void write_cursor(struct fuzz *fuzz, struct channel_area *area)
{
	uint8_t *cursor = (uint8_t *)&area->cursor[take(fuzz, 1) % HEADS];
	size_t at = take(fuzz, 1) % 16 * 4;
	uint32_t value = (uint32_t)take(fuzz, 4);

	memcpy(cursor + at, &value, sizeof(value));
}

static void turn(struct fuzz *fuzz)
{
	for (int i = 0; i < 2; i++)
		uv_run(&fuzz->loop, UV_RUN_NOWAIT);
}

static void do_input(struct fuzz *fuzz)
{
	struct screen_wish wish = {0};

	screen_pointer(&fuzz->viewer.viewer, (uint32_t)take(fuzz, 2), (uint32_t)take(fuzz, 2),
		       (uint32_t)take(fuzz, 1));
	screen_key(&fuzz->viewer.viewer, (uint32_t)take(fuzz, 2), take(fuzz, 1) & 1);
	wish.head[0].named = wish.head[0].enabled = true;
	(void)screen_request(fuzz->screen, &fuzz->viewer.viewer, SCREEN_BY_VIEWER, &wish);
}

static void act(struct fuzz *fuzz, struct channel_area *area)
{
	switch (take(fuzz, 1) % KINDS) {
	case SEND:
		send_bytes(fuzz);
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
		screen_watch(&fuzz->viewer.viewer, take(fuzz, 1) & 1);
		break;
	default:
		do_input(fuzz);
		break;
	}
	turn(fuzz);
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
	struct fuzz fuzz = {
		.bytes = bytes, .left = size, .viewer = {.viewer = {.ops = &checked_viewer_ops}}};
	struct source *source;
	int pair[2];

	if (memory.ram_fd < 0)
		memory = make_memory();
	clean(memory.area);
	if (uv_loop_init(&fuzz.loop) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	fuzz.fd = pair[0];
	fuzz.screen = screen_new(&fuzz.loop, "fuzz");
	screen_set_patience(fuzz.screen, 0);
	if (vmm_source_new(fuzz.screen, pair[1], &source) < 0)
		abort();
	screen_set_source(fuzz.screen, source);
	(void)screen_add_viewer(fuzz.screen, &fuzz.viewer.viewer);
	screen_watch(&fuzz.viewer.viewer, true);
	if (take(&fuzz, 1) & 3)
		send_hello(&fuzz, &memory);
	turn(&fuzz);
	while (fuzz.left > 0 && !fuzz.viewer.gone)
		act(&fuzz, memory.area);
	turn(&fuzz);
	close(fuzz.fd);
	turn(&fuzz);
	screen_free(fuzz.screen);
	uv_run(&fuzz.loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&fuzz.loop) < 0)
		abort();
	return 0;
}
