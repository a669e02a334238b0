/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/agent/share/export_server.h"

#include "guest-agent/common/unix_socket.h"
#include "protocol/base/cleanup.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t id[SHARE_SESSION_SIZE] = {0x01, 0x23, 0xfe};
static const char name[] = "0123fe00000000000000000000000000";
static char base[64], *folder;

static void set_up(void)
{
	char agent[96];

	snprintf(base, sizeof(base), "/tmp/lodge-test-export-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(base));
	snprintf(agent, sizeof(agent), "%s/share.sock", base);
	folder = export_server_folder(agent);
	ck_assert_ptr_nonnull(folder);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
}

static void tear_down(void)
{
	ck_assert_int_eq(rmdir(folder), 0);
	ck_assert_int_eq(rmdir(base), 0);
	free(folder);
}

/* A server's socket of that name. */
static int listen_as(const char *right, char path[128])
{
	int fd;

	snprintf(path, 128, "%s/%s.%s", folder, name, right);
	fd = unix_socket_listen(path, 0600, 4);
	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(its_folder_is_beside_the_agents_socket)
{
	char *other = export_server_folder("share.sock");

	ck_assert_int_eq(strncmp(folder, base, strlen(base)), 0);
	ck_assert_str_eq(folder + strlen(base), "/exports");
	ck_assert_str_eq(other, "./exports");
	free(other);
}
END_TEST

START_TEST(one_that_is_there_is_found_and_forgotten)
{
	char path[128];
	int server = listen_as("write", path);
	_cleanup_close_ int found = export_server_find(folder, id, false);
	ck_assert_int_ge(found, 0);
	export_server_forget(folder, id, false);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_int_eq(export_server_find(folder, id, false), -ENOENT);
	ck_assert_int_eq(export_server_find(NULL, id, false), -ENOENT);
	close(server);
}
END_TEST

START_TEST(one_that_can_write_is_not_for_who_may_only_read)
{
	char path[128];
	int server = listen_as("write", path);

	ck_assert_int_eq(export_server_find(folder, id, true), -ENOENT);
	export_server_forget(folder, id, true);
	ck_assert_int_eq(access(path, F_OK), 0);
	unlink(path);
	close(server);
}
END_TEST

START_TEST(sockets_of_the_dead_are_swept_away)
{
	char dead_path[128], path[128];
	int dead = listen_as("read", dead_path);
	int server = listen_as("write", path);

	close(dead);
	export_server_sweep(folder);
	ck_assert_int_eq(access(dead_path, F_OK), -1);
	ck_assert_int_eq(access(path, F_OK), 0);
	unlink(path);
	close(server);
	export_server_sweep("/nonexistent");
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("export_server");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, its_folder_is_beside_the_agents_socket);
	tcase_add_test(tests, one_that_is_there_is_found_and_forgotten);
	tcase_add_test(tests, one_that_can_write_is_not_for_who_may_only_read);
	tcase_add_test(tests, sockets_of_the_dead_are_swept_away);
	return suite_run_case("export_server", tests);
}
