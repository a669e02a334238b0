/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A SPICE client, the agent, and a desktop session: the client and the session are played here. The
 * port is a socket.
 */
#include "guest-agent/agent/spice/spice.h"
#include "protocol/base/bytes.h"
#include "protocol/clipboard_text.h"
#include "protocol/head_list.h"
#include "tests/unit/guest-agent/agent/host.h"
#include "tests/unit/guest-agent/folder.h"
#include "tests/unit/played_end.h"
#include "tests/unit/played_spice.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MUCH (3U << 20)

struct desktop {
	struct played_end end;
	bool no_files;
	struct stream *display, *clipboard, *write, *file;
	struct head_list wanted;
	unsigned int applies;
	int apply_error;
	char offered[256];
	uint64_t offered_serial, offers;
	const uint8_t *has; /* what reads are given */
	size_t has_length;
	uint8_t *got;
	size_t got_length;
	uint64_t got_number;
	bool got_end;
	char file_name[300];
	uint64_t file_size;
	bool file_cancelled;
};

static struct host host;
static struct spice *spice;
static struct played_spice client;
static struct desktop desktop;
static char socket_path[256], port_path[270];

/* --- The client ----------------------------------------------------------------------------- */

static void say(enum spice_type type, const void *bytes, size_t length)
{
	played_spice_say(&client, type, bytes, length);
}

static bool is_said(void *data)
{
	return client.count[*(const enum spice_type *)data] > 0;
}

static void await(enum spice_type type)
{
	host_wait(&host, is_said, &type);
}

/* As if it had not been said. */
static void forget(enum spice_type type)
{
	client.count[type] = 0;
}

static void client_start(uint32_t bits)
{
	const struct spice_capabilities capabilities = {.bits = bits};
	uint8_t bytes[SPICE_CAPABILITIES_SIZE];

	played_spice_start(&client, &host.loop, played_connect(port_path + 5));
	await(SPICE_ANNOUNCE_CAPABILITIES);
	spice_capabilities_encode(&capabilities, bytes);
	say(SPICE_ANNOUNCE_CAPABILITIES, bytes, sizeof(bytes));
}

/* --- The desktop ---------------------------------------------------------------------------- */

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct desktop *d = owner;

	(void)result;
	if (d->display == stream)
		d->display = NULL;
	if (d->clipboard == stream)
		d->clipboard = NULL;
	if (d->file == stream)
		d->file = NULL;
}

static void on_display(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct desktop *d = owner;
	struct display_applied applied = {0};
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	ck_assert(slice_is(name, "apply"));
	ck_assert_int_eq(head_list_decode(params, &d->wanted, NULL), 0);
	d->applies++;
	applied.serial = d->wanted.serial;
	applied.number = (uint64_t)d->apply_error;
	message_encode(&message_display_applied, &applied, &writer);
	stream_message(stream, SLICE_LITERAL("applied"), cbor_written(&writer));
}

static const struct stream_handlers display_handlers = {.message = on_display, .closed = on_closed};

static void on_offer(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	struct desktop *d = owner;
	struct clipboard_offer offer;
	struct cbor_reader reader;

	(void)stream;
	ck_assert(slice_is(name, "offer"));
	ck_assert_int_eq(message_decode(&message_clipboard_offer, params, &offer), 0);
	snprintf(d->offered, sizeof(d->offered), "%.*s:", (int)offer.selection.length,
		 (const char *)offer.selection.bytes);
	reader = CBOR_READER(offer.types);
	for (uint64_t count = cbor_get_array(&reader); count > 0; count--) {
		const struct slice type = cbor_get_text(&reader);

		strcat(d->offered, " ");
		strncat(d->offered, (const char *)type.bytes, type.length);
	}
	d->offered_serial = offer.serial;
	d->offers++;
}

static const struct stream_handlers clipboard_handlers = {.message = on_offer, .closed = on_closed};

