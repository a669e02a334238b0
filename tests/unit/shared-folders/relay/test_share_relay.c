/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A relay between a played kernel (a socket that keeps messages apart, as /dev/fuse does) and a
 * played server, which answers as the test wants.
 */
#include "shared-folders/relay/share_relay.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/pump/pumped_session.h"
#include "protocol/share.h"
#include "shared-folders/fuse/ahead.h"
#include "shared-folders/fuse/cutter.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_MS 60000

/* What the kernel hears of one request. */
struct answer {
	struct fuse_out_header header;
	uint8_t body[256];
};

static struct {
	uv_loop_t loop;
	struct share_relay *relay;
	unsigned int opened, started, ended, away, back;
	int error;
	char text[64];

	struct pumped_session *host, *server; /* two ends of a connection */
	bool established;
	struct stream *stream; /* of the server; NULL: none is open */
	struct cutter cutter;
	int refusal; /* of share.open: an errno */
	bool knows;  /* the session: resumed */
	uint64_t received;
	unsigned int opens, requests[64]; /* by opcode */
	bool answers, nonsense;
	bool resume; /* as asked for, last */
	uint32_t minor;

	int kernel; /* our end of what stands for /dev/fuse */
} test;

/* --- The server ----------------------------------------------------------------------------- */

static void reply(const struct fuse_in_header *request)
{
	struct {
		struct fuse_out_header header;
		union {
			struct fuse_init_out init;
			struct fuse_statfs_out statfs;
		};
	} out = {.header = {.unique = request->unique}};
	size_t size = request->opcode == FUSE_INIT ? sizeof(out.init) : sizeof(out.statfs);

	if (request->opcode == FUSE_INIT)
		out.init = (struct fuse_init_out){
			.major = 7, .minor = test.minor, .max_write = 65536, .max_pages = 16};
	else
		out.statfs.st.bsize = 4096;
	if (test.nonsense)
		size = 1;
	out.header.len = (uint32_t)(sizeof(out.header) + size);
	ck_assert_int_eq(stream_send(test.stream, 0, &out, out.header.len), out.header.len);
}

/* With nothing but a header. */
static void say_done(uint64_t unique)
{
	const struct fuse_out_header header = {.len = sizeof(header), .unique = unique};

	ck_assert_int_eq(stream_send(test.stream, 0, &header, sizeof(header)), sizeof(header));
}

static void on_data(struct stream *stream, void *owner, unsigned int channel, struct slice bytes)
{
	const size_t taken = bytes.length;
	struct fuse_in_header header;
	uint8_t *message;
	size_t length;

	(void)owner;
	while (cutter_take(&test.cutter, &bytes, &message, &length) > 0) {
		memcpy(&header, message, sizeof(header));
		free(message);
		test.received++;
		test.requests[header.opcode]++;
		if (test.answers || header.opcode == FUSE_INIT)
			reply(&header);
	}
	stream_consumed(stream, channel, taken);
}

static void on_gone(struct stream *stream, void *owner, const struct stream_result *result)
{
	(void)stream;
	(void)owner;
	(void)result;
	test.stream = NULL;
	cutter_clear(&test.cutter);
}

static const struct stream_handlers stream_handlers = {.data = on_data, .closed = on_gone};

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	struct share_open open;
	struct share_opened opened = {0};
	uint8_t bytes[64];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	(void)owner;
	ck_assert(slice_is(method, "share.open"));
	ck_assert_int_eq(message_decode(&message_share_open, params, &open), 0);
	ck_assert(slice_is(open.name, "folder"));
	test.opens++;
	test.resume = open.resume;
	if (test.refusal) {
		stream_fail(stream, test.refusal, "not you");
		return;
	}
	if (open.resume && test.knows)
		opened = (struct share_opened){.resumed = true, .received = test.received};
	else
		test.received = 0;
	test.knows = true;
	test.stream = stream;
	stream_set_handlers(stream, &stream_handlers, NULL);
	message_encode(&message_share_opened, &opened, &writer);
	stream_message(stream, SLICE_LITERAL("opened"), cbor_written(&writer));
}

static const struct pumped_session_handlers server_handlers = {.request = on_request};

