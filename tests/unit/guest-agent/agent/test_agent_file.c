/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/base/bytes.h"
#include "tests/unit/guest-agent/agent/host.h"
#include "tests/unit/guest-agent/folder.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGE_BYTES (100 * 1024 * 1024)

static struct host host;
static struct call call;

static void setup(void)
{
	make_folder();
	host_start(&host);
}

static void teardown(void)
{
	call_clear(&call);
	host_stop(&host);
	remove_folder();
}

static unsigned int count_entries(void)
{
	DIR *directory = opendir(folder);
	unsigned int count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count - 2;
}

static void start_write(const char *name, struct file_write_params params)
{
	params.path = slice_of(in_folder(name));
	call_start(&host, &call, "file.write", &message_file_write_params, &params);
}

static void start_read(const char *name)
{
	const struct file_read_params params = {.path = slice_of(in_folder(name))};

	call_start(&host, &call, "file.read", &message_file_read_params, &params);
}

static void write_text(const char *name, const char *text, struct file_write_params params)
{
	struct file_written written;

	start_write(name, params);
	call_send(&call, text, strlen(text), true);
	call_wait(&call);
	call_reply(&call, &message_file_written, &written);
	ck_assert_uint_eq(written.size_bytes, strlen(text));
	call_clear(&call);
}

static struct stat stat_of(const char *name)
{
	struct stat st;

	ck_assert_int_eq(lstat(in_folder(name), &st), 0);
	return st;
}

static void file_is(const char *name, const char *text)
{
	struct file_stat st;

	start_read(name);
	call_wait(&call);
	call_reply(&call, &message_file_stat, &st);
	ck_assert_uint_eq(st.size_bytes, strlen(text));
	ck_assert_uint_eq(call.out_length[1], strlen(text));
	ck_assert(!*text || memcmp(call.out[1], text, strlen(text)) == 0);
	call_clear(&call);
}

START_TEST(a_large_file_goes_and_comes_back)
{
	uint8_t *bytes = malloc(LARGE_BYTES);
	struct file_written written;
	struct file_stat st;

	for (size_t i = 0; i < LARGE_BYTES; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 65537);
	start_write("large", (struct file_write_params){.mode = 0640, .sync = true});
	call_send(&call, bytes, LARGE_BYTES, true);
	call_wait(&call);
	call_reply(&call, &message_file_written, &written);
	ck_assert_uint_eq(written.size_bytes, LARGE_BYTES);
	call_clear(&call);

	start_read("large");
	call_wait(&call);
	call_reply(&call, &message_file_stat, &st);
	ck_assert_uint_eq(st.size_bytes, LARGE_BYTES);
	ck_assert_uint_eq(st.mode, S_IFREG | 0640);
	ck_assert_uint_eq(call.out_length[1], LARGE_BYTES);
	ck_assert(memcmp(call.out[1], bytes, LARGE_BYTES) == 0);
	ck_assert_uint_eq(count_entries(), 1);
	free(bytes);
}
END_TEST

START_TEST(an_empty_file_goes_and_comes_back)
{
	write_text("empty", "", (struct file_write_params){0});
	file_is("empty", "");
	ck_assert_uint_eq(stat_of("empty").st_mode & 07777, 0644);
}
END_TEST

START_TEST(attributes_are_set)
{
	const struct file_write_params params = {.mode = 04755,
						 .set_mtime = true,
						 .mtime_ns = 1234567890123456789,
						 .set_owner = true,
						 .uid = getuid(),
						 .gid = getgid()};
	struct stat st;

	write_text("a", "x", params);
	st = stat_of("a");
	ck_assert_uint_eq(st.st_mode, S_IFREG | 04755);
	ck_assert_int_eq(st.st_mtim.tv_sec, 1234567890);
	ck_assert_int_eq(st.st_mtim.tv_nsec, 123456789);
}
END_TEST

START_TEST(without_a_mode_the_old_ones_stays)
{
	make_file("a", "old");
	chmod(in_folder("a"), 0600);
	write_text("a", "new", (struct file_write_params){0});
	ck_assert_uint_eq(stat_of("a").st_mode & 07777, 0600);
	file_is("a", "new");
}
END_TEST

