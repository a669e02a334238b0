/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Several threads forget what is in a folder, and the folder: the last of them frees it, once.
 */
#include "tests/unit/shared-folders/server/peer.h"
#include "tests/unit/suite.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>

#define FILES  2
#define ROUNDS 3000

static struct peer peer, second;
static uint64_t nodes[FILES + 1]; /* the last is the folder */
static pthread_barrier_t barrier;

static void set_up(void)
{
	char name[32];

	peer_begin(&peer);
	ck_assert_int_eq(mkdir(peer_path(&peer, "folder"), 0755), 0);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "folder/%d", i);
		peer_write(&peer, name, "x");
	}
	peer_start(&peer, 0);
	second = peer;
}

static void tear_down(void)
{
	peer_end(&peer);
}

static void forget(struct peer *from, int index)
{
	const struct fuse_forget_in one = {.nlookup = 1};

	ck_assert_int_eq(PEER_CALL(from, .opcode = FUSE_FORGET, .node = nodes[index],
				   .arguments = &one, .arguments_bytes = sizeof(one)),
			 1);
}

static void *forget_odd(void *unused)
{
	(void)unused;
	for (int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&barrier);
		for (int i = 1; i < FILES; i += 2)
			forget(&second, i);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

START_TEST(a_folder_goes_once_whoever_comes_last)
{
	const struct fuse_open_in how = {.flags = O_RDONLY};
	struct fuse_release_in opened = {0};
	pthread_t thread;
	char name[32];

	ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, forget_odd, NULL), 0);
	for (int round = 0; round < ROUNDS; round++) {
		nodes[FILES] = (uint64_t)peer_lookup(&peer, FUSE_ROOT_ID, "folder");
		for (int i = 0; i < FILES; i++) {
			snprintf(name, sizeof(name), "%d", i);
			nodes[i] = (uint64_t)peer_lookup(&peer, nodes[FILES], name);
			/* Its descriptor stays open, and is closed without the lock. */
			ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_OPEN, .node = nodes[i],
						   .arguments = &how,
						   .arguments_bytes = sizeof(how)),
					 0);
			opened.fh = PEER_BODY(&peer, struct fuse_open_out)->fh;
			ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_RELEASE, .node = nodes[i],
						   .arguments = &opened,
						   .arguments_bytes = sizeof(opened)),
					 0);
		}
		forget(&peer, FILES);
		pthread_barrier_wait(&barrier);
		for (int i = 0; i < FILES; i += 2)
			forget(&peer, i);
		pthread_barrier_wait(&barrier);
	}
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&barrier);
	/* Nothing is left of it, and it can be found again. */
	ck_assert_int_gt(peer_lookup(&peer, FUSE_ROOT_ID, "folder"), 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("release");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_folder_goes_once_whoever_comes_last);
	return suite_run_case("release", tests);
}