/* --- The connection ------------------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
	const uint64_t *deadline = timer->data;

	ck_assert_msg(uv_now(timer->loop) < *deadline, "nothing came of it");
}

#define UNTIL(condition)                                                                           \
	do {                                                                                       \
		uint64_t deadline_ = uv_hrtime() / 1000000 + PATIENCE_MS;                          \
		uv_timer_t tick_;                                                                  \
		uv_timer_init(&test.loop, &tick_);                                                 \
		tick_.data = &deadline_;                                                           \
		uv_timer_start(&tick_, on_tick, 10, 10);                                           \
		while (!(condition))                                                               \
			uv_run(&test.loop, UV_RUN_ONCE);                                           \
		uv_close((uv_handle_t *)&tick_, NULL);                                             \
		uv_run(&test.loop, UV_RUN_NOWAIT);                                                 \
	} while (0)

static void on_established(void *owner, const struct session_peer *peer)
{
	(void)owner;
	(void)peer;
	test.established = true;
}

static const struct pumped_session_handlers host_handlers = {.established = on_established};

static void connect_both(void)
{
	static const char *const none[] = {NULL};
	struct pumped_session_options options = {.loop = &test.loop,
						 .role = SESSION_HOST,
						 .software = "test",
						 .capabilities = none,
						 .handlers = &host_handlers};
	int ends[2];

	test.established = false;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(pumped_session_new(&options, ends[0], &test.host), 0);
	options.role = SESSION_GUEST;
	options.handlers = &server_handlers;
	ck_assert_int_eq(pumped_session_new(&options, ends[1], &test.server), 0);
	UNTIL(test.established);
	share_relay_connect(test.relay, pumped_session_session(test.host));
}

static void disconnect_both(void)
{
	share_relay_disconnect(test.relay);
	pumped_session_free(take_ptr(test.host));
	pumped_session_free(take_ptr(test.server));
	uv_run(&test.loop, UV_RUN_NOWAIT);
}

/* --- The kernel ----------------------------------------------------------------------------- */

static void ask(uint32_t opcode, uint64_t unique)
{
	struct {
		struct fuse_in_header header;
		struct fuse_init_in init;
	} in = {.header = {.opcode = opcode, .unique = unique, .nodeid = FUSE_ROOT_ID},
		.init = {.major = 7, .minor = 36}};

	in.header.len = (uint32_t)(sizeof(in.header) + (opcode == FUSE_INIT ? sizeof(in.init) : 0));
	ck_assert_int_eq(send(test.kernel, &in, in.header.len, MSG_NOSIGNAL), in.header.len);
}

static bool kernel_has_news(void)
{
	struct pollfd poll_fd = {.fd = test.kernel, .events = POLLIN};

	return poll(&poll_fd, 1, 0) > 0;
}

/* The error that the next answer carries, which is the one to @unique. */
static int told(uint64_t unique)
{
	struct answer answer;

	UNTIL(kernel_has_news());
	ck_assert_int_ge(recv(test.kernel, &answer, sizeof(answer), 0), sizeof(answer.header));
	ck_assert_uint_eq(answer.header.unique, unique);
	return answer.header.error;
}

/* --- The relay's owner ---------------------------------------------------------------------- */

static void on_opened(void *owner)
{
	int ends[2];

	(void)owner;
	test.opened++;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	test.kernel = ends[0];
	ck_assert_int_eq(share_relay_use(test.relay, ends[1]), 0);
}

static void on_started(void *owner)
{
	(void)owner;
	test.started++;
}

static void on_ended(void *owner, int error, const char *text)
{
	(void)owner;
	test.ended++;
	test.error = error;
	snprintf(test.text, sizeof(test.text), "%s", text);
}

static void on_changed(void *owner, bool is_there)
{
	(void)owner;
	if (is_there)
		test.back++;
	else
		test.away++;
}

static void begin(uint64_t wait_ms)
{
	static const struct share_relay_handlers handlers = {.opened = on_opened,
							     .started = on_started,
							     .ended = on_ended,
							     .changed = on_changed};
	const struct share_relay_options options = {
		.loop = &test.loop,
		.method = "share.open",
		.target = "folder",
		.wait_ms = wait_ms,
		.handlers = &handlers,
	};

	memset(&test, 0, sizeof(test));
	test.kernel = -EBADF;
	test.answers = true;
	test.minor = 36;
	test.cutter = CUTTER(sizeof(struct fuse_in_header), SERVER_MAX_MESSAGE);
	uv_loop_init(&test.loop);
	ck_assert_int_eq(share_relay_new(&options, &test.relay), 0);
}

/* As far as a mount of which the kernel knows. */
static void mount(uint64_t wait_ms)
{
	begin(wait_ms);
	connect_both();
	UNTIL(test.opened);
	ask(FUSE_INIT, 2);
	ck_assert_int_eq(told(2), 0);
	UNTIL(test.started);
}

