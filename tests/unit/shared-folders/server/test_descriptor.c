/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Folders that become links, and links that become folders, while the peer walks through them: no
 * way leads out of the share. Descriptors are so few that each step opens its path again.
 */
#include "protocol/base/bytes.h"
#include "shared-folders/server/internal.h"
#include "tests/unit/shared-folders/server/peer.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS	300
#define WALKERS 2

static struct peer peer, walkers[WALKERS];
static char outside[64];
static ino_t outside_inode, secret_inode;
static atomic_bool stop;
static time_t until; /* 0: ROUNDS */

static void set_up(void)
{
	struct stat stat_;
	char path[128];

	peer_begin(&peer);
	snprintf(outside, sizeof(outside), "/tmp/lodge-test-outside.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(outside));
	snprintf(path, sizeof(path), "%s/secret", outside);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_int_eq(stat(path, &stat_), 0);
	secret_inode = stat_.st_ino;
	ck_assert_int_eq(stat(outside, &stat_), 0);
	outside_inode = stat_.st_ino;
	ck_assert_int_eq(mkdir(peer_path(&peer, "d"), 0755), 0);
	ck_assert_int_eq(mkdir(peer_path(&peer, "d/secret"), 0755), 0);
	/* Both lie in /tmp; a link that begins with a slash would be caught by more than one rule.
	 */
	snprintf(path, sizeof(path), "..%s", outside + strlen("/tmp"));
	ck_assert_int_eq(symlink(path, peer_path(&peer, "link")), 0);
	peer.options.max_descriptors = 1; /* the root's: all others are given up at once */
	peer_start(&peer, 0);
}

static void tear_down(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/secret", outside);
	/* Nothing was made there, or these fail. */
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(rmdir(outside), 0);
	peer_end(&peer);
}

/* d and link change places, again and again. */
static void *attack(void *data)
{
	int root = open(peer.path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)data;
	while (!atomic_load(&stop))
		renameat2(root, "d", root, "link", RENAME_EXCHANGE);
	close(root);
	return NULL;
}

static void check_inside(const struct peer *walker)
{
	const struct fuse_attr *attr = &PEER_BODY(walker, struct fuse_entry_out)->attr;

	ck_assert_uint_ne(attr->ino, outside_inode);
	ck_assert_uint_ne(attr->ino, secret_inode);
}

static void make_things(struct peer *walker, uint64_t node)
{
	struct fuse_mkdir_in folder = {.mode = 0755};
	struct fuse_create_in file = {.flags = O_RDWR | O_CREAT, .mode = S_IFREG | 0600};
	struct fuse_rename2_in rename_ = {.newdir = node};

	PEER_CALL(walker, .opcode = FUSE_MKDIR, .node = node, .arguments = &folder,
		  .arguments_bytes = sizeof(folder), .name = "new");
	PEER_CALL(walker, .opcode = FUSE_CREATE, .node = node, .arguments = &file,
		  .arguments_bytes = sizeof(file), .name = "file");
	PEER_CALL(walker, .opcode = FUSE_RENAME2, .node = node, .arguments = &rename_,
		  .arguments_bytes = sizeof(rename_), .name = "file", .second = "moved");
	PEER_CALL(walker, .opcode = FUSE_UNLINK, .node = node, .name = "moved");
	PEER_CALL(walker, .opcode = FUSE_RMDIR, .node = node, .name = "new");
}

/* LODGE_ESCAPE_SECONDS: for so long, instead of a few rounds. */
static bool goes_on(unsigned int round)
{
	return until ? time(NULL) < until : round < ROUNDS;
}

static void *walk(void *data)
{
	static const char *const names[] = {"d", "link"};
	struct peer *walker = data;

	for (unsigned int i = 0; goes_on(i); i++) {
		int64_t node = peer_lookup(walker, FUSE_ROOT_ID, names[i & 1]), inner;
		struct fuse_forget_in forget = {.nlookup = 1};

		if (node < 0)
			continue;
		check_inside(walker);
		inner = peer_lookup(walker, (uint64_t)node, "secret");
		if (inner > 0)
			check_inside(walker);
		make_things(walker, (uint64_t)node);
		if (inner > 0) {
			make_things(walker, (uint64_t)inner);
			PEER_CALL(walker, .opcode = FUSE_FORGET, .node = (uint64_t)inner,
				  .arguments = &forget, .arguments_bytes = sizeof(forget));
		}
		PEER_CALL(walker, .opcode = FUSE_FORGET, .node = (uint64_t)node,
			  .arguments = &forget, .arguments_bytes = sizeof(forget));
	}
	return NULL;
}

START_TEST(test_no_escape)
{
	const char *seconds = getenv("LODGE_ESCAPE_SECONDS");
	pthread_t attacker, threads[WALKERS];

	until = seconds ? time(NULL) + atoi(seconds) : 0;
	ck_assert_int_eq(pthread_create(&attacker, NULL, attack, NULL), 0);
	for (int i = 0; i < WALKERS; i++) {
		walkers[i] = peer;
		walkers[i].unique = (uint64_t)(i + 1) << 32;
		ck_assert_int_eq(pthread_create(&threads[i], NULL, walk, &walkers[i]), 0);
	}
	for (int i = 0; i < WALKERS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&stop, true);
	pthread_join(attacker, NULL);
	/* What was created stayed open; all else was forgotten again. */
	ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_DESTROY), 0);
	ck_assert_uint_eq(peer.server->inode_count, 1);
	ck_assert_uint_eq(peer.server->descriptors, 1);
}
END_TEST

/* The peer renames folders while other threads of it use what is in them: nothing is lost. */
static void *rename_folders(void *data)
{
	struct peer *walker = data;

	for (int i = 0; i < ROUNDS; i++) {
		struct fuse_rename2_in in = {.newdir = FUSE_ROOT_ID};

		ck_assert_int_eq(PEER_CALL(walker, .opcode = FUSE_RENAME2, .node = FUSE_ROOT_ID,
					   .arguments = &in, .arguments_bytes = sizeof(in),
					   .name = i & 1 ? "e" : "d", .second = i & 1 ? "d" : "e"),
				 0);
	}
	atomic_store(&stop, true);
	return NULL;
}

START_TEST(test_renames_under_way)
{
	struct fuse_getattr_in in = {0};
	pthread_t renamer;
	int64_t folder, inner;

	folder = peer_lookup(&peer, FUSE_ROOT_ID, "d");
	inner = peer_lookup(&peer, (uint64_t)folder, "secret");
	ck_assert_int_gt(inner, 0);
	walkers[0] = peer;
	ck_assert_int_eq(pthread_create(&renamer, NULL, rename_folders, &walkers[0]), 0);
	while (!atomic_load(&stop)) {
		ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_GETATTR, .node = (uint64_t)inner,
					   .arguments = &in, .arguments_bytes = sizeof(in)),
				 0);
		ck_assert_int_eq(PEER_CALL(&peer, .opcode = FUSE_GETATTR, .node = (uint64_t)folder,
					   .arguments = &in, .arguments_bytes = sizeof(in)),
				 0);
	}
	pthread_join(renamer, NULL);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("descriptor");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, test_no_escape);
	tcase_add_test(tests, test_renames_under_way);
	return suite_run_case("descriptor", tests);
}
