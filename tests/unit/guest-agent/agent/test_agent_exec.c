/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/base/bytes.h"
#include "tests/unit/guest-agent/agent/host.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct host host;
static struct call call;

static void setup(void)
{
	host_start(&host);
}

static void teardown(void)
{
	call_clear(&call);
	host_stop(&host);
}

/* Who runs the test: only root may run programs as others. */
static const struct passwd *me(void)
{
	static struct passwd entry;
	static char bytes[4096];
	struct passwd *found;

	ck_assert_int_eq(getpwuid_r(getuid(), &entry, bytes, sizeof(bytes), &found), 0);
	ck_assert_ptr_nonnull(found);
	return found;
}

/* Parameters of an exec with these arguments; @bytes keeps them. */
static struct exec_params arguments(uint8_t *bytes, size_t capacity, const char *const *argv)
{
	struct cbor_writer writer = {.bytes = bytes, .capacity = capacity};
	uint64_t count = 0;

	while (argv[count])
		count++;
	cbor_put_array(&writer, count);
	for (uint64_t i = 0; i < count; i++)
		cbor_put_bytes(&writer, slice_of(argv[i]));
	return (struct exec_params){.argv = cbor_written(&writer), .user = slice_of(me()->pw_name)};
}

#define ARGUMENTS(...) arguments(bytes, sizeof(bytes), (const char *const[]){__VA_ARGS__, NULL})

static struct exec_result run(const struct exec_params *params)
{
	struct exec_result result;

	call_start(&host, &call, "exec", &message_exec_params, params);
	call_wait(&call);
	call_reply(&call, &message_exec_result, &result);
	return result;
}

static bool output_is(unsigned int channel, const char *text)
{
	return call.out_length[channel] == strlen(text) &&
	       memcmp(call.out[channel], text, strlen(text)) == 0;
}

START_TEST(output_and_errors_come_apart_and_the_status_through)
{
	uint8_t bytes[256];
	const struct exec_params params = ARGUMENTS("sh", "-c", "echo out; echo err >&2; exit 7");
	const struct exec_result result = run(&params);
	struct exec_started started;

	ck_assert_uint_eq(result.status, 7);
	ck_assert_uint_eq(result.signal, 0);
	ck_assert(output_is(1, "out\n"));
	ck_assert(output_is(2, "err\n"));
	ck_assert(call.ended[1] && call.ended[2]);
	ck_assert_str_eq(call.message, "started");
	ck_assert_int_eq(message_decode(&message_exec_started, call.message_params, &started), 0);
	ck_assert_uint_gt(started.pid, 1);
}
END_TEST

START_TEST(a_signal_that_ended_it_is_told)
{
	uint8_t bytes[256];
	const struct exec_params params = ARGUMENTS("sh", "-c", "kill -9 $$");
	const struct exec_result result = run(&params);

	ck_assert_uint_eq(result.signal, SIGKILL);
}
END_TEST

START_TEST(input_goes_through_with_back_pressure)
{
	const size_t size = 5 * 1024 * 1024 + 13;
	struct exec_result result;
	uint8_t bytes[256];
	struct exec_params params = ARGUMENTS("cat");
	uint8_t *input = malloc(size);

	for (size_t i = 0; i < size; i++)
		input[i] = (uint8_t)(i * 31 + i / 4096);
	params.stdin_open = true;
	call_start(&host, &call, "exec", &message_exec_params, &params);
	call_send(&call, input, size, true);
	call_wait(&call);
	call_reply(&call, &message_exec_result, &result);
	ck_assert_uint_eq(result.status, 0);
	ck_assert_uint_eq(call.out_length[1], size);
	ck_assert(memcmp(call.out[1], input, size) == 0);
	free(input);
}
END_TEST

static bool has_window(void *data)
{
	(void)data;
	return call.held >= SESSION_WINDOW;
}