START_TEST(no_permission_at_all_is_a_mode_too)
{
	write_text("a", "x", (struct file_write_params){.set_mode = true});
	ck_assert_uint_eq(stat_of("a").st_mode & 07777, 0);
}
END_TEST

START_TEST(exclusive_spares_what_is_there)
{
	const struct file_write_params params = {.exclusive = true};

	make_file("a", "old");
	start_write("a", params);
	call_wait(&call);
	ck_assert_int_eq(call.error, -EEXIST);
	call_clear(&call);
	file_is("a", "old");

	/* And what comes in between. */
	start_write("b", params);
	host_run_ms(&host, 50);
	make_file("b", "quicker");
	call_send(&call, "x", 1, true);
	call_wait(&call);
	ck_assert_int_eq(call.error, -EEXIST);
	call_clear(&call);
	file_is("b", "quicker");
	ck_assert_uint_eq(count_entries(), 2);
}
END_TEST

START_TEST(only_files_are_replaced)
{
	const struct file_write_params null = {.path = slice_of("/dev/null")};

	ck_assert_int_eq(mkdir(in_folder("d"), 0755), 0);
	start_write("d", (struct file_write_params){0});
	call_wait(&call);
	ck_assert_int_eq(call.error, -EISDIR);
	call_clear(&call);
	call_expect(&host, &call, "file.write", &message_file_write_params, &null, -ENOTSUP);
}
END_TEST

START_TEST(a_link_is_replaced_and_not_followed)
{
	make_file("target", "untouched");
	ck_assert_int_eq(symlink("target", in_folder("link")), 0);
	write_text("link", "new", (struct file_write_params){0});
	ck_assert(S_ISREG(stat_of("link").st_mode));
	file_is("link", "new");
	file_is("target", "untouched");
}
END_TEST

START_TEST(cancel_removes_the_new_file_and_spares_the_old)
{
	make_file("a", "old");
	start_write("a", (struct file_write_params){0});
	call_send(&call, "half of it", 10, false);
	host_run_ms(&host, 50);
	ck_assert_uint_eq(count_entries(), 2);
	stream_cancel(call.stream);
	call_wait(&call);
	ck_assert_int_eq(call.error, -ECANCELED);
	call_clear(&call);
	host_run_ms(&host, 50);
	ck_assert_uint_eq(count_entries(), 1);
	file_is("a", "old");
}
END_TEST

static bool is_half_way(void *data)
{
	(void)data;
	return call.in_sent > LARGE_BYTES / 2 || call.out_length[1] > LARGE_BYTES / 2;
}

START_TEST(a_host_that_restarts_in_mid_transfer_leaves_nothing)
{
	uint8_t *bytes = calloc(1, LARGE_BYTES);

	start_write("large", (struct file_write_params){0});
	call_send(&call, bytes, LARGE_BYTES, true);
	host_wait(&host, is_half_way, NULL);
	host_restart(&host);
	ck_assert(call.done);
	ck_assert_int_eq(call.error, -ECONNRESET);
	call_clear(&call);
	host_run_ms(&host, 200);
	ck_assert_uint_eq(count_entries(), 0);

	write_text("small", "goes on", (struct file_write_params){0});
	file_is("small", "goes on");

	ck_assert_int_eq(truncate(in_folder("small"), LARGE_BYTES), 0);
	start_read("small");
	host_wait(&host, is_half_way, NULL);
	host_restart(&host);
	ck_assert_int_eq(call.error, -ECONNRESET);
	call_clear(&call);
	write_text("small", "still", (struct file_write_params){0});
	file_is("small", "still");
	free(bytes);
}
END_TEST

START_TEST(parts_are_read)
{
	struct file_read_params params = {.offset = 3, .length_bytes = 4};
	struct file_stat st;

	make_file("a", "0123456789");
	params.path = slice_of(in_folder("a"));
	call_start(&host, &call, "file.read", &message_file_read_params, &params);
	call_wait(&call);
	call_reply(&call, &message_file_stat, &st);
	ck_assert_uint_eq(call.out_length[1], 4);
	ck_assert_int_eq(memcmp(call.out[1], "3456", 4), 0);
}
END_TEST