static void finish(void)
{
	disconnect_both();
	share_relay_free(test.relay);
	if (test.kernel >= 0)
		close(test.kernel);
	cutter_clear(&test.cutter);
	uv_run(&test.loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&test.loop), 0);
}

START_TEST(requests_go_and_answers_come)
{
	mount(0);
	ask(FUSE_STATFS, 4);
	ck_assert_int_eq(told(4), 0);
	ck_assert_uint_eq(test.requests[FUSE_STATFS], 1);
	ck_assert_uint_eq(test.opened, 1);
	ck_assert_uint_eq(test.started, 1);
	finish();
}
END_TEST

START_TEST(what_is_refused_ends_it)
{
	begin(0);
	test.refusal = ENOENT;
	connect_both();
	UNTIL(test.ended);
	ck_assert_int_eq(test.error, -ENOENT);
	ck_assert_str_eq(test.text, "not you");
	ck_assert_uint_eq(test.opened, 0);
	finish();
}
END_TEST

START_TEST(what_is_not_ready_is_asked_again)
{
	begin(0);
	test.refusal = EAGAIN;
	connect_both();
	UNTIL(test.opens == 2);
	test.refusal = 0;
	UNTIL(test.opened);
	ck_assert_uint_eq(test.ended, 0);
	finish();
}
END_TEST

START_TEST(nobody_comes)
{
	begin(20);
	UNTIL(test.ended);
	ck_assert_int_eq(test.error, -ETIMEDOUT);
	finish();
}
END_TEST

START_TEST(a_lost_stream_is_resumed)
{
	mount(0);
	test.answers = false;
	ask(FUSE_STATFS, 4);
	UNTIL(test.requests[FUSE_STATFS] == 1);
	disconnect_both();
	/* Of what was on its way the server has nothing to be told again. */
	test.answers = true;
	connect_both();
	ask(FUSE_STATFS, 6);
	ck_assert_int_eq(told(6), 0);
	ck_assert(test.resume);
	ck_assert_uint_eq(test.requests[FUSE_STATFS], 2);
	ck_assert_uint_eq(test.requests[FUSE_INIT], 1);
	finish();
}
END_TEST

START_TEST(what_the_server_has_not_got_is_sent_again)
{
	mount(0);
	test.answers = false;
	ask(FUSE_STATFS, 4);
	UNTIL(test.requests[FUSE_STATFS] == 1);
	disconnect_both();
	test.received--;
	test.answers = true;
	connect_both();
	ck_assert_int_eq(told(4), 0);
	ck_assert_uint_eq(test.requests[FUSE_STATFS], 2);
	finish();
}
END_TEST

START_TEST(another_server_is_asked_first_what_the_old_one_was)
{
	mount(0);
	test.answers = false;
	ask(FUSE_STATFS, 4);
	UNTIL(test.requests[FUSE_STATFS] == 1);
	disconnect_both();
	test.knows = false;
	test.answers = true;
	connect_both();
	ck_assert_int_eq(told(4), -ESTALE);
	ask(FUSE_STATFS, 6);
	ck_assert_int_eq(told(6), 0);
	ck_assert_uint_eq(test.requests[FUSE_INIT], 2);
	/* The kernel heard nothing of that. */
	ck_assert(!kernel_has_news());
	finish();
}
END_TEST

START_TEST(a_server_that_is_another_is_not_used)
{
	mount(0);
	disconnect_both();
	test.knows = false;
	test.minor = 31;
	connect_both();
	/* It is left, and asked again. */
	UNTIL(test.requests[FUSE_INIT] >= 3);
	ck_assert_uint_eq(test.ended, 0);
	finish();
}
END_TEST

START_TEST(without_a_server_requests_fail_in_time)
{
	mount(50);
	disconnect_both();
	ask(FUSE_STATFS, 4);
	ck_assert_int_eq(told(4), -EIO);
	ck_assert_uint_eq(test.away, 1);
	/* Now at once, until there is one. */
	ask(FUSE_STATFS, 6);
	ck_assert_int_eq(told(6), -EIO);
	connect_both();
	UNTIL(test.back == 1);
	ask(FUSE_STATFS, 8);
	ck_assert_int_eq(told(8), 0);
	finish();
}
END_TEST

