/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/shared-folders/server/nodes.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Longer than two changes may have the same time. */
#define SETTLED_US 50000

#define KEEP (FOPEN_CACHE_DIR | FOPEN_KEEP_CACHE)

static struct peer peer;

static void set_up(void)
{
	peer_begin(&peer);
	peer.options.cache = SERVER_CACHE_AUTO;
}

static void tear_down(void)
{
	peer_end(&peer);
}

/* What the peer may do with its listing of the root. @handle: NULL: it is closed at once */
static uint32_t open_folder(uint64_t *handle)
{
	struct fuse_open_in in = {.flags = O_RDONLY};
	struct fuse_release_in out = {.flags = O_RDONLY};
	uint32_t flags;

	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_OPENDIR, .node = ROOT, .arguments = &in,
				   .arguments_bytes = sizeof(in)),
			 0);
	flags = PEER_BODY(&peer, struct fuse_open_out)->open_flags;
	out.fh = PEER_BODY(&peer, struct fuse_open_out)->fh;
	if (handle)
		*handle = out.fh;
	else
		ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_RELEASEDIR, .node = ROOT,
					   .arguments = &out, .arguments_bytes = sizeof(out)),
				 0);
	return flags;
}

static void close_folder(uint64_t handle)
{
	struct fuse_release_in out = {.fh = handle, .flags = O_RDONLY};

	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_RELEASEDIR, .node = ROOT,
				   .arguments = &out, .arguments_bytes = sizeof(out)),
			 0);
}

/* Tries within the time that a listing is believed, however late we are: @wanted comes or not. */
static bool comes(uint32_t wanted)
{
	for (int i = 0; i < 20; i++)
		if (open_folder(NULL) == wanted)
			return true;
	return false;
}

START_TEST(an_unchanged_folder_is_kept)
{
	peer_start(&peer, 0);
	usleep(SETTLED_US);
	ck_assert_uint_eq(open_folder(NULL), FOPEN_CACHE_DIR);
	ck_assert(comes(KEEP));
}
END_TEST

START_TEST(a_changed_folder_is_dropped)
{
	peer_start(&peer, 0);
	usleep(SETTLED_US);
	ck_assert(comes(KEEP));
	peer_write(&peer, "new", "");
	ck_assert_uint_eq(open_folder(NULL), FOPEN_CACHE_DIR);
	/* It has just changed: another change might give it the same time. */
	usleep(SETTLED_US);
	ck_assert(comes(KEEP));
	ck_assert_int_eq(unlink(peer_path(&peer, "new")), 0);
	ck_assert_uint_eq(open_folder(NULL), FOPEN_CACHE_DIR);
}
END_TEST

START_TEST(what_is_just_changing_is_not_kept)
{
	peer_start(&peer, 0);
	/* Opened within its tick, at least in one of these. */
	for (int i = 0; i < 50; i++) {
		peer_write(&peer, "new", "");
		ck_assert_uint_eq(open_folder(NULL), FOPEN_CACHE_DIR);
		ck_assert_int_eq(unlink(peer_path(&peer, "new")), 0);
		ck_assert_uint_eq(open_folder(NULL), FOPEN_CACHE_DIR);
	}
}
END_TEST

/* Whoever has it open may be about to get what was in it before. */
START_TEST(what_others_still_list_is_not_kept)
{
	uint64_t handle;

	peer_start(&peer, 0);
	usleep(SETTLED_US);
	ck_assert_uint_eq(open_folder(&handle), FOPEN_CACHE_DIR);
	peer_write(&peer, "new", "");
	usleep(SETTLED_US);
	ck_assert(!comes(KEEP));
	close_folder(handle);
	ck_assert(comes(KEEP));
}
END_TEST

START_TEST(coarse_times_settle_later)
{
	const struct timespec times[2] = {{.tv_sec = time(NULL) - 2}, {.tv_sec = time(NULL) - 2}};
	const struct timespec old[2] = {{.tv_sec = time(NULL) - 60}, {.tv_sec = time(NULL) - 60}};

	peer_start(&peer, 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, peer.path, times, 0), 0);
	usleep(SETTLED_US);
	ck_assert(!comes(KEEP));
	ck_assert_int_eq(utimensat(AT_FDCWD, peer.path, old, 0), 0);
	usleep(SETTLED_US);
	ck_assert(comes(KEEP));
}
END_TEST

START_TEST(it_is_not_kept_for_ever)
{
	peer_start(&peer, 0);
	usleep(SETTLED_US);
	ck_assert(comes(KEEP));
	sleep(2);
	ck_assert_uint_eq(open_folder(NULL), FOPEN_CACHE_DIR);
}
END_TEST

START_TEST(without_a_cache_nothing_is_kept)
{
	peer.options.cache = SERVER_CACHE_NEVER;
	peer_start(&peer, 0);
	usleep(SETTLED_US);
	ck_assert_uint_eq(open_folder(NULL), 0);
	ck_assert_uint_eq(open_folder(NULL), 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("listing");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, an_unchanged_folder_is_kept);
	tcase_add_test(tests, a_changed_folder_is_dropped);
	tcase_add_test(tests, what_is_just_changing_is_not_kept);
	tcase_add_test(tests, what_others_still_list_is_not_kept);
	tcase_add_test(tests, coarse_times_settle_later);
	tcase_add_test(tests, it_is_not_kept_for_ever);
	tcase_add_test(tests, without_a_cache_nothing_is_kept);
	return suite_run_case("listing", tests);
}
