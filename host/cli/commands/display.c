/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/cli/cbor_json.h"
#include "host/cli/dbus_json.h"
#include "host/cli/options.h"
#include "host/cli/screen/display_word.h"
#include "host/cli/screen/screen_client.h"
#include "host/cli/table.h"
#include "host/cli/text.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define REPLY_MAX   65536
#define OFF_STEP_MS 50
#define OFF_STEPS   20

/* --- The table ----------------------------------------------------------------------------- */

static void add_size(struct table *table, uint64_t width, uint64_t height)
{
	char text[48] = "";

	if (width && height)
		snprintf(text, sizeof(text), "%" PRIu64 "x%" PRIu64, width, height);
	table_add(table, text);
}

static void add_text(struct table *table, struct slice text)
{
	char clean[64];

	table_add(table, text_clean_into(text, clean, sizeof(clean)));
}

static void add_row(struct table *table, const struct screen_head *head)
{
	char text[64];

	snprintf(text, sizeof(text), "%" PRIu64 "%s", head->head, head->primary ? "*" : "");
	table_add(table, text);
	add_size(table, head->requested_width, head->requested_height);
	if (head->enabled)
		add_size(table, head->width, head->height);
	else
		table_add(table, "off");
	snprintf(text, sizeof(text), "%+" PRId64 "%+" PRId64, head->x, head->y);
	table_add(table, head->enabled ? text : "");
	text[0] = '\0';
	if (head->scale_milli)
		display_word_scale(head->scale_milli, text);
	table_add(table, text);
	add_text(table, head->by);
	add_text(table, head->followed);
}

static int print_table(const struct screen_info *info)
{
	static const char *const titles[] = {"HEAD",  "ASKED FOR", "ACTUAL", "AT",
					     "SCALE", "ASKED BY",  "SET BY"};
	struct cbor_reader reader = CBOR_READER(info->heads);
	struct screen_head head;
	struct table table;
	uint64_t left;
	int error = table_init(&table, titles, ARRAY_SIZE(titles));

	if (!error)
		error = message_items_begin(&reader, &left);
	while (!error && left > 0) {
		error = message_items_next(&reader, &left, &message_screen_head, &head);
		if (error <= 0)
			break;
		add_row(&table, &head);
		error = 0;
	}
	if (!error)
		table_print(&table, stdout);
	table_end(&table);
	return error ? EXIT_FAILED : EXIT_DONE;
}

/* What the table cannot say. */
static void print_notes(const struct screen_info *info)
{
	if (info->driverless)
		puts("The guest has no driver for its display now: a size is taken when it has.");
	if (slice_is(info->source, "vnc"))
		puts("It is shown by QEMU's VNC server, which has one head only.");
	if (slice_is(info->source, "pictures"))
		puts("Its display is none that Lodge speaks (SPICE?): sizes are for the guest's\n"
		     "session to set, and are seen while somebody looks.");
}

static int show(const char *vm, struct slice reply, bool json)
{
	struct screen_info info;
	struct json_object *object;

	if (message_decode(&message_screen_info, reply, &info) < 0) {
		log_error("%s: its screen's answer makes no sense", vm);
		return EXIT_FAILED;
	}
	if (!json) {
		const int status = print_table(&info);

		print_notes(&info);
		return status;
	}
	object = cbor_to_json(reply);
	json_print(object);
	json_object_put(object);
	return EXIT_DONE;
}

/* --- Setting ------------------------------------------------------------------------------- */

/* The row of that head; false if there is none. */
static bool find_head(struct slice reply, uint64_t number, struct screen_info *info,
		      struct screen_head *head)
{
	struct cbor_reader reader;
	uint64_t left;

	if (message_decode(&message_screen_info, reply, info) < 0)
		return false;
	reader = (struct cbor_reader)CBOR_READER(info->heads);
	if (message_items_begin(&reader, &left) < 0)
		return false;
	while (message_items_next(&reader, &left, &message_screen_head, head) > 0) {
		if (head->head == number)
			return true;
	}
	return false;
}

/* A machine cannot back every size. */
static void tell_limit(const char *vm, const struct screen_display *wish,
		       const struct screen_head *head)
{
	if (!wish->width || !head->requested_width ||
	    (head->requested_width == wish->width && head->requested_height == wish->height))
		return;
	log_warning("%s: its head %" PRIu64 " cannot be %" PRIu64 "x%" PRIu64 ", so %" PRIu64
		    "x%" PRIu64 " was asked for",
		    vm, wish->head, wish->width, wish->height, head->requested_width,
		    head->requested_height);
}

