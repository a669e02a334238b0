/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * boot_timer - how long after its exec a VMM's guest says something
 *
 *	boot_timer [--agent SOCKET] MARKER COMMAND [ARGUMENT...]
 *
 * Runs COMMAND and prints milliseconds until MARKER stands in its standard output (the guest's
 * serial console), and with --agent also until the agent behind SOCKET has said HELLO, which it
 * does in answer to the HELLO that is sent there. And PSS of the process without its guest's
 * memory (mappings of memfd and of anonymous memory as large as 64 MiB are left out). Then ends it.
 */
#include "protocol/frame.h"
#include "protocol/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MS 240000.0

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* --- The agent's end ------------------------------------------------------------------------ */

static void on_established(void *owner, const struct session_peer *peer)
{
	(void)peer;
	*(bool *)owner = true;
}

static void on_wake(void *owner)
{
	(void)owner;
}

static uint64_t on_random(void *owner)
{
	uint64_t value = 1;

	(void)owner;
	while (getrandom(&value, sizeof(value), 0) != sizeof(value))
		;
	return value;
}

static const struct session_handlers handlers = {
	.established = on_established,
	.wake = on_wake,
	.random = on_random,
};

static void send_output(struct session *session, int fd)
{
	static uint8_t bytes[65536];
	size_t length;

	while ((length = session_output(session, bytes, sizeof(bytes))) > 0) {
		if (send(fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length)
			return;
	}
}

/* --- Memory --------------------------------------------------------------------------------- */

/* Whether a mapping of smaps is the guest's memory, which is not the VMM's own. */
static bool is_guest_memory(unsigned long size_kib)
{
	return size_kib >= 64 * 1024;
}

static unsigned long own_pss_kib(pid_t pid)
{
	char path[64], line[512];
	unsigned long first, last, pss, sum = 0;
	bool guest = false;
	FILE *smaps;

	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
	smaps = fopen(path, "re");
	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &first, &last) == 2)
			guest = is_guest_memory((last - first) / 1024);
		else if (!guest && sscanf(line, "Pss: %lu kB", &pss) == 1)
			sum += pss;
	}
	if (smaps)
		fclose(smaps);
	return sum;
}

/* --- Timing --------------------------------------------------------------------------------- */

struct seen {
	char tail[4096];
	size_t length;
};

/* Appends output and looks for @marker in it. */
static bool find_marker(struct seen *seen, const char *bytes, size_t length, const char *marker)
{
	if (seen->length + length > sizeof(seen->tail)) {
		seen->length = 0;
		if (length > sizeof(seen->tail)) {
			bytes += length - sizeof(seen->tail);
			length = sizeof(seen->tail);
		}
	}
	memcpy(seen->tail + seen->length, bytes, length);
	seen->length += length;
	return memmem(seen->tail, seen->length, marker, strlen(marker)) != NULL;
}

/* One run: what was started, what is waited for, what came so far. */
struct run {
	const char *agent, *marker;
	double start;
	double user_ms, hello_ms; /* negative: not yet */
	bool established;
	struct session *session;
	struct seen seen;
	struct pollfd console, port;
};

static bool is_complete(const struct run *run)
{
	return run->user_ms >= 0 && (!run->agent || run->hello_ms >= 0);
}

static void say_hello(struct run *run)
{
	session_start(run->session);
	send_output(run->session, run->port.fd);
}

/* false: the VMM has closed its output. */
static bool read_console(struct run *run)
{
	char bytes[4096];
	ssize_t length = read(run->console.fd, bytes, sizeof(bytes));

	if (length <= 0)
		return false;
	if (run->user_ms >= 0 || !find_marker(&run->seen, bytes, (size_t)length, run->marker))
		return true;
	run->user_ms = now_ms() - run->start;
	/* QEMU drops what is sent while the guest's port is closed. */
	if (run->port.fd >= 0 && !run->established)
		say_hello(run);
	return true;
}

static void read_port(struct run *run)
{
	uint8_t bytes[4096];
	ssize_t length = read(run->port.fd, bytes, sizeof(bytes));

	if (length > 0)
		session_receive(run->session, bytes, (size_t)length);
	send_output(run->session, run->port.fd);
	if (run->established && run->hello_ms < 0)
		run->hello_ms = now_ms() - run->start;
}

static void wait_for_all(struct run *run)
{
	while (!is_complete(run)) {
		struct pollfd fds[2];

		if (now_ms() - run->start > LIMIT_MS) {
			fprintf(stderr, "boot_timer: no answer in %.0f s\n", LIMIT_MS / 1e3);
			return;
		}
		if (run->agent && run->port.fd < 0) {
			run->port.fd = connect_to(run->agent);
			if (run->port.fd >= 0)
				say_hello(run);
		}
		fds[0] = run->console;
		fds[1] = run->port;
		poll(fds, 2, run->agent && run->port.fd < 0 ? 1 : 200);
		if (fds[0].revents && !read_console(run))
			return;
		if (run->port.fd >= 0 && fds[1].revents)
			read_port(run);
	}
}

static pid_t start_command(char *const command[], int output)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	dup2(output, STDOUT_FILENO);
	execvp(command[0], command);
	fprintf(stderr, "boot_timer: %s: %s\n", command[0], strerror(errno));
	_exit(127);
}

static int measure(const char *agent, const char *marker, char *const command[])
{
	struct run run = {
		.agent = agent,
		.marker = marker,
		.user_ms = -1,
		.hello_ms = -1,
		.console = {.events = POLLIN},
		.port = {.fd = -1, .events = POLLIN},
	};
	int output[2];
	pid_t pid;

	run.session = session_new(SESSION_HOST, "boot_timer", NULL, &handlers, &run.established);
	if (!run.session || pipe2(output, O_CLOEXEC) < 0)
		return 1;
	run.start = now_ms();
	pid = start_command(command, output[1]);
	if (pid < 0)
		return 1;
	close(output[1]);
	run.console.fd = output[0];
	wait_for_all(&run);
	printf("{\"user_ms\": %.2f, \"hello_ms\": %.2f, \"pss_kib\": %lu}\n", run.user_ms,
	       run.hello_ms, own_pss_kib(pid));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	session_free(run.session);
	return is_complete(&run) ? 0 : 1;
}

int main(int count, char *arguments[])
{
	const char *agent = NULL;
	int at = 1;

	if (count > 2 && strcmp(arguments[1], "--agent") == 0) {
		agent = arguments[2];
		at = 3;
	}
	if (count < at + 2) {
		fputs("usage: boot_timer [--agent SOCKET] MARKER COMMAND [ARGUMENT...]\n", stderr);
		return 2;
	}
	return measure(agent, arguments[at], arguments + at + 1);
}
