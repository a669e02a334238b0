/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/options.h"
#include "host/cli/screen/screen_client.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define NO_HEAD UINT64_MAX

static int save(const char *path, const struct screen_bytes *picture)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	int r = fd < 0 ? -errno : screen_bytes_write(picture, fd);

	if (r < 0)
		log_error("screen: cannot write '%s': %s", path, error_text(r));
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int put_out(const struct screen_bytes *picture)
{
	int r = screen_bytes_write(picture, STDOUT_FILENO);

	if (r < 0)
		log_error("screen: standard output cannot be written: %s", error_text(r));
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int take_picture(const char *vm, const struct screen_capture *wanted, const char *path)
{
	_cleanup_client_ struct client *client = NULL;
	_cleanup_agent_ struct agent *screen = NULL;
	_cleanup_screen_bytes_ struct screen_bytes picture = {0};
	struct screen_captured captured;
	uint8_t reply[256];
	ssize_t length;

	if (client_open(&client) < 0 || screen_open(client, vm, &screen) < 0)
		return EXIT_FAILED;
	length = screen_call(screen, "screen.capture", &message_screen_capture, wanted, NULL,
			     &picture, reply, sizeof(reply));
	if (length < 0)
		return EXIT_FAILED;
	if (message_decode(&message_screen_captured, (struct slice){reply, (size_t)length},
			   &captured) < 0) {
		log_error("%s: its screen's answer makes no sense", vm);
		return EXIT_FAILED;
	}
	if (strcmp(path, "-") == 0)
		return put_out(&picture);
	if (save(path, &picture) != EXIT_DONE)
		return EXIT_FAILED;
	log_info("%s: %" PRIu64 "x%" PRIu64 " saved to %s", vm, captured.width, captured.height,
		 path);
	return EXIT_DONE;
}

static int run_screen(const struct command *command, int argc, char **argv)
{
	uint64_t head = NO_HEAD;
	bool cursor = false;
	const char *format = NULL;
	const struct option_spec specs[] = {
		{"head", 0, OPTION_NUMBER, "N", "that monitor alone, from 0 (all of them)", &head,
		 0, DISPLAY_MAX_HEADS - 1},
		{"cursor", 0, OPTION_FLAG, NULL, "with the mouse cursor in it", &cursor, 0, 0},
		{"format", 0, OPTION_TEXT, "FORMAT", "png, or raw: rows of B G R X (png)", &format,
		 0, 0},
	};
	struct screen_capture wanted = {0};
	int status;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	if (format && strcmp(format, "png") != 0 && strcmp(format, "raw") != 0)
		return options_wrong(command, "--format '%s' is neither png nor raw", format);
	if (strcmp(argv[1], "-") == 0 && isatty(STDOUT_FILENO))
		return options_wrong(command, "a picture is nothing for a terminal; name a file, "
					      "or send it elsewhere");
	wanted.one = head != NO_HEAD;
	wanted.head = wanted.one ? head : 0;
	wanted.cursor = cursor;
	wanted.format = slice_of(format ? format : "png");
	return take_picture(argv[0], &wanted, argv[1]);
}

const struct command command_screen = {
	.name = "screen",
	.operands = "VM FILE.png",
	.summary = "Save what a VM's screen shows",
	.description = "FILE '-' is standard output. It works whatever the guest does, also while\n"
		       "it is paused.\n",
	.operands_min = 2,
	.operands_max = 2,
	.run = run_screen,
};