START_TEST(without_credit_the_program_waits)
{
	uint8_t bytes[256];
	const struct exec_params params = ARGUMENTS("sh", "-c", "head -c 1000000 /dev/zero");
	struct exec_result result;

	call_start(&host, &call, "exec", &message_exec_params, &params);
	call.hold = true;
	host_wait(&host, has_window, NULL);
	host_run_ms(&host, 700);
	ck_assert_uint_eq(call.held, SESSION_WINDOW);
	ck_assert(!call.done);
	call.hold = false;
	stream_consumed(call.stream, 1, call.held);
	call_wait(&call);
	call_reply(&call, &message_exec_result, &result);
	ck_assert_uint_eq(call.out_length[1], 1000000);
}
END_TEST

START_TEST(input_that_nobody_reads_does_not_hang)
{
	const size_t size = 2 * 1024 * 1024;
	uint8_t bytes[256];
	struct exec_params params = ARGUMENTS("true");
	struct exec_result result;
	uint8_t *input = calloc(1, size);

	params.stdin_open = true;
	call_start(&host, &call, "exec", &message_exec_params, &params);
	call_send(&call, input, size, true);
	call_wait(&call);
	call_reply(&call, &message_exec_result, &result);
	ck_assert_uint_eq(result.status, 0);
	free(input);
}
END_TEST

START_TEST(a_background_process_does_not_hold_the_answer)
{
	uint8_t bytes[256];
	const struct exec_params params = ARGUMENTS("sh", "-c", "sleep 30 & echo $!");
	const uint64_t before = uv_hrtime();
	const struct exec_result result = run(&params);
	int pid;

	ck_assert_uint_eq(result.status, 0);
	ck_assert_uint_lt(uv_hrtime() - before, 5000000000ULL);
	/* It lives on. */
	call.out[1][call.out_length[1] - 1] = '\0';
	pid = atoi((const char *)call.out[1]);
	ck_assert_int_gt(pid, 1);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
}
END_TEST

START_TEST(a_background_writer_does_not_hold_the_answer)
{
	uint8_t bytes[256];
	const struct exec_params params = ARGUMENTS("sh", "-c", "yes & exit 3");
	const struct exec_result result = run(&params);

	ck_assert_uint_eq(result.status, 3);
}
END_TEST

static bool has_output(void *data)
{
	(void)data;
	return call.out_length[1] > 0 && call.out[1][call.out_length[1] - 1] == '\n';
}

static bool is_dead(void *data)
{
	return kill(*(int *)data, 0) < 0 && errno == ESRCH;
}

START_TEST(cancel_kills_the_whole_group)
{
	uint8_t bytes[256];
	const struct exec_params params = ARGUMENTS(
		"sh", "-c", "trap '' TERM HUP PIPE; sleep 1000 & echo $!; wait; sleep 1000");
	int pid;

	call_start(&host, &call, "exec", &message_exec_params, &params);
	host_wait(&host, has_output, NULL);
	pid = atoi((const char *)call.out[1]);
	stream_cancel(call.stream);
	call_wait(&call);
	ck_assert_int_eq(call.error, -ECANCELED);
	for (int i = 0; i < 100 && !is_dead(&pid); i++)
		host_run_ms(&host, 20);
	ck_assert(is_dead(&pid));
}
END_TEST

START_TEST(connection_loss_kills_it)
{
	uint8_t bytes[256];
	const struct exec_params params = ARGUMENTS("sh", "-c", "echo $$; exec sleep 1000");
	int pid;

	call_start(&host, &call, "exec", &message_exec_params, &params);
	host_wait(&host, has_output, NULL);
	pid = atoi((const char *)call.out[1]);
	host_restart(&host);
	ck_assert_int_eq(call.error, -ECONNRESET);
	for (int i = 0; i < 100 && !is_dead(&pid); i++)
		host_run_ms(&host, 20);
	ck_assert(is_dead(&pid));
}
END_TEST

