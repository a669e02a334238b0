/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/common/unix_socket.h"
#include "guest-agent/system/share_list.h"
#include "protocol/share.h"
#include "tests/unit/guest-agent/agent/host.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/lodge-test-share-XXXXXX";
static char socket_path[64], list_path[64];
static struct host host;
static struct call call;

static void start(enum share_export_right right)
{
	const struct agent_options options = {
		.share_socket = socket_path, .share_list = list_path, .export_right = right};

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(socket_path, sizeof(socket_path), "%s/share.sock", folder);
	snprintf(list_path, sizeof(list_path), "%s/shares", folder);
	host_start_with(&host, &options);
}

static void stop(void)
{
	call_clear(&call);
	host_stop(&host);
	unlink(list_path);
	ck_assert_int_eq(rmdir(folder), 0);
}

/* --- Somebody who mounts -------------------------------------------------------------------- */

struct mounter {
	struct session *session;
	struct pump *pump;
	bool is_established, is_closed;
	int error;
};

static void on_established(void *owner, const struct session_peer *peer)
{
	struct mounter *mounter = owner;

	(void)peer;
	mounter->is_established = true;
}

static void on_lost(void *owner, int reason)
{
	(void)owner;
	(void)reason;
}

static void on_wake(void *owner)
{
	const struct mounter *mounter = owner;

	pump_wake(mounter->pump);
}

static const struct session_handlers session_handlers = {
	.established = on_established, .lost = on_lost, .wake = on_wake};

static void on_pump_closed(void *owner, int error)
{
	(void)owner;
	(void)error;
}

static const struct pump_handlers pump_handlers = {.closed = on_pump_closed};

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct mounter *mounter = owner;

	(void)stream;
	mounter->is_closed = true;
	mounter->error = result->error;
}

static const struct stream_handlers stream_handlers = {.closed = on_closed};

static bool is_established(void *data)
{
	return ((struct mounter *)data)->is_established;
}

static bool is_closed(void *data)
{
	return ((struct mounter *)data)->is_closed;
}

static void mounter_connect(struct mounter *mounter)
{
	static const char *const none[] = {NULL};
	int fd = unix_socket_connect(socket_path);

	ck_assert_int_ge(fd, 0);
	*mounter = (struct mounter){0};
	mounter->session = session_new(SESSION_HOST, "test", none, &session_handlers, mounter);
	ck_assert_int_eq(pump_new(&host.loop, fd, false, mounter->session, &pump_handlers, mounter,
				  &mounter->pump),
			 0);
	session_start(mounter->session);
	host_wait(&host, is_established, mounter);
}

static int mounter_ask(struct mounter *mounter, const char *method)
{
	static const uint8_t id[SHARE_SESSION_SIZE] = {1};
	const struct share_open open = {.name = slice_of("one"), .session = {id, sizeof(id)}};
	uint8_t bytes[128];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	message_encode(&message_share_open, &open, &writer);
	mounter->is_closed = false;
	ck_assert_int_eq(session_request(mounter->session, slice_of(method), cbor_written(&writer),
					 &stream_handlers, mounter, NULL),
			 0);
	host_wait(&host, is_closed, mounter);
	return mounter->error;
}

static void mounter_drop(struct mounter *mounter)
{
	pump_free(mounter->pump);
	session_free(mounter->session);
}

/* --- Tests ---------------------------------------------------------------------------------- */

static struct slice encode_list(uint8_t *bytes, size_t capacity, const char *const *names)
{
	uint8_t item_bytes[1024];
	struct cbor_writer items = CBOR_WRITER(item_bytes);
	struct cbor_writer writer = {.bytes = bytes, .capacity = capacity};
	struct share_list list;
	uint64_t count = 0;

	while (names[count])
		count++;
	cbor_put_array(&items, count);
	for (uint64_t i = 0; i < count; i++) {
		const struct share_entry entry = {.name = slice_of(names[i]), .read_only = i == 1};

		message_encode(&message_share_entry, &entry, &items);
	}
	list.shares = cbor_written(&items);
	message_encode(&message_share_list, &list, &writer);
	return cbor_written(&writer);
}

static struct share_line lines[SHARE_MAX];

static bool two_are_listed(void *data)
{
	(void)data;
	return share_list_read(list_path, lines) == 2;
}

static bool none_is_listed(void *data)
{
	(void)data;
	return share_list_read(list_path, lines) == -ENOENT;
}

/* host_wait() looks when something happened on the loop: here that is the answer to this. */
static void nudge(void)
{
	struct call ping = {0};

	call_start(&host, &ping, "agent.ping", NULL, NULL);
	call_wait(&ping);
	call_clear(&ping);
}

