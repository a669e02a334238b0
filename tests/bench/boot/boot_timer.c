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

static void on_lost(void *owner, int reason)
{
	(void)owner;
	(void)reason;
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
	.lost = on_lost,
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

static int measure(const char *agent, const char *marker, char *const command[])
{
	double start, user_ms = -1, hello_ms = -1;
	bool established = false;
	struct session *session =
		session_new(SESSION_HOST, "boot_timer", NULL, &handlers, &established);
	struct seen seen = {.length = 0};
	struct pollfd fds[2] = {{.events = POLLIN}, {.fd = -1, .events = POLLIN}};
	int output[2];
	pid_t pid;

	if (!session || pipe2(output, O_CLOEXEC) < 0)
		return 1;
	start = now_ms();
	pid = fork();
	if (pid == 0) {
		dup2(output[1], STDOUT_FILENO);
		execvp(command[0], command);
		fprintf(stderr, "boot_timer: %s: %s\n", command[0], strerror(errno));
		_exit(127);
	}
	close(output[1]);
	fds[0].fd = output[0];
	while (user_ms < 0 || (agent && hello_ms < 0)) {
		char bytes[4096];
		ssize_t length;

		if (now_ms() - start > LIMIT_MS) {
			fprintf(stderr, "boot_timer: no answer in %.0f s\n", LIMIT_MS / 1e3);
			break;
		}
		if (agent && fds[1].fd < 0) {
			fds[1].fd = connect_to(agent);
			if (fds[1].fd >= 0) {
				session_start(session);
				send_output(session, fds[1].fd);
			}
		}
		poll(fds, 2, fds[1].fd < 0 && agent ? 1 : 200);
		if (fds[0].revents) {
			length = read(fds[0].fd, bytes, sizeof(bytes));
			if (length <= 0)
				break;
			if (user_ms < 0 && find_marker(&seen, bytes, (size_t)length, marker)) {
				user_ms = now_ms() - start;
				/* QEMU drops what is sent while the guest's port is closed. */
				if (fds[1].fd >= 0 && !established) {
					session_start(session);
					send_output(session, fds[1].fd);
				}
			}
		}
		if (fds[1].fd >= 0 && fds[1].revents) {
			length = read(fds[1].fd, bytes, sizeof(bytes));
			if (length > 0)
				session_receive(session, bytes, (size_t)length);
			send_output(session, fds[1].fd);
			if (established && hello_ms < 0)
				hello_ms = now_ms() - start;
		}
	}
	printf("{\"user_ms\": %.2f, \"hello_ms\": %.2f, \"pss_kib\": %lu}\n", user_ms, hello_ms,
	       own_pss_kib(pid));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	session_free(session);
	return user_ms < 0 || (agent && hello_ms < 0);
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
