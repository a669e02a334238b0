/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files for the user's downloads: what comes, what is refused, and what is left of it. A host is
 * played here over a socket pair; $HOME is a folder of the test's own.
 */
#include "guest-agent/session/files.h"

#include "protocol/base/bytes.h"
#include "protocol/display.h"
#include "tests/unit/guest-agent/folder.h"
#include "tests/unit/played_end.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_MS 20000

struct call {
	bool done, ready;
	int error;
	struct stream *stream;
};

static uv_loop_t loop;
static uv_timer_t watchdog;
static struct played_end host, guest;
static void *service;
static struct service_context context;

static void on_expired(uv_timer_t *timer)
{
	(void)timer;
	ck_abort_msg("nothing happens any more");
}

static void on_request(void *owner, struct stream *stream, struct slice method, struct slice params)
{
	const struct service_method *m = session_service_files.methods;

	(void)owner;
	ck_assert(slice_is(method, m->name));
	m->call(service, stream, params);
}

static void setup(void)
{
	static const char *const capabilities[] = {"files", NULL};

	make_folder();
	setenv("HOME", folder, 1);
	unsetenv("XDG_CONFIG_HOME");
	uv_loop_init(&loop);
	uv_timer_init(&loop, &watchdog);
	uv_timer_start(&watchdog, on_expired, WAIT_MS, 0);
	context = (struct service_context){.loop = &loop};
	ck_assert_int_eq(session_service_files.start(&context, &service), 0);
	guest = (struct played_end){.request = on_request};
	played_ends_start(&host, &guest, &loop, capabilities);
	while (!host.established)
		uv_run(&loop, UV_RUN_ONCE);
}

static void teardown(void)
{
	played_end_stop(&guest);
	played_end_stop(&host);
	session_service_files.stop(service);
	uv_close((uv_handle_t *)&watchdog, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	remove_folder();
}

static void on_ready(struct stream *stream, void *owner, struct slice name, struct slice params)
{
	(void)stream;
	(void)params;
	ck_assert(slice_is(name, "ready"));
	((struct call *)owner)->ready = true;
}

static void on_closed(struct stream *stream, void *owner, const struct stream_result *result)
{
	struct call *call = owner;

	(void)stream;
	call->done = true;
	call->error = result->error;
}

static const struct stream_handlers call_handlers = {.message = on_ready, .closed = on_closed};

static void begin(struct call *call, const char *name, uint64_t size)
{
	const struct files_receive want = {.name = slice_of(name), .size_bytes = size};
	uint8_t bytes[512];
	struct cbor_writer writer = CBOR_WRITER(bytes);

	*call = (struct call){0};
	message_encode(&message_files_receive, &want, &writer);
	ck_assert_int_eq(session_request(host.session, SLICE_LITERAL("files.receive"),
					 cbor_written(&writer), &call_handlers, call,
					 &call->stream),
			 0);
	while (!call->ready && !call->done)
		uv_run(&loop, UV_RUN_ONCE);
}

static int put(const char *name, uint64_t size, const char *text)
{
	struct call call;

	begin(&call, name, size);
	if (call.done)
		return call.error;
	ck_assert_int_eq(stream_send(call.stream, 0, text, strlen(text)), (ssize_t)strlen(text));
	stream_end(call.stream, 0);
	while (!call.done)
		uv_run(&loop, UV_RUN_ONCE);
	return call.error;
}

static void check(const char *name, const char *text)
{
	char line[64] = "";
	FILE *file = fopen(in_folder(name), "re");

	ck_assert_msg(file != NULL, "there is no %s", name);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), file));
	fclose(file);
	ck_assert_str_eq(line, text);
}

static unsigned int count_files(const char *name)
{
	unsigned int count = 0;
	const struct dirent *entry;
	DIR *directory = opendir(in_folder(name));

	ck_assert_ptr_nonnull(directory);
	while ((entry = readdir(directory)))
		count += entry->d_name[0] != '.';
	closedir(directory);
	return count;
}