START_TEST(signals_reach_the_group)
{
	const struct exec_signal which = {.number = SIGUSR1};
	uint8_t bytes[256], encoded[32];
	struct cbor_writer writer = CBOR_WRITER(encoded);
	const struct exec_params params =
		ARGUMENTS("sh", "-c", "trap 'exit 9' USR1; echo; while :; do sleep 0.01; done");
	struct exec_result result;

	call_start(&host, &call, "exec", &message_exec_params, &params);
	host_wait(&host, has_output, NULL);
	message_encode(&message_exec_signal, &which, &writer);
	ck_assert_int_eq(stream_message(call.stream, slice_of("signal"), cbor_written(&writer)), 0);
	call_wait(&call);
	call_reply(&call, &message_exec_result, &result);
	ck_assert_uint_eq(result.status, 9);
}
END_TEST

START_TEST(a_terminal_has_size_and_follows_changes)
{
	const struct exec_size size = {.rows = 50, .columns = 132};
	uint8_t bytes[256], encoded[32];
	struct cbor_writer writer = CBOR_WRITER(encoded);
	struct exec_params params =
		ARGUMENTS("sh", "-c", "stty size; read x; stty size; echo $TERM; read y; exit 4");
	struct exec_result result;

	params.terminal = true;
	params.stdin_open = true;
	params.rows = 25;
	params.columns = 80;
	params.term = slice_of("vt100");
	call_start(&host, &call, "exec", &message_exec_params, &params);
	host_wait(&host, has_output, NULL);
	message_encode(&message_exec_size, &size, &writer);
	stream_message(call.stream, slice_of("resize"), cbor_written(&writer));
	call_send(&call, "go\n", 3, true); /* and the end: read y fails */
	call_wait(&call);
	call_reply(&call, &message_exec_result, &result);
	ck_assert_uint_eq(result.status, 4);
	ck_assert_msg(output_is(1, "25 80\r\ngo\r\n50 132\r\nvt100\r\n") ||
			      output_is(1, "25 80\r\ngo\r\n50 132\r\nvt100\r\n^D\b\b"),
		      "%.*s", (int)call.out_length[1], (const char *)call.out[1]);
}
END_TEST

START_TEST(the_environment_is_as_after_login)
{
	uint8_t bytes[256], variables[64];
	struct cbor_writer writer = CBOR_WRITER(variables);
	struct exec_params params =
		ARGUMENTS("sh", "-c", "echo $USER:$LOGNAME:$HOME:$FOO:$SECRET; pwd; umask");
	char expected[512];

	setenv("SECRET", "of the agent", 1);
	cbor_put_array(&writer, 1);
	cbor_put_bytes(&writer, slice_of("FOO=bar"));
	params.environment = cbor_written(&writer);
	ck_assert_uint_eq(run(&params).status, 0);
	snprintf(expected, sizeof(expected), "%s:%s:%s:bar:\n%s\n0022\n", me()->pw_name,
		 me()->pw_name, me()->pw_dir, me()->pw_dir);
	ck_assert_msg(output_is(1, expected), "%.*s", (int)call.out_length[1],
		      (const char *)call.out[1]);
}
END_TEST

START_TEST(nothing_of_the_agents_is_inherited)
{
	/* ls holds the directory itself as 3. */
	static const char descriptors[] = "0\n1\n2\n3\n";
	/* Signals 32 and 33 are the C library's own: nobody above it can set them back. */
	const unsigned long long ours = ~0x180000000ULL;
	uint8_t bytes[256];
	const struct exec_params params = ARGUMENTS(
		"sh", "-c", "ls /proc/self/fd; exec grep -E 'Sig(Blk|Ign)' /proc/self/status");
	unsigned long long blocked, ignored;
	char output[256];

	ck_assert_uint_eq(run(&params).status, 0);
	snprintf(output, sizeof(output), "%.*s", (int)call.out_length[1],
		 (const char *)call.out[1]);
	ck_assert_msg(strncmp(output, descriptors, strlen(descriptors)) == 0, "%s", output);
	ck_assert_int_eq(sscanf(output + strlen(descriptors), "SigBlk: %llx SigIgn: %llx", &blocked,
				&ignored),
			 2);
	ck_assert_uint_eq(blocked, 0);
	ck_assert_uint_eq(ignored & ours, 0);
}
END_TEST

