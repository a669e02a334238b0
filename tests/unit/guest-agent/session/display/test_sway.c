/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/display/sway.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER                                                                                     \
	"{ \"human_readable\": \"1.10-rc2\", \"variant\": \"sway\", \"major\": 1, \"minor\": 10 }"

START_TEST(the_numbers_are_found)
{
	struct sway_version version;

	ck_assert_int_eq(sway_version_parse(ANSWER, &version), 0);
	ck_assert_uint_eq(version.major, 1);
	ck_assert_uint_eq(version.minor, 10);
	ck_assert_int_eq(sway_version_parse("", &version), -EBADMSG);
	ck_assert_int_eq(sway_version_parse("{\"major\": 1}", &version), -EBADMSG);
	ck_assert_int_eq(sway_version_parse("{\"major\": \"one\", \"minor\": 2}", &version),
			 -EBADMSG);
	ck_assert_int_eq(sway_version_parse("{\"major\":99999, \"minor\": 2}", &version), -EBADMSG);
}
END_TEST

START_TEST(commands_are_made)
{
	struct head_list heads = {
		.count = 2,
		.heads = {{.connector = "Virtual-1",
			   .enabled = true,
			   .x = 5,
			   .width = 1366,
			   .height = 768,
			   .scale_milli = 1250},
			  {.head = 1, .connector = "Virtual-2"}},
	};
	char text[256];

	ck_assert_int_eq(sway_commands(&heads, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "output Virtual-1 enable mode --custom 1366x768 position 5 0 "
			       "scale 1.250; output Virtual-2 disable; ");
	ck_assert_int_eq(sway_commands(&heads, text, 80), -EMSGSIZE);
	strcpy(heads.heads[1].connector, "x; exec");
	ck_assert_int_eq(sway_commands(&heads, text, sizeof(text)), -EINVAL);
	strcpy(heads.heads[1].connector, "");
	ck_assert_int_eq(sway_commands(&heads, text, sizeof(text)), -EINVAL);
}
END_TEST

struct peer {
	int listener;
	uint32_t length; /* that it says */
	const char *text;
};

static void *answer(void *data)
{
	const struct peer *peer = data;
	int fd = accept(peer->listener, NULL, NULL);
	char bytes[14];
	uint32_t type = 7;

	if (recv(fd, bytes, sizeof(bytes), MSG_WAITALL) == sizeof(bytes)) {
		memcpy(bytes + 6, &peer->length, 4);
		memcpy(bytes + 10, &type, 4);
		/* Whoever asked may hang up after the header: that is no reason to end this
		 * process. */
		if (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0 &&
		    send(fd, peer->text, strlen(peer->text), MSG_NOSIGNAL) < 0 && errno != EPIPE &&
		    errno != ECONNRESET)
			perror("send");
	}
	close(fd);
	return NULL;
}

/* A socket whose other end is this process, in place of a compositor's. */
static int ask(const struct peer *peer, struct sway_version *version)
{
	pthread_t thread;
	int fds[2], result;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, answer, (void *)(uintptr_t)peer), 0);
	result = sway_version_get(fds[0], version);
	pthread_join(thread, NULL);
	close(fds[0]);
	close(fds[1]);
	return result;
}

START_TEST(a_sway_is_asked)
{
	struct peer peer = {.length = strlen(ANSWER), .text = ANSWER};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char folder[] = "/tmp/lodge-test-XXXXXX";
	struct sway_version version = {0};
	int fds[2];

	ck_assert_ptr_nonnull(mkdtemp(folder));
	setenv("XDG_RUNTIME_DIR", folder, 1);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert_int_eq(sway_version_get(fds[0], &version), -ENOENT);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/sway-ipc.%u.%d.sock", folder,
		 getuid(), getpid());
	peer.listener = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(peer.listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(peer.listener, 1), 0);

	ck_assert_int_eq(ask(&peer, &version), 0);
	ck_assert_uint_eq(version.minor, 10);
	peer.length = 1U << 30;
	ck_assert_int_eq(ask(&peer, &version), -EBADMSG);
	peer.length = 1000; /* and hangs up before */
	ck_assert_int_eq(ask(&peer, &version), -EBADMSG);

	close(peer.listener);
	ck_assert_int_eq(sway_version_get(fds[0], &version), -ENOENT);
	unlink(address.sun_path);
	rmdir(folder);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("sway");

	tcase_add_test(tc, the_numbers_are_found);
	tcase_add_test(tc, commands_are_made);
	tcase_add_test(tc, a_sway_is_asked);
	return suite_run_case("sway", tc);
}