static void keep(struct desktop *d, struct slice bytes)
{
	d->got = realloc(d->got, d->got_length + bytes.length + 1);
	memcpy(d->got + d->got_length, bytes.bytes, bytes.length);
	d->got_length += bytes.length;
	d->got[d->got_length] = '\0';
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	keep(owner, bytes);
	stream_consumed(stream, channel, bytes.length);
}

static void on_end(struct stream *stream, void *owner, unsigned int channel)
{
	struct desktop *d = owner;

	(void)channel;
	d->got_end = true;
	if (d->file == stream)
		d->file = NULL;
	stream_reply(stream, (struct slice){0});
}

static void on_cancelled(struct stream *stream, void *owner)
{
	struct desktop *d = owner;

	d->file_cancelled = true;
	d->file = NULL;
	stream_fail(stream, ECANCELED, NULL);
}

static const struct stream_handlers data_handlers = {
	.data = on_data,
	.end = on_end,
	.cancelled = on_cancelled,
	.closed = on_closed,
};

static void give(struct stream *stream)
{
	/* All of it fits the window, or comes with credit: here it fits. */
	ck_assert_int_eq(stream_send(stream, 1, desktop.has, desktop.has_length),
			 (ssize_t)desktop.has_length);
	stream_end(stream, 1);
	stream_reply(stream, (struct slice){0});
}

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	struct desktop *d = owner;
	struct clipboard_write write;
	struct files_receive file;

	if (slice_is(method, "display.attach")) {
		d->display = stream;
		stream_set_handlers(stream, &display_handlers, d);
	} else if (slice_is(method, "clipboard.attach")) {
		d->clipboard = stream;
		stream_set_handlers(stream, &clipboard_handlers, d);
	} else if (slice_is(method, "clipboard.read")) {
		if (d->has)
			give(stream);
		else
			stream_fail(stream, ESTALE, NULL);
	} else if (slice_is(method, "clipboard.write")) {
		ck_assert_int_eq(message_decode(&message_clipboard_write, params, &write), 0);
		d->got_number = write.number;
		stream_set_handlers(stream, &data_handlers, d);
	} else {
		ck_assert(slice_is(method, "files.receive"));
		ck_assert_int_eq(message_decode(&message_files_receive, params, &file), 0);
		snprintf(d->file_name, sizeof(d->file_name), "%.*s", (int)file.name.length,
			 (const char *)file.name.bytes);
		d->file_size = file.size_bytes;
		if (d->no_files) {
			stream_fail(stream, ENOSPC, NULL);
			return;
		}
		d->file = stream;
		stream_set_handlers(stream, &data_handlers, d);
		stream_message(stream, SLICE_LITERAL("ready"), (struct slice){0});
	}
}

static bool is_attached(void *data)
{
	(void)data;
	return desktop.display && desktop.clipboard;
}

static void desktop_start(void)
{
	static const char *const capabilities[] = {"display", "clipboard", "files", NULL};

	desktop.end = (struct played_end){.request = on_request, .owner = &desktop};
	played_end_start(&desktop.end, &host.loop, played_connect(socket_path), SESSION_GUEST,
			 capabilities);
	session_start(desktop.end.session);
}

static void desktop_offers(uint64_t serial, const char *first, const char *second)
{
	struct clipboard_offer offer = {.selection = SLICE_LITERAL("clipboard"), .serial = serial};
	uint8_t list[256], bytes[400];
	struct cbor_writer list_writer = CBOR_WRITER(list), writer = CBOR_WRITER(bytes);

	cbor_put_array(&list_writer, (first != NULL) + (second != NULL));
	if (first)
		cbor_put_text(&list_writer, slice_of(first));
	if (second)
		cbor_put_text(&list_writer, slice_of(second));
	offer.types = cbor_written(&list_writer);
	message_encode(&message_clipboard_offer, &offer, &writer);
	ck_assert_int_eq(
		stream_message(desktop.clipboard, SLICE_LITERAL("offer"), cbor_written(&writer)),
		0);
}