START_TEST(bad_paths_are_refused)
{
	static const struct {
		const char *path;
		int error;
	} bad[] = {{"relative", -EINVAL},
		   {"", -EBADMSG},
		   {"/there/is/none", -ENOENT},
		   {"/tmp", -EISDIR}};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const struct file_read_params params = {.path = slice_of(bad[i].path)};

		call_expect(&host, &call, "file.read", &message_file_read_params, &params,
			    bad[i].error);
		ck_assert_uint_gt(strlen(call.text), 0);
		call_clear(&call);
	}
}
END_TEST

START_TEST(a_pipe_that_nobody_writes_hangs_nobody_else)
{
	const struct file_read_params params = {.path = slice_of(in_folder("pipe"))};
	struct call stuck[20];

	ck_assert_int_eq(mkfifo(in_folder("pipe"), 0600), 0);
	for (size_t i = 0; i < ARRAY_SIZE(stuck); i++)
		call_start(&host, &stuck[i], "file.read", &message_file_read_params, &params);
	make_file("a", "text");
	file_is("a", "text");
	call_expect(&host, &call, "agent.ping", NULL, NULL, 0);
	for (size_t i = 0; i < ARRAY_SIZE(stuck); i++) {
		ck_assert(!stuck[i].done);
		stream_cancel(stuck[i].stream);
		call_wait(&stuck[i]);
		call_clear(&stuck[i]);
	}
}
END_TEST

START_TEST(a_stuck_read_ends_when_cancelled)
{
	ck_assert_int_eq(mkfifo(in_folder("pipe"), 0600), 0);
	start_read("pipe");
	host_run_ms(&host, 50);
	ck_assert(!call.done);
	stream_cancel(call.stream);
	call_wait(&call);
	ck_assert_int_eq(call.error, -ECANCELED);
	/* The thread too: else teardown would wait in vain. */
}
END_TEST

