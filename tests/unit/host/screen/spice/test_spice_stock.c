/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stock spice-vdagent as a guest's agent: the real programs on an X server of the test's own,
 * where they are installed.
 */
#include "tests/unit/host/screen/spice/spice_world.h"

#include "protocol/clipboard_text.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MUCH (3U << 20)

static int run(struct spice_world *world, const char *command)
{
	pid_t pid = spice_world_spawn_in(world, command);
	int status = 0;

	WAIT_FOR(world, waitpid(pid, &status, WNOHANG) != 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void check_file(const struct spice_world *world, const char *name, const void *expected,
		       size_t length)
{
	char path[256];
	uint8_t *bytes = malloc(length + 1);
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", world->folder, name);
	file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "there is no %s", path);
	ck_assert_uint_eq(fread(bytes, 1, length + 1, file), length);
	ck_assert_mem_eq(bytes, expected, length);
	fclose(file);
	free(bytes);
}

static bool has_file(const struct spice_world *world, const char *name)
{
	struct stat status;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", world->folder, name);
	return stat(path, &status) == 0 && (S_ISSOCK(status.st_mode) || status.st_size > 1);
}

static int accept_daemon(struct spice_world *world)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/port", world->folder);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	world->pids[1] =
		spice_world_spawn_in(world, "PATH=$PATH:/usr/sbin exec spice-vdagentd -x -d -f -X "
					    "-u /dev/null -s port -S agent >daemon.log 2>&1");
	/* The daemon opens the port when somebody's desktop is there. */
	WAIT_FOR(world, has_file(world, "agent"));
	world->pids[2] =
		spice_world_spawn_in(world, "mkdir files && exec spice-vdagent -x -d -o 0 -f files "
					    "-s port -S agent >agent.log 2>&1");
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	close(listener);
	return fd;
}

START_TEST(test_stock)
{
	struct spice_world world;
	struct spice_call call;
	uint8_t *much = malloc(MUCH);
	char number[32] = ":", path[128];
	FILE *file;
	int fd;

	spice_world_start(&world);
	world.pids[0] =
		spice_world_spawn_in(&world, "exec Xvfb -displayfd 3 -nolisten tcp -screen 0 "
					     "640x480x24 3>display >/dev/null 2>&1");
	WAIT_FOR(&world, has_file(&world, "display"));
	snprintf(path, sizeof(path), "%s/display", world.folder);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(fgets(number + 1, sizeof(number) - 1, file));
	fclose(file);
	number[strcspn(number, "\n")] = '\0';
	setenv("DISPLAY", number, 1);
	fd = accept_daemon(&world);
	spice_world_attach(&world, fd);
	WAIT_FOR(&world, strcmp(world.backend, "spice") == 0);
	/* It is there when what is copied here can be pasted there. */
	spice_world_offer(&world, CLIPBOARD_TEXT, "from h\303\264st", 10);
	for (unsigned int i = 0; i < 100 && run(&world, "xclip -selection clipboard -o >out "
							"2>/dev/null") != 0;
	     i++) {
		spice_world_pass(&world, 100);
		spice_world_offer(&world, CLIPBOARD_TEXT, "from h\303\264st", 10);
		spice_world_pass(&world, 100);
	}
	check_file(&world, "out", "from h\303\264st", 10);

	for (size_t i = 0; i < MUCH; i++)
		much[i] = (uint8_t)(i * 13 >> 3);
	spice_world_offer(&world, "image/png", much, MUCH);
	spice_world_pass(&world, 300);
	ck_assert_int_eq(run(&world, "xclip -selection clipboard -t image/png -o >out"), 0);
	check_file(&world, "out", much, MUCH);

	ck_assert_int_eq(run(&world, "printf 'copied \\303\\251' | xclip -selection clipboard -i "
				     ">/dev/null 2>&1"),
			 0);
	WAIT_FOR(&world, strstr(world.offered, CLIPBOARD_TEXT) != NULL);
	spice_world_read(&world, &call, CLIPBOARD_TEXT);
	WAIT_FOR(&world, call.done);
	ck_assert_int_eq(call.error, 0);
	ck_assert_uint_eq(call.length, 9);
	ck_assert_mem_eq(call.bytes, "copied \303\251", 9);
	free(call.bytes);

	spice_world_send_file(&world, &call, "picture 1.png", much, MUCH);
	WAIT_FOR(&world, call.done);
	ck_assert_int_eq(call.error, 0);
	check_file(&world, "files/picture 1.png", much, MUCH);
	spice_world_send_file(&world, &call, "empty", "", 0);
	WAIT_FOR(&world, call.done);
	ck_assert_int_eq(call.error, 0);
	check_file(&world, "files/empty", "", 0);

	spice_world_apply(&world, 640, 480);
	WAIT_FOR(&world, world.applied);
	ck_assert_uint_eq(world.how.number, 0);
	spice_world_stop(&world);
	free(much);
}
END_TEST

static bool has_program(const char *program)
{
	char command[256];
	int status = -1;

	snprintf(command, sizeof(command), "PATH=$PATH:/usr/sbin command -v %s >/dev/null 2>&1",
		 program);
	waitpid(spice_world_spawn(command), &status, 0);
	if (status != 0)
		fprintf(stderr, "left out: there is no %s\n", program);
	return status == 0;
}

int main(void)
{
	TCase *tests = tcase_create("spice-stock");

	tcase_set_timeout(tests, 120);
	if (has_program("spice-vdagentd") && has_program("Xvfb") && has_program("xclip"))
		tcase_add_test(tests, test_stock);
	return suite_run_case("spice-stock", tests);
}