/* The guest has the last word; what it made of the wish is the exit status. */
static int tell_result(const char *vm, const struct screen_display *wish, struct slice reply)
{
	struct screen_info info;
	struct screen_head head;

	if (!find_head(reply, wish->head, &info, &head)) {
		log_error("%s: it has no head %" PRIu64, vm, wish->head);
		return EXIT_FAILED;
	}
	if (wish->off && !head.enabled)
		return EXIT_DONE;
	if (wish->off) {
		log_error("%s: the guest has not switched head %" PRIu64 " off", vm, wish->head);
		return EXIT_FAILED;
	}
	if (!head.enabled && info.driverless) {
		log_error("%s: the guest has no driver for its display now; head %" PRIu64
			  " will be %" PRIu64 "x%" PRIu64 " when it has",
			  vm, wish->head, head.requested_width, head.requested_height);
		return EXIT_FAILED;
	}
	if (!head.enabled) {
		log_error("%s: head %" PRIu64 " shows nothing", vm, wish->head);
		return EXIT_FAILED;
	}
	tell_limit(vm, wish, &head);
	if (wish->placed && (head.x != wish->x || head.y != wish->y)) {
		log_error("%s: the guest has put head %" PRIu64 " at %+" PRId64 "%+" PRId64, vm,
			  wish->head, head.x, head.y);
		return EXIT_FAILED;
	}
	if ((!wish->width ||
	     (head.width == head.requested_width && head.height == head.requested_height)))
		return EXIT_DONE;
	log_error("%s: the guest has not followed: head %" PRIu64 " shows %" PRIu64 "x%" PRIu64, vm,
		  wish->head, head.width, head.height);
	return EXIT_FAILED;
}

/* Each mode that a guest sets passes through nothing, so a head counts as off, and viewers are
 * told, when that has lasted. Return: length of the last reply. */
static ssize_t await_off(struct agent *screen, uint64_t number, uint8_t *reply, ssize_t length)
{
	const struct timespec pause = {.tv_nsec = OFF_STEP_MS * 1000000};
	struct screen_info info;
	struct screen_head head;

	for (int i = 0; i < OFF_STEPS && length >= 0; i++) {
		if (!find_head((struct slice){reply, (size_t)length}, number, &info, &head) ||
		    !head.enabled)
			break;
		nanosleep(&pause, NULL);
		length = screen_call(screen, "screen.info", NULL, NULL, NULL, NULL, reply,
				     REPLY_MAX);
	}
	return length;
}

static int run(const char *vm, const struct screen_display *wish, bool json)
{
	_cleanup_client_ struct client *client = NULL;
	_cleanup_agent_ struct agent *screen = NULL;
	_cleanup_free_ uint8_t *reply = malloc(REPLY_MAX);
	ssize_t length;
	int status;

	if (!reply || client_open(&client) < 0 || screen_open(client, vm, &screen) < 0)
		return EXIT_FAILED;
	length = screen_call(screen, wish ? "screen.display" : "screen.info",
			     wish ? &message_screen_display : NULL, wish, NULL, NULL, reply,
			     REPLY_MAX);
	if (length < 0)
		return EXIT_FAILED;
	if (wish && wish->off)
		length = await_off(screen, wish->head, reply, length);
	if (length < 0)
		return EXIT_FAILED;
	if (wish) {
		status = tell_result(vm, wish, (struct slice){reply, (size_t)length});
		if (status != EXIT_DONE)
			return status;
	}
	return show(vm, (struct slice){reply, (size_t)length}, json);
}

static int run_display(const struct command *command, int argc, char **argv)
{
	uint64_t head = 0;
	const char *at = NULL;
	bool off = false, json = false;
	const struct option_spec specs[] = {
		{"head", 0, OPTION_NUMBER, "N", "which monitor, from 0 (0)", &head, 0,
		 DISPLAY_MAX_HEADS - 1},
		{"at", 0, OPTION_TEXT, "+X+Y", "where it is on the desktop", &at, 0, 0},
		{"off", 0, OPTION_FLAG, NULL, "switch it off", &off, 0, 0},
		{"json", 0, OPTION_FLAG, NULL, "all that is known, viewers too", &json, 0, 0},
	};
	struct screen_display wish = {0};
	int status;

	if (!options_parse(command, specs, ARRAY_SIZE(specs), &argc, &argv, &status))
		return status;
	wish.head = head;
	wish.off = off;
	if (argc > 1 &&
	    display_word_mode(argv[1], &wish.width, &wish.height, &wish.scale_milli) < 0)
		return options_wrong(command,
				     "'%s' is no size from 64x64 to 8192x8192, such as "
				     "1920x1080 or 1920x1080@1.5",
				     argv[1]);
	wish.placed = at != NULL;
	if (at && display_word_place(at, &wish.x, &wish.y) < 0)
		return options_wrong(command, "--at '%s' is no place, such as +1920+0", at);
	if (off && (argc > 1 || at))
		return options_wrong(command, "--off goes with no size and no place");
	return run(argv[0], argc > 1 || at || off ? &wish : NULL, json);
}

const struct command command_display = {
	.name = "display",
	.operands = "VM [WIDTHxHEIGHT][@SCALE]",
	.summary = "Show or set a VM's monitors",
	.description =
		"Without a size: each head (monitor) with the size that was last asked for, the "
		"one\n"
		"it has, and who has set that: the guest itself, its session ('session'), or a\n"
		"monitor that was unplugged and plugged in again ('replug'). '*' marks the primary "
		"one.\n"
		"With one: asks for it, as a viewer's window does, and waits up to 5 s for the\n"
		"guest to follow. Exit status 1: it has not.\n",
	.operands_min = 1,
	.operands_max = 2,
	.run = run_display,
};