START_TEST(the_hosts_list_is_written_down)
{
	static const char *const two[] = {"one", "two", "-bad", NULL}, *const none[] = {NULL};
	uint8_t bytes[2048];

	start(SHARE_EXPORT_WRITE);
	call_start(&host, &call, "share.attach", NULL, NULL);
	ck_assert_int_eq(stream_message(call.stream, slice_of("shares"),
					encode_list(bytes, sizeof(bytes), two)),
			 0);
	nudge();
	host_wait(&host, two_are_listed, NULL);
	ck_assert_str_eq(lines[0].name, "one");
	ck_assert(!lines[0].read_only && lines[1].read_only);
	ck_assert_int_eq(lines[0].state, SHARE_OFFERED);
	ck_assert_int_eq(stream_message(call.stream, slice_of("shares"),
					encode_list(bytes, sizeof(bytes), none)),
			 0);
	nudge();
	host_wait(&host, none_is_listed, NULL);
	stop();
}
END_TEST

static bool has_message(void *data)
{
	return ((struct call *)data)->messages > 0;
}

START_TEST(the_host_hears_what_cannot_be_mounted)
{
	const struct share_entry entry = {.name = slice_of("one"), .at = slice_of("/proc/x/y")};
	struct share_mounted mounted;
	struct share_list list;
	uint8_t item_bytes[256], bytes[256];
	struct cbor_writer items = CBOR_WRITER(item_bytes), writer = CBOR_WRITER(bytes);

	cbor_put_array(&items, 1);
	message_encode(&message_share_entry, &entry, &items);
	list.shares = cbor_written(&items);
	message_encode(&message_share_list, &list, &writer);
	start(SHARE_EXPORT_WRITE);
	call_start(&host, &call, "share.attach", NULL, NULL);
	ck_assert_int_eq(stream_message(call.stream, slice_of("shares"), cbor_written(&writer)), 0);
	host_wait(&host, has_message, &call);
	ck_assert_str_eq(call.message, "mounted");
	ck_assert_int_eq(message_decode(&message_share_mounted, call.message_params, &mounted), 0);
	ck_assert(slice_is(mounted.name, "one") && slice_is(mounted.at, "/proc/x/y"));
	ck_assert_uint_eq(mounted.error, ENOENT);
	ck_assert_msg(
		slice_is(mounted.text, "the folder cannot be made: No such file or directory"),
		"%.*s", (int)mounted.text.length, (const char *)mounted.text.bytes);
	stop();
}
END_TEST

START_TEST(who_mounts_is_passed_on_to_the_host)
{
	struct mounter mounter;

	start(SHARE_EXPORT_WRITE);
	mounter_connect(&mounter);
	/* This host knows no requests: it is he who says so. */
	ck_assert_int_eq(mounter_ask(&mounter, "share.open"), -ENOSYS);
	ck_assert_int_eq(mounter_ask(&mounter, "exec"), -ENOSYS);
	agent_detach(host.agent);
	ck_assert_int_eq(mounter_ask(&mounter, "share.watch"), -EAGAIN);
	ck_assert_int_eq(mounter_ask(&mounter, "share.open"), -EAGAIN);
	mounter_drop(&mounter);
	host_restart(&host);
	stop();
}
END_TEST

START_TEST(what_cannot_be_exported_is_refused)
{
	static const uint8_t id[SHARE_SESSION_SIZE] = {1};
	struct share_export wish = {.path = slice_of("/nonexistent"), .session = {id, sizeof(id)}};

	start(SHARE_EXPORT_WRITE);
	call_expect(&host, &call, "share.export", &message_share_export, &wish, -ENOENT);
	call_clear(&call);
	wish.path = slice_of("tmp");
	call_expect(&host, &call, "share.export", &message_share_export, &wish, -EINVAL);
	call_clear(&call);
	wish.path = slice_of("/etc/passwd");
	call_expect(&host, &call, "share.export", &message_share_export, &wish, -ENOTDIR);
	call_clear(&call);
	wish.path = slice_of("/");
	wish.session.length = 3;
	call_expect(&host, &call, "share.export", &message_share_export, &wish, -EBADMSG);
	stop();
}
END_TEST

START_TEST(the_guests_owner_may_refuse)
{
	static const uint8_t id[SHARE_SESSION_SIZE] = {1};
	const struct share_export wish = {.path = slice_of("/"), .session = {id, sizeof(id)}};

	start(SHARE_EXPORT_NO);
	call_expect(&host, &call, "share.export", &message_share_export, &wish, -EPERM);
	stop();
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("share");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, the_hosts_list_is_written_down);
	tcase_add_test(tests, the_host_hears_what_cannot_be_mounted);
	tcase_add_test(tests, who_mounts_is_passed_on_to_the_host);
	tcase_add_test(tests, what_cannot_be_exported_is_refused);
	tcase_add_test(tests, the_guests_owner_may_refuse);
	return suite_run_case("share", tests);
}