START_TEST(another_user_is_become)
{
	uint8_t bytes[256];
	struct exec_params params = ARGUMENTS("sh", "-c", "id -un; id -Gn");

	if (getuid() != 0)
		return;
	params.user = slice_of("nobody");
	ck_assert_uint_eq(run(&params).status, 0);
	ck_assert_msg(output_is(1, "nobody\nnogroup\n"), "%.*s", (int)call.out_length[1],
		      (const char *)call.out[1]);
}
END_TEST

START_TEST(what_cannot_be_run_is_refused_with_words)
{
	uint8_t bytes[256];
	struct exec_params params = ARGUMENTS("there-is-no-such-program");

	call_expect(&host, &call, "exec", &message_exec_params, &params, -ENOENT);
	call_clear(&call);
	params = ARGUMENTS("/etc/passwd");
	call_expect(&host, &call, "exec", &message_exec_params, &params, -EACCES);
	call_clear(&call);
	params = ARGUMENTS("true");
	params.user = slice_of("there-is-no-such-user");
	call_expect(&host, &call, "exec", &message_exec_params, &params, -EINVAL);
	ck_assert_ptr_nonnull(strstr(call.text, "there-is-no-such-user"));
	call_clear(&call);
	params = ARGUMENTS("true");
	params.directory = slice_of("/there/is/none");
	call_expect(&host, &call, "exec", &message_exec_params, &params, -ENOTDIR);
	call_clear(&call);
	params = ARGUMENTS("");
	call_expect(&host, &call, "exec", &message_exec_params, &params, -EINVAL);
}
END_TEST

START_TEST(a_login_shell_is_one)
{
	uint8_t bytes[256];
	struct exec_params params = ARGUMENTS("unused");

	params.argv = (struct slice){0};
	params.shell = true;
	params.stdin_open = true;
	call_start(&host, &call, "exec", &message_exec_params, &params);
	call_send(&call, "echo $0; exit 5\n", 16, true);
	call_wait(&call);
	ck_assert_int_eq(call.error, 0);
	ck_assert(call.out_length[1] > 2 && call.out[1][0] == '-');
}
END_TEST

START_TEST(many_at_once_and_no_more_than_the_limit)
{
	uint8_t bytes[256];
	const struct exec_params params = ARGUMENTS("sh", "-c", "read x; echo done");
	struct call calls[70];
	struct exec_params open = params;
	unsigned int refused = 0, served = 0;

	open.stdin_open = true;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		call_start(&host, &calls[i], "exec", &message_exec_params, &open);
	host_run_ms(&host, 300);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (!calls[i].done)
			call_send(&calls[i], "\n", 1, true);
	}
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		call_wait(&calls[i]);
		refused += calls[i].error == -EAGAIN;
		served += calls[i].error == 0 && calls[i].out_length[1] == 5;
		call_clear(&calls[i]);
	}
	ck_assert_uint_eq(refused, 6);
	ck_assert_uint_eq(served, 64);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("exec");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, output_and_errors_come_apart_and_the_status_through);
	tcase_add_test(tc, a_signal_that_ended_it_is_told);
	tcase_add_test(tc, input_goes_through_with_back_pressure);
	tcase_add_test(tc, without_credit_the_program_waits);
	tcase_add_test(tc, input_that_nobody_reads_does_not_hang);
	tcase_add_test(tc, a_background_process_does_not_hold_the_answer);
	tcase_add_test(tc, a_background_writer_does_not_hold_the_answer);
	tcase_add_test(tc, cancel_kills_the_whole_group);
	tcase_add_test(tc, connection_loss_kills_it);
	tcase_add_test(tc, signals_reach_the_group);
	tcase_add_test(tc, a_terminal_has_size_and_follows_changes);
	tcase_add_test(tc, the_environment_is_as_after_login);
	tcase_add_test(tc, nothing_of_the_agents_is_inherited);
	tcase_add_test(tc, another_user_is_become);
	tcase_add_test(tc, what_cannot_be_run_is_refused_with_words);
	tcase_add_test(tc, a_login_shell_is_one);
	tcase_add_test(tc, many_at_once_and_no_more_than_the_limit);
	return suite_run_case("agent exec", tc);
}
