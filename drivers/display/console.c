/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drivers/display/console.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kd.h>
#include <linux/vt.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_BUFFER_SIZE "/sys/class/graphics/fb0/virtual_size"
/* vt_stat.v_state has so many bits, of which bit 0 stands for the console in front. */
#define CONSOLES     16
#define SIDE_MAX     32767
#define FONT_DEFAULT 16 /* high; half of it wide */

static int open_console(unsigned int number)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/tty%u", number);
	/* Not to become the agent's own terminal. */
	fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

bool console_exists(void)
{
	return access("/dev/tty0", F_OK) == 0;
}

bool console_is_shown(void)
{
	_cleanup_close_ int fd = open_console(0);
	int mode;

	return fd >= 0 && ioctl(fd, KDGETMODE, &mode) == 0 && mode == KD_TEXT;
}

int console_parse_size(const char *text, uint32_t *width, uint32_t *height)
{
	char *comma, *end;
	const unsigned long x = strtoul(text, &comma, 10);
	unsigned long y;

	if (comma == text || *comma != ',')
		return -EBADMSG;
	y = strtoul(comma + 1, &end, 10);
	if (end == comma + 1 || x == 0 || y == 0 || x > SIDE_MAX || y > SIDE_MAX)
		return -EBADMSG;
	*width = (uint32_t)x;
	*height = (uint32_t)y;
	return 0;
}

int console_frame_buffer(uint32_t *width, uint32_t *height)
{
	_cleanup_close_ int fd = open(FRAME_BUFFER_SIZE, O_RDONLY | O_CLOEXEC);
	char text[32] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return -ENODEV;
	return console_parse_size(text, width, height);
}

struct winsize console_grid(uint32_t width, uint32_t height, unsigned int font_width,
			    unsigned int font_height)
{
	const uint32_t columns = width / font_width, rows = height / font_height;

	return (struct winsize){
		.ws_col = (unsigned short)MAX(MIN(columns, SIDE_MAX), 1U),
		.ws_row = (unsigned short)MAX(MIN(rows, SIDE_MAX), 1U),
	};
}

static void read_font(int fd, unsigned int *width, unsigned int *height)
{
	/* Without a buffer it says the size alone. */
	struct console_font_op font = {
		.op = KD_FONT_OP_GET, .width = 64, .height = 128, .charcount = 512};

	*width = FONT_DEFAULT / 2;
	*height = FONT_DEFAULT;
	if (ioctl(fd, KDFONTOP, &font) == 0 && font.width > 0 && font.height > 0) {
		*width = font.width;
		*height = font.height;
	}
}

static int fit_one(int fd, uint32_t width, uint32_t height)
{
	unsigned int font_width, font_height;
	struct winsize have, want;

	read_font(fd, &font_width, &font_height);
	want = console_grid(width, height, font_width, font_height);
	if (ioctl(fd, TIOCGWINSZ, &have) < 0)
		return -errno;
	if (have.ws_col == want.ws_col && have.ws_row == want.ws_row)
		return 0;
	return ioctl(fd, TIOCSWINSZ, &want) < 0 ? -errno : 0;
}

int console_fit(uint32_t width, uint32_t height)
{
	_cleanup_close_ int front = open_console(0);
	uint32_t buffer_width, buffer_height;
	struct vt_stat state;

	if (front < 0)
		return front;
	if (ioctl(front, VT_GETSTATE, &state) < 0)
		return -errno;
	if (console_frame_buffer(&buffer_width, &buffer_height) == 0) {
		width = MIN(width, buffer_width);
		height = MIN(height, buffer_height);
	}
	for (unsigned int number = 1; number < CONSOLES; number++) {
		_cleanup_close_ int fd = -EBADF;
		int error;

		/* Opening one that is not in use would make it. */
		if (!(state.v_state & (1U << number)) && state.v_active != number)
			continue;
		fd = open_console(number);
		error = fd < 0 ? fd : fit_one(fd, width, height);
		if (error)
			log_debug("cannot size tty%u: %s", number, error_text(error));
	}
	return 0;
}