static void desktop_wants(uint64_t id, uint64_t serial, const char *type)
{
	const struct clipboard_want want = {
		.id = id,
		.serial = serial,
		.selection = SLICE_LITERAL("clipboard"),
		.type = slice_of(type),
	};
	uint8_t bytes[300];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_clipboard_want, &want, &writer);
	ck_assert_int_eq(
		stream_message(desktop.clipboard, SLICE_LITERAL("want"), cbor_written(&writer)), 0);
}

/* --- All of it ------------------------------------------------------------------------------ */

#define CLIENT_BITS                                                                                \
	(SPICE_CAP(CLIPBOARD_BY_DEMAND) | SPICE_CAP(CLIPBOARD_SELECTION) |                         \
	 SPICE_CAP(FILE_XFER_DETAILED_ERRORS) | SPICE_CAP(CLIPBOARD_NO_RELEASE_ON_REGRAB) |        \
	 SPICE_CAP(CLIPBOARD_GRAB_SERIAL))

static void setup(void)
{
	struct agent_options options = {.session_socket = socket_path, .root = folder};
	char path[64], text[128];

	make_folder();
	mkdir(in_folder("run"), 0755);
	mkdir(in_folder("run/systemd"), 0755);
	mkdir(in_folder("run/systemd/seats"), 0755);
	mkdir(in_folder("proc"), 0755);
	snprintf(path, sizeof(path), "proc/%d", getpid());
	mkdir(in_folder(path), 0755);
	snprintf(path, sizeof(path), "proc/%d/cgroup", getpid());
	make_file(path, "0::/user.slice/session-2.scope\n");
	snprintf(text, sizeof(text), "IS_SEAT0=1\nACTIVE=2\nACTIVE_UID=%u\n", getuid());
	make_file("run/systemd/seats/seat0", text);
	snprintf(socket_path, sizeof(socket_path), "%s", in_folder("run/lodge/session.sock"));
	snprintf(port_path, sizeof(port_path), "unix:%s", in_folder("spice"));
	host_start_with(&host, &options);
	desktop = (struct desktop){0};
	ck_assert_int_eq(spice_new(&host.loop, host.agent, port_path, &spice), 0);
	desktop_start();
	client_start(CLIENT_BITS);
	host_wait(&host, is_attached, NULL);
}

static void teardown(void)
{
	played_spice_stop(&client);
	spice_free(spice);
	played_end_stop(&desktop.end);
	free(desktop.got);
	host_stop(&host);
	remove_folder();
}

START_TEST(it_says_what_it_can)
{
	/* MOUSE_STATE MONITORS_CONFIG REPLY BY_DEMAND SELECTION SPARSE LF MAX_CLIPBOARD POSITION
	 * DETAILED_ERRORS NO_RELEASE_ON_REGRAB */
	static const uint8_t golden[] = {1, 0, 0, 0, 0xe7, 0x55, 1, 0};
	static const uint8_t ask[] = {1, 0, 0, 0, 0, 0, 0, 0};

	ck_assert_uint_eq(client.length[SPICE_ANNOUNCE_CAPABILITIES], 8);
	ck_assert_mem_eq(client.last[SPICE_ANNOUNCE_CAPABILITIES], golden, 8);
	forget(SPICE_ANNOUNCE_CAPABILITIES);
	say(SPICE_ANNOUNCE_CAPABILITIES, ask, sizeof(ask));
	await(SPICE_ANNOUNCE_CAPABILITIES);
	ck_assert_uint_eq(client.last[SPICE_ANNOUNCE_CAPABILITIES][0], 0);
}
END_TEST

static void say_monitors(uint32_t width, uint32_t height)
{
	const struct spice_monitors monitors = {
		.count = 2,
		.monitor = {{.width = width, .height = height, .depth = 32},
			    {.width = 800, .height = 600, .depth = 32}},
	};
	uint8_t bytes[SPICE_MONITORS_SIZE];

	forget(SPICE_REPLY);
	say(SPICE_MONITORS_CONFIG, bytes, spice_monitors_encode(&monitors, bytes));
	await(SPICE_REPLY);
}

