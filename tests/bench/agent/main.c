/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Measures what an agent takes for the same work, beside another in the same run.
 *
 *	client LODGE-SOCKET QGA-SOCKET FOLDER     figures, one "NAME LODGE QGA" a line
 *	client hold LODGE-SOCKET SECONDS          a connection that says nothing
 *
 * Each figure is the median of ROUNDS rounds, the agents taking turns; a round of short requests is
 * the median of its requests. Microseconds for requests, MB/s for files.
 */
#include "tests/bench/agent/client.h"

#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS	   7
#define PINGS	   2000
#define EXECS	   150
#define FILE_BYTES (64UL * 1024 * 1024)

struct contender {
	const struct agent_kind *kind;
	struct client *client;
	char path[512];
};

static uint8_t *sent, *received;

void fail(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(EXIT_FAILURE);
}

int connect_to(const char *socket_path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		fail("cannot connect");
	return fd;
}

void write_fully(int fd, const void *bytes, size_t size)
{
	while (size > 0) {
		const ssize_t count = write(fd, bytes, size);

		if (count <= 0)
			fail("cannot write");
		bytes = (const char *)bytes + count;
		size -= (size_t)count;
	}
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	const double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static double median(double *figures, size_t count)
{
	qsort(figures, count, sizeof(*figures), compare);
	return figures[count / 2];
}

static double requests(const struct contender *contender, void (*request)(struct client *),
		       size_t count)
{
	static double figures[PINGS];

	for (size_t i = 0; i < count; i++) {
		const double start = now_us();

		request(contender->client);
		figures[i] = now_us() - start;
	}
	return median(figures, count);
}

static double measure_ping(const struct contender *contender)
{
	return requests(contender, contender->kind->ping, PINGS);
}

static double measure_exec(const struct contender *contender)
{
	return requests(contender, contender->kind->exec, EXECS);
}

/* What no agent can do without: the kernel starts `true`, and tells when it has ended. */
static void bare_exec(struct client *client)
{
	static char name[] = "true", path[] = "PATH=/usr/bin:/bin";
	char *const argv[] = {name, NULL}, *const environment[] = {path, NULL};
	pid_t pid;

	(void)client;
	if (posix_spawnp(&pid, name, NULL, NULL, argv, environment) != 0 ||
	    waitpid(pid, NULL, 0) != pid)
		fail("cannot run true");
}

static double measure_bare_exec(const struct contender *contender)
{
	return requests(contender, bare_exec, EXECS);
}

static double measure_write(const struct contender *contender)
{
	const double start = now_us();

	contender->kind->write(contender->client, contender->path, sent, FILE_BYTES);
	return (double)FILE_BYTES / (now_us() - start);
}

static double measure_read(const struct contender *contender)
{
	const double start = now_us();
	double result;

	contender->kind->read(contender->client, contender->path, received, FILE_BYTES);
	result = (double)FILE_BYTES / (now_us() - start);
	if (memcmp(sent, received, FILE_BYTES) != 0)
		fail("a file came back changed");
	return result;
}

static void compare_by(const char *name, double (*measure)(const struct contender *),
		       const struct contender contenders[2])
{
	double figures[2][ROUNDS];

	for (size_t round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < 2; i++)
			figures[i][round] = measure(&contenders[i]);
	}
	printf("%s %.2f %.2f\n", name, median(figures[0], ROUNDS), median(figures[1], ROUNDS));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct contender contenders[2] = {{.kind = &kind_lodge}, {.kind = &kind_qga}};

	if (argc == 4 && strcmp(argv[1], "hold") == 0) {
		contenders[0].kind->open(argv[2]);
		sleep((unsigned int)atoi(argv[3]));
		return EXIT_SUCCESS;
	}
	if (argc != 4)
		fail("usage: client LODGE-SOCKET QGA-SOCKET FOLDER | client hold SOCKET SECONDS");
	sent = malloc(FILE_BYTES);
	received = malloc(FILE_BYTES);
	for (size_t i = 0; i < FILE_BYTES; i++)
		sent[i] = (uint8_t)(i * 2654435761U >> 13);
	memset(received, 0, FILE_BYTES);
	for (size_t i = 0; i < 2; i++) {
		contenders[i].client = contenders[i].kind->open(argv[1 + i]);
		snprintf(contenders[i].path, sizeof(contenders[i].path), "%s/%s.file", argv[3],
			 contenders[i].kind->name);
	}
	compare_by("ping_us", measure_ping, contenders);
	compare_by("exec_true_us", measure_exec, contenders);
	compare_by("bare_exec_true_us", measure_bare_exec, contenders);
	compare_by("file_write_mb_s", measure_write, contenders);
	compare_by("file_read_mb_s", measure_read, contenders);
	return EXIT_SUCCESS;
}