START_TEST(nonsense_does_not_reach_the_kernel)
{
	mount(0);
	test.nonsense = true;
	ask(FUSE_STATFS, 4);
	ck_assert_int_eq(told(4), -EIO);
	test.nonsense = false;
	ask(FUSE_STATFS, 6);
	ck_assert_int_eq(told(6), 0);
	finish();
}
END_TEST

START_TEST(an_answer_to_nothing_is_dropped)
{
	struct fuse_in_header header = {.opcode = FUSE_STATFS, .unique = 4712};

	mount(0);
	reply(&header);
	ask(FUSE_STATFS, 4);
	ck_assert_int_eq(told(4), 0);
	finish();
}
END_TEST

/* What the server says ahead is the answer, until it says that something has changed. */
START_TEST(what_is_said_ahead_needs_no_asking)
{
	struct {
		struct fuse_out_header header;
		struct fuse_ahead ahead;
	} out = {.header = {.len = sizeof(out), .error = FUSE_AHEAD},
		 .ahead = {.unique = 4,
			   .flags = FUSE_AHEAD_ATTRIBUTES,
			   .node = FUSE_ROOT_ID,
			   .attributes.attr.mode = S_IFDIR}};
	const struct {
		struct fuse_out_header header;
		struct fuse_notify_inval_inode_out inode;
	} change = {.header = {.len = sizeof(change), .error = FUSE_NOTIFY_INVAL_INODE},
		    .inode.ino = 99};

	mount(0);
	test.answers = false;
	ask(FUSE_UNLINK, 4);
	UNTIL(test.requests[FUSE_UNLINK] == 1);
	ck_assert_int_eq(stream_send(test.stream, 0, &out, sizeof(out)), sizeof(out));
	/* It has come when what was sent behind it has. */
	say_done(4);
	ck_assert_int_eq(told(4), 0);
	ask(FUSE_GETATTR, 6);
	ck_assert_int_eq(told(6), 0);
	ck_assert_uint_eq(test.requests[FUSE_GETATTR], 0);
	ck_assert_int_eq(stream_send(test.stream, 0, &change, sizeof(change)), sizeof(change));
	ask(FUSE_STATFS, 8);
	UNTIL(test.requests[FUSE_STATFS] == 1);
	say_done(8);
	UNTIL(kernel_has_news());
	ask(FUSE_GETATTR, 10);
	UNTIL(test.requests[FUSE_GETATTR] == 1);
	finish();
}
END_TEST

START_TEST(nonsense_said_ahead_does_not_reach_the_kernel)
{
	struct {
		struct fuse_out_header header;
		struct fuse_ahead ahead;
	} out = {.header = {.len = sizeof(out), .error = FUSE_AHEAD},
		 .ahead = {.unique = 4,
			   .flags = FUSE_AHEAD_ATTRIBUTES,
			   .node = FUSE_ROOT_ID,
			   .attributes.attr.mode = ~0U}};

	mount(0);
	test.answers = false;
	ask(FUSE_UNLINK, 4);
	UNTIL(test.requests[FUSE_UNLINK] == 1);
	ck_assert_int_eq(stream_send(test.stream, 0, &out, sizeof(out)), sizeof(out));
	out.header.len = sizeof(out.header) + 1;
	ck_assert_int_eq(stream_send(test.stream, 0, &out, out.header.len), out.header.len);
	say_done(4);
	ck_assert_int_eq(told(4), 0);
	ask(FUSE_GETATTR, 6);
	UNTIL(test.requests[FUSE_GETATTR] == 1);
	finish();
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("share_relay");

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, requests_go_and_answers_come);
	tcase_add_test(tests, what_is_refused_ends_it);
	tcase_add_test(tests, what_is_not_ready_is_asked_again);
	tcase_add_test(tests, nobody_comes);
	tcase_add_test(tests, a_lost_stream_is_resumed);
	tcase_add_test(tests, what_the_server_has_not_got_is_sent_again);
	tcase_add_test(tests, another_server_is_asked_first_what_the_old_one_was);
	tcase_add_test(tests, a_server_that_is_another_is_not_used);
	tcase_add_test(tests, without_a_server_requests_fail_in_time);
	tcase_add_test(tests, nonsense_does_not_reach_the_kernel);
	tcase_add_test(tests, an_answer_to_nothing_is_dropped);
	tcase_add_test(tests, what_is_said_ahead_needs_no_asking);
	tcase_add_test(tests, nonsense_said_ahead_does_not_reach_the_kernel);
	return suite_run_case("share_relay", tests);
}