START_TEST(monitors_are_set)
{
	struct spice_reply reply;

	say_monitors(1366, 768);
	ck_assert_int_eq(spice_reply_parse((struct slice){client.last[SPICE_REPLY],
							  client.length[SPICE_REPLY]},
					   &reply),
			 0);
	ck_assert_uint_eq(reply.type, SPICE_MONITORS_CONFIG);
	ck_assert_uint_eq(reply.error, SPICE_REPLY_SUCCESS);
	ck_assert_uint_eq(desktop.wanted.count, 2);
	ck_assert_uint_eq(desktop.wanted.heads[0].width, 1366);
	ck_assert_int_eq(desktop.wanted.heads[1].x, 1366);
	desktop.apply_error = EINVAL;
	say_monitors(1024, 768);
	ck_assert_uint_eq(client.last[SPICE_REPLY][4], SPICE_REPLY_ERROR);
	/* Beyond any screen: nobody is asked. */
	say_monitors(100000, 768);
	ck_assert_uint_eq(client.last[SPICE_REPLY][4], SPICE_REPLY_ERROR);
	ck_assert_uint_eq(desktop.applies, 2);
	/* Neither mouse nor sound nor what nobody knows harms. */
	say(SPICE_MOUSE_STATE, "0123456789012", 13);
	say(SPICE_AUDIO_VOLUME_SYNC, "\1\0\2xxxx", 7);
	say(SPICE_DISPLAY_CONFIG, "", 0);
	say((enum spice_type)4711, "x", 1);
	desktop.apply_error = 0;
	say_monitors(1024, 768);
	ck_assert_uint_eq(client.last[SPICE_REPLY][4], SPICE_REPLY_SUCCESS);
}
END_TEST

START_TEST(the_client_pastes)
{
	static const uint8_t grab[] = {0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0};
	static const uint8_t answer[] = {0, 0, 0, 0, 1, 0, 0, 0, 'a', '\n', 'b'};
	static const uint8_t none[8] = {0};

	desktop.has = (const uint8_t *)"a\r\nb";
	desktop.has_length = 4;
	desktop_offers(5, "image/png", "UTF8_STRING");
	await(SPICE_CLIPBOARD_GRAB);
	ck_assert_uint_eq(client.length[SPICE_CLIPBOARD_GRAB], sizeof(grab));
	ck_assert_mem_eq(client.last[SPICE_CLIPBOARD_GRAB], grab, sizeof(grab));
	say(SPICE_CLIPBOARD_REQUEST, answer, 8);
	await(SPICE_CLIPBOARD);
	ck_assert_uint_eq(client.length[SPICE_CLIPBOARD], sizeof(answer));
	ck_assert_mem_eq(client.last[SPICE_CLIPBOARD], answer, sizeof(answer));
	/* What is not there, and what has gone meanwhile. */
	forget(SPICE_CLIPBOARD);
	say(SPICE_CLIPBOARD_REQUEST, "\0\0\0\0\5\0\0\0", 8);
	await(SPICE_CLIPBOARD);
	ck_assert_mem_eq(client.last[SPICE_CLIPBOARD], none, 8);
	desktop.has = NULL;
	forget(SPICE_CLIPBOARD);
	say(SPICE_CLIPBOARD_REQUEST, answer, 8);
	await(SPICE_CLIPBOARD);
	ck_assert_mem_eq(client.last[SPICE_CLIPBOARD], none, 8);
	desktop_offers(6, NULL, NULL);
	await(SPICE_CLIPBOARD_RELEASE);
	ck_assert_uint_eq(client.length[SPICE_CLIPBOARD_RELEASE], 4);
}
END_TEST

static bool is_offered(void *data)
{
	return strcmp(desktop.offered, data) == 0;
}

static bool has_got(void *data)
{
	(void)data;
	return desktop.got_end;
}

static void say_data(const void *bytes, size_t length)
{
	ck_assert_int_eq(spice_wire_send(&client.wire, SPICE_CLIENT_PORT, SPICE_CLIPBOARD,
					 (struct slice){(const uint8_t *)"\0\0\0\0\1\0\0\0", 8},
					 (struct slice){bytes, length}),
			 0);
	pump_wake(client.pump);
}

