/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A request to an agent, and how long it is waited for. */
#include "host/cli/agent_client.h"
#include "host/cli/exec_session.h"
#include "protocol/frame.h"
#include "tests/unit/host/cli/copy/fake_guest.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static uint8_t reply[FRAME_MAX_MESSAGE];

static struct agent *agent_of(const struct fake_guest *guest, pid_t *child)
{
	struct agent *agent;
	int fd = fake_guest_start(guest, child);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(agent_new(fd, "fake", &agent), 0);
	return agent;
}

static ssize_t list(struct agent *agent, uint64_t limit_ms)
{
	struct path_params params = {.path = SLICE_LITERAL("/root")};

	return agent_call(agent, "file.list", &message_path_params, &params, limit_ms, reply,
			  sizeof(reply));
}

START_TEST(an_answer_in_time)
{
	pid_t child;
	struct agent *agent = agent_of(&(struct fake_guest){0}, &child);

	ck_assert_int_ge(list(agent, 20000), 0);
	agent_close(agent);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

/* Neither the request is answered nor its cancellation, as by a guest whose kernel has panicked. */
START_TEST(a_guest_that_hangs_is_not_waited_for)
{
	static const struct fake_guest hangs = {.hangs = true};
	pid_t child;
	struct agent *agent = agent_of(&hangs, &child);

	ck_assert_int_eq(list(agent, 50), -ETIMEDOUT);
	ck_assert_str_eq((const char *)reply, "it does not answer");
	/* The next one is as patient. */
	ck_assert_int_eq(list(agent, 50), -ETIMEDOUT);
	agent_close(agent);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

/* Nor does a command have to be waited for: one SIGINT is enough. */
START_TEST(a_command_that_never_starts_can_be_given_up)
{
	static const struct fake_guest hangs = {.hangs = true};
	char name[] = "true", *argv[] = {name, NULL};
	const struct exec_request request = {.argv = argv, .argc = 1};
	pid_t child, who = getpid(), sender;
	struct agent *agent = agent_of(&hangs, &child);

	sender = fork();
	if (sender == 0) {
		/* Before the handler is there it would end the test, and that is no success. */
		usleep(300000);
		kill(who, SIGINT);
		_exit(0);
	}
	ck_assert_int_eq(exec_session_run(agent, &request), EXEC_SIGNALLED + SIGINT);
	ck_assert_int_eq(waitpid(sender, NULL, 0), sender);
	agent_close(agent);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("agent_call");

	tcase_add_test(tc, an_answer_in_time);
	tcase_add_test(tc, a_guest_that_hangs_is_not_waited_for);
	tcase_add_test(tc, a_command_that_never_starts_can_be_given_up);
	return suite_run_case("agent_call", tc);
}