START_TEST(a_pipe_with_a_writer_is_read_to_its_end)
{
	int fd;

	ck_assert_int_eq(mkfifo(in_folder("pipe"), 0600), 0);
	start_read("pipe");
	fd = open(in_folder("pipe"), O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(write(fd, "hello", 5), 5);
	host_run_ms(&host, 50);
	ck_assert_uint_eq(call.out_length[1], 5);
	close(fd);
	call_wait(&call);
	ck_assert_int_eq(call.error, 0);
}
END_TEST

START_TEST(stat_tells_of_files_and_links)
{
	struct path_params params = {0};
	struct file_stat st;

	make_file("a", "12345");
	ck_assert_int_eq(symlink("a", in_folder("link")), 0);
	params.path = slice_of(in_folder("link"));
	call_start(&host, &call, "file.stat", &message_path_params, &params);
	call_wait(&call);
	call_reply(&call, &message_file_stat, &st);
	ck_assert_uint_eq(st.mode & S_IFMT, S_IFLNK);
	ck_assert(slice_is(st.target, "a"));
	call_clear(&call);

	params.follow = true;
	call_start(&host, &call, "file.stat", &message_path_params, &params);
	call_wait(&call);
	call_reply(&call, &message_file_stat, &st);
	ck_assert_uint_eq(st.mode & S_IFMT, S_IFREG);
	ck_assert_uint_eq(st.size_bytes, 5);
	ck_assert_uint_eq(st.inode, stat_of("a").st_ino);
}
END_TEST

START_TEST(a_listing_has_every_entry_once)
{
	const unsigned int files = 3000;
	struct path_params params = {0};
	struct cbor_reader reader;
	unsigned int seen = 0;
	char name[32];

	for (unsigned int i = 0; i < files; i++) {
		snprintf(name, sizeof(name), "file %u", i);
		make_file(name, "");
	}
	params.path = slice_of(folder);
	call_start(&host, &call, "file.list", &message_path_params, &params);
	call_wait(&call);
	ck_assert_int_eq(call.error, 0);
	reader = (struct cbor_reader){.bytes = call.out[1], .length = call.out_length[1]};
	while (reader.at < reader.length) {
		struct file_stat entry;

		ck_assert_int_eq(message_decode(&message_file_stat, cbor_get_raw(&reader), &entry),
				 0);
		ck_assert_uint_eq(entry.mode & S_IFMT, S_IFREG);
		ck_assert_uint_gt(entry.name.length, 5);
		seen++;
	}
	ck_assert_int_eq(reader.error, 0);
	ck_assert_uint_eq(seen, files);
}
END_TEST

START_TEST(directories_links_and_removal)
{
	struct file_write_params params = {.mode = 01777};
	struct file_symlink_params link = {.target = slice_of("/nowhere")};
	struct path_params which = {0};
	char target[64] = "";

	params.path = slice_of(in_folder("d"));
	call_expect(&host, &call, "file.mkdir", &message_file_write_params, &params, 0);
	call_clear(&call);
	ck_assert_uint_eq(stat_of("d").st_mode, S_IFDIR | 01777);
	params.path = slice_of(in_folder("d"));
	call_expect(&host, &call, "file.mkdir", &message_file_write_params, &params, 0);
	call_clear(&call);
	params.exclusive = true;
	call_expect(&host, &call, "file.mkdir", &message_file_write_params, &params, -EEXIST);
	call_clear(&call);

	make_file("l", "to be replaced");
	link.path = slice_of(in_folder("l"));
	call_expect(&host, &call, "file.symlink", &message_file_symlink_params, &link, 0);
	call_clear(&call);
	ck_assert_int_eq(readlink(in_folder("l"), target, sizeof(target) - 1), 8);
	ck_assert_str_eq(target, "/nowhere");

	/* The link's own mode cannot be changed, nor what it points to. */
	params = (struct file_write_params){.path = slice_of(in_folder("l")), .mode = 0600};
	call_expect(&host, &call, "file.setattr", &message_file_write_params, &params, -ELOOP);
	call_clear(&call);

	params = (struct file_write_params){
		.path = slice_of(in_folder("d")), .mode = 0700, .set_mtime = true, .mtime_ns = 5};
	call_expect(&host, &call, "file.setattr", &message_file_write_params, &params, 0);
	call_clear(&call);
	ck_assert_uint_eq(stat_of("d").st_mode, S_IFDIR | 0700);
	ck_assert_int_eq(stat_of("d").st_mtim.tv_nsec, 5);

	make_file("d/full", "");
	which.path = slice_of(in_folder("d"));
	call_expect(&host, &call, "file.remove", &message_path_params, &which, -ENOTEMPTY);
	call_clear(&call);
	which.path = slice_of(in_folder("d/full"));
	call_expect(&host, &call, "file.remove", &message_path_params, &which, 0);
	call_clear(&call);
	which.path = slice_of(in_folder("d"));
	call_expect(&host, &call, "file.remove", &message_path_params, &which, 0);
	call_clear(&call);
	which.path = slice_of(in_folder("l"));
	call_expect(&host, &call, "file.remove", &message_path_params, &which, 0);
	ck_assert_uint_eq(count_entries(), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("file");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_large_file_goes_and_comes_back);
	tcase_add_test(tc, an_empty_file_goes_and_comes_back);
	tcase_add_test(tc, attributes_are_set);
	tcase_add_test(tc, without_a_mode_the_old_ones_stays);
	tcase_add_test(tc, no_permission_at_all_is_a_mode_too);
	tcase_add_test(tc, exclusive_spares_what_is_there);
	tcase_add_test(tc, only_files_are_replaced);
	tcase_add_test(tc, a_link_is_replaced_and_not_followed);
	tcase_add_test(tc, cancel_removes_the_new_file_and_spares_the_old);
	tcase_add_test(tc, a_host_that_restarts_in_mid_transfer_leaves_nothing);
	tcase_add_test(tc, parts_are_read);
	tcase_add_test(tc, bad_paths_are_refused);
	tcase_add_test(tc, a_pipe_that_nobody_writes_hangs_nobody_else);
	tcase_add_test(tc, a_stuck_read_ends_when_cancelled);
	tcase_add_test(tc, a_pipe_with_a_writer_is_read_to_its_end);
	tcase_add_test(tc, stat_tells_of_files_and_links);
	tcase_add_test(tc, a_listing_has_every_entry_once);
	tcase_add_test(tc, directories_links_and_removal);
	return suite_run_case("agent file", tc);
}