START_TEST(the_guest_pastes)
{
	uint8_t *much = malloc(MUCH);

	memset(much, 'x', MUCH);
	say(SPICE_CLIPBOARD_GRAB, "\0\0\0\0\1\0\0\0\6\0\0\0\5\0\0\0", 16);
	host_wait(&host, is_offered, (char *)"clipboard: text/plain;charset=utf-8 image/jpeg");
	desktop_wants(71, desktop.offered_serial, CLIPBOARD_TEXT);
	await(SPICE_CLIPBOARD_REQUEST);
	ck_assert_mem_eq(client.last[SPICE_CLIPBOARD_REQUEST], "\0\0\0\0\1\0\0\0", 8);
	say_data(much, MUCH);
	host_wait(&host, has_got, NULL);
	ck_assert_uint_eq(desktop.got_length, MUCH);
	ck_assert_mem_eq(desktop.got, much, MUCH);
	ck_assert_uint_eq(desktop.got_number, 0);
	/* Nobody waits for this. */
	say_data("unasked", 7);

	/* The client has nothing after all. */
	desktop.got_end = false;
	desktop.got_length = 0;
	desktop_wants(72, desktop.offered_serial, CLIPBOARD_TEXT);
	say(SPICE_CLIPBOARD, "\0\0\0\0\0\0\0\0", 8);
	host_run_ms(&host, 50);
	say(SPICE_CLIPBOARD, "\0\0\0\0\0\0\0\0", 8);
	host_wait(&host, has_got, NULL);
	ck_assert_uint_eq(desktop.got_number, ENOENT);
	/* An offer that is no more. */
	desktop.got_end = false;
	desktop_wants(73, desktop.offered_serial - 1, CLIPBOARD_TEXT);
	host_wait(&host, has_got, NULL);
	ck_assert_uint_eq(desktop.got_number, ESTALE);
	say(SPICE_CLIPBOARD_RELEASE, "\0\0\0\0", 4);
	host_wait(&host, is_offered, (char *)"clipboard:");
	/* A client that goes takes its offers with it. */
	say(SPICE_CLIPBOARD_GRAB, "\1\0\0\0\1\0\0\0", 8);
	host_wait(&host, is_offered, (char *)"primary: text/plain;charset=utf-8");
	say(SPICE_CLIENT_DISCONNECTED, "", 0);
	host_wait(&host, is_offered, (char *)"primary:");
	free(much);
}
END_TEST

static void start_file(uint32_t id, const char *name, unsigned int size)
{
	uint8_t bytes[512];
	int length;

	store_le32(bytes, id);
	length = snprintf((char *)bytes + 4, sizeof(bytes) - 4,
			  "[vdagent-file-xfer]\nname=%s\nsize=%u\n", name, size);
	forget(SPICE_FILE_XFER_STATUS);
	say(SPICE_FILE_XFER_START, bytes, 4 + (size_t)length);
	await(SPICE_FILE_XFER_STATUS);
}

static void send_file(uint32_t id, const char *text, size_t claimed)
{
	uint8_t bytes[64];

	spice_file_data_encode(id, claimed, bytes);
	memcpy(bytes + SPICE_FILE_DATA_SIZE, text, strlen(text));
	say(SPICE_FILE_XFER_DATA, bytes, SPICE_FILE_DATA_SIZE + strlen(text));
}

static uint32_t file_status(uint32_t id)
{
	struct spice_file_status status;

	ck_assert_int_eq(
		spice_file_status_parse((struct slice){client.last[SPICE_FILE_XFER_STATUS],
						       client.length[SPICE_FILE_XFER_STATUS]},
					&status),
		0);
	ck_assert_uint_eq(status.id, id);
	return status.result;
}