START_TEST(they_come_and_replace_nothing)
{
	ck_assert_int_eq(put("a.txt", 3, "one"), 0);
	check("Downloads/a.txt", "one");
	ck_assert_int_eq(put("a.txt", 3, "two"), 0);
	check("Downloads/a.txt", "one");
	check("Downloads/a (1).txt", "two");
	/* Nor what a link stands for. */
	ck_assert_int_eq(symlink("elsewhere", in_folder("Downloads/link")), 0);
	ck_assert_int_eq(put("link", 5, "three"), 0);
	check("Downloads/link (1)", "three");
	ck_assert_int_eq(access(in_folder("Downloads/elsewhere"), F_OK), -1);
	ck_assert_int_eq(put("empty", 0, ""), 0);
	ck_assert_uint_eq(count_files("Downloads"), 5);
}
END_TEST

START_TEST(the_folder_is_the_users_choice)
{
	mkdir(in_folder(".config"), 0755);
	make_file(".config/user-dirs.dirs",
		  "# a comment\nXDG_MUSIC_DIR=\"$HOME/m\"\nXDG_DOWNLOAD_DIR=\"$HOME/got\"\n");
	ck_assert_int_eq(put("a", 3, "one"), 0);
	check("got/a", "one");
}
END_TEST

START_TEST(what_is_refused_leaves_nothing)
{
	static const char *const names[] = {"../a", "/a", "a/b", ".a", "..", "", "a\nb", "a\\b"};
	static struct call lost; /* until the session ends */
	struct call call;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		ck_assert_int_eq(put(names[i], 3, "one"), -EINVAL);
	ck_assert_int_eq(put("more", 2, "one"), -EFBIG);
	ck_assert_int_eq(put("less", 4, "one"), -EPIPE);
	/* Neither 32 bits nor 63 of them wrap. */
	ck_assert_int_eq(put("large", (4ULL << 30) + 3, "one"), -EPIPE);
	ck_assert_int_eq(put("wild", INT64_MAX, ""), -ENOSPC);
	begin(&call, "cancelled", 100);
	ck_assert_int_eq(stream_send(call.stream, 0, "some", 4), 4);
	stream_cancel(call.stream);
	while (!call.done)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_int_eq(call.error, -ECANCELED);
	begin(&lost, "lost", 100);
	ck_assert_uint_eq(count_files("Downloads"), 0);
}
END_TEST

static int open_downloads(void)
{
	const int fd = files_open_folder();

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* As on a file system without nameless files. */
static struct files_part hidden_part(void)
{
	struct files_part part = {.folder = open_downloads(), .name = ".lodge-1.part"};

	part.fd = openat(part.folder, part.name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
	ck_assert_int_ge(part.fd, 0);
	ck_assert_int_eq(write(part.fd, "one", 3), 3);
	return part;
}

START_TEST(hidden_parts_are_placed_or_gone)
{
	struct files_part part = hidden_part();
	char placed[FILES_NAME_BYTES];

	make_file("Downloads/a.tar", "there");
	ck_assert_int_eq(files_place(&part, "a.tar", placed), 0);
	files_part_end(&part);
	ck_assert_str_eq(placed, "a (1).tar");
	check("Downloads/a.tar", "there");
	check("Downloads/a (1).tar", "one");
	ck_assert_int_eq(access(in_folder("Downloads/.lodge-1.part"), F_OK), -1);
	part = hidden_part();
	files_part_end(&part);
	ck_assert_int_eq(access(in_folder("Downloads/.lodge-1.part"), F_OK), -1);
	ck_assert_int_eq(files_create(open_downloads(), &part), 0);
	ck_assert_int_eq(write(part.fd, "two", 3), 3);
	ck_assert_int_eq(files_place(&part, "a.tar", placed), 0);
	files_part_end(&part);
	check("Downloads/a (2).tar", "two");
	ck_assert_uint_eq(count_files("Downloads"), 3);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("all");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, they_come_and_replace_nothing);
	tcase_add_test(tcase, the_folder_is_the_users_choice);
	tcase_add_test(tcase, what_is_refused_leaves_nothing);
	tcase_add_test(tcase, hidden_parts_are_placed_or_gone);
	return suite_run_case("session's files", tcase);
}
