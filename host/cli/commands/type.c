/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/options.h"
#include "host/cli/screen/screen_client.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define TYPE_MAX_BYTES 16384 /* at once; more goes in pieces */

/* At most TYPE_MAX_BYTES, and no character is cut in two. */
static size_t piece(const uint8_t *bytes, size_t length)
{
	size_t end = MIN(length, (size_t)TYPE_MAX_BYTES);

	while (end < length && end > 0 && (bytes[end] & 0xc0) == 0x80)
		end--;
	return end > 0 ? end : MIN(length, (size_t)TYPE_MAX_BYTES);
}

static int send_pieces(struct agent *screen, const struct screen_bytes *text, const char *layout,
		       bool look)
{
	uint8_t reply[64];

	for (size_t done = 0; done < text->length;) {
		size_t length = piece(text->bytes + done, text->length - done);
		struct screen_type params = {
			.data = {text->bytes + done, length},
			.layout = slice_of(layout),
			.look = look,
		};

		if (screen_call(screen, "screen.type", &message_screen_type, &params, NULL, NULL,
				reply, sizeof(reply)) < 0)
			return EXIT_FAILED;
		done += length;
	}
	return EXIT_DONE;
}

static int type_text(const char *vm, const struct screen_bytes *text, const char *layout)
{
	_cleanup_client_ struct client *client = NULL;
	_cleanup_agent_ struct agent *screen = NULL;
	int status = EXIT_DONE;

	if (client_open(&client) < 0 || screen_open(client, vm, &screen) < 0)
		return EXIT_FAILED;
	/* All of a long one is looked at before the first piece is typed. */
	if (text->length > TYPE_MAX_BYTES)
		status = send_pieces(screen, text, layout, true);
	return status == EXIT_DONE ? send_pieces(screen, text, layout, false) : status;
}

static int run_type(const struct command *command, int argc, char **argv)
{
	const char *layout = "";
	bool enter = false;
	const struct option_spec specs[] = {
		{"enter", 'e', OPTION_FLAG, NULL, "press Enter behind it", &enter, 0, 0},
		{"layout", 0, OPTION_TEXT, "LAYOUT",
		 "what the guest's keyboard is set to: us, de, fr(oss)... (us)", &layout, 0, 0},
	};
	_cleanup_screen_bytes_ struct screen_bytes text = {0};
	int status, r;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	if (strcmp(argv[1], "-") == 0)
		r = screen_bytes_read(&text, STDIN_FILENO);
	else
		r = screen_bytes_add(&text, argv[1], strlen(argv[1]));
	if (r == 0 && enter)
		r = screen_bytes_add(&text, "\n", 1);
	if (r < 0) {
		log_error("type: the text cannot be read: %s", error_text(r));
		return EXIT_FAILED;
	}
	return type_text(argv[0], &text, layout);
}

const struct command command_type = {
	.name = "type",
	.operands = "VM TEXT",
	.summary = "Type a text on a VM's keyboard",
	.description = "TEXT '-' is what comes on standard input. A line break is the Enter key.\n"
		       "What the layout has no key for is refused before anything is typed.\n",
	.operands_min = 2,
	.operands_max = 2,
	.run = run_type,
};