START_TEST(files_come)
{
	start_file(1, "a b.txt", 11);
	ck_assert_uint_eq(file_status(1), SPICE_FILE_CAN_SEND_DATA);
	ck_assert_str_eq(desktop.file_name, "a b.txt");
	ck_assert_uint_eq(desktop.file_size, 11);
	forget(SPICE_FILE_XFER_STATUS);
	send_file(1, "hello ", 6);
	send_file(1, "world", 5);
	await(SPICE_FILE_XFER_STATUS);
	ck_assert_uint_eq(file_status(1), SPICE_FILE_SUCCESS);
	ck_assert_str_eq((char *)desktop.got, "hello world");
	/* Empty. */
	desktop.got_end = false;
	start_file(2, "empty", 0);
	host_wait(&host, has_got, NULL);
	host_run_ms(&host, 50);
	ck_assert_uint_eq(file_status(2), SPICE_FILE_SUCCESS);
}
END_TEST

START_TEST(files_are_refused)
{
	static const char *const names[] = {"../up", "/etc/passwd", ".profile", "a/../b", ""};
	uint8_t cancel[8] = {4, 0, 0, 0, SPICE_FILE_CANCELLED, 0, 0, 0};

	for (uint32_t i = 0; i < ARRAY_SIZE(names); i++) {
		start_file(10 + i, names[i], 3);
		ck_assert_uint_eq(file_status(10 + i), SPICE_FILE_ERROR);
	}
	ck_assert_str_eq(desktop.file_name, "");
	/* More than was said; a length that is not that of the message. */
	start_file(2, "more", 3);
	ck_assert_uint_eq(file_status(2), SPICE_FILE_CAN_SEND_DATA);
	forget(SPICE_FILE_XFER_STATUS);
	send_file(2, "four", 4);
	await(SPICE_FILE_XFER_STATUS);
	ck_assert_uint_eq(file_status(2), SPICE_FILE_ERROR);
	start_file(3, "wrap", 100);
	forget(SPICE_FILE_XFER_STATUS);
	send_file(3, "four", 0x100000004);
	await(SPICE_FILE_XFER_STATUS);
	ck_assert_uint_eq(file_status(3), SPICE_FILE_ERROR);
	/* The client cancels. */
	desktop.file_cancelled = false;
	start_file(4, "cancelled", 100);
	say(SPICE_FILE_XFER_STATUS, cancel, sizeof(cancel));
	for (unsigned int i = 0; i < 100 && !desktop.file_cancelled; i++)
		host_run_ms(&host, 10);
	ck_assert(desktop.file_cancelled);
	/* The disk is full: with the number that is due with it. */
	desktop.no_files = true;
	start_file(5, "big", 100);
	ck_assert_uint_eq(file_status(5), SPICE_FILE_NOT_ENOUGH_SPACE);
	ck_assert_uint_eq(client.length[SPICE_FILE_XFER_STATUS], 16);
}
END_TEST

static bool is_closed(void *data)
{
	(void)data;
	return !desktop.clipboard;
}

static bool is_hung_up(void *data)
{
	(void)data;
	return client.closed;
}

START_TEST(nonsense_closes_the_port_and_both_begin_anew)
{
	static const uint8_t nonsense[] = {9, 9, 9, 9, 9, 9, 9, 9, 9};

	played_spice_write(&client, nonsense, sizeof(nonsense));
	say(SPICE_MONITORS_CONFIG, "\0\0\0\0\0\0\0\0", 8);
	host_wait(&host, is_hung_up, NULL);
	ck_assert_uint_eq(client.count[SPICE_REPLY], 0);
	played_spice_stop(&client);
	host_wait(&host, is_closed, NULL);
	client_start(CLIENT_BITS);
	host_wait(&host, is_attached, NULL);
	say_monitors(1024, 768);
	ck_assert_uint_eq(client.last[SPICE_REPLY][4], SPICE_REPLY_SUCCESS);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, it_says_what_it_can);
	tcase_add_test(tcase, monitors_are_set);
	tcase_add_test(tcase, the_client_pastes);
	tcase_add_test(tcase, the_guest_pastes);
	tcase_add_test(tcase, files_come);
	tcase_add_test(tcase, files_are_refused);
	tcase_add_test(tcase, nonsense_closes_the_port_and_both_begin_anew);
	return suite_run_case("agent's SPICE dialect", tcase);
}
