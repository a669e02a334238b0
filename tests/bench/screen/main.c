/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For each kind of picture and each encoding: how long a server works on a frame (its processor
 * time, user and kernel), and how many bytes it is. Lines "kind encoding ours_ms theirs_ms
 * ours_bytes theirs_bytes".
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef void server(const uint32_t *frames, int fd, int next);

struct result {
	double milliseconds, bytes; /* of all frames; or of one */
};

static double milliseconds_of(const struct rusage *usage)
{
	return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1e3 +
	       (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e3;
}

double *bench_painting_ms;

static double clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

void bench_paint(const uint32_t *frames, unsigned int number, void *pixels)
{
	size_t count = (size_t)BENCH_WIDTH * BENCH_HEIGHT;
	double start = clock_ms();

	memcpy(pixels, frames + number % BENCH_FRAMES * count, count * 4);
	*bench_painting_ms += clock_ms() - start;
}

/* The server is a process of its own; what it costs to start is measured and taken off. */
static struct result run(server *serve, const uint32_t *frames, const struct bench_wish *wish,
			 unsigned int count)
{
	int sockets[2], next[2], status;
	struct rusage usage;
	struct result result;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) < 0 || pipe(next) < 0)
		exit(1);
	*bench_painting_ms = 0;
	child = fork();
	if (child == 0) {
		close(sockets[0]);
		close(next[1]);
		serve(frames, sockets[1], next[0]);
		_exit(0);
	}
	close(sockets[1]);
	close(next[0]);
	result.bytes = (double)bench_view(sockets[0], next[1], wish, count);
	close(next[1]);
	close(sockets[0]);
	wait4(child, &status, 0, &usage);
	result.milliseconds = milliseconds_of(&usage) - *bench_painting_ms;
	return result;
}

/* Between one frame and @count: what each more costs. The better of three runs, as others use this
 * machine too. */
static struct result measure(server *serve, const uint32_t *frames, const struct bench_wish *wish,
			     unsigned int count)
{
	struct result best = {.milliseconds = 1e9};

	for (unsigned int i = 0; i < 3; i++) {
		struct result base = run(serve, frames, wish, 1);
		struct result one = run(serve, frames, wish, count + 1);

		one.milliseconds = (one.milliseconds - base.milliseconds) / count;
		one.bytes = (one.bytes - base.bytes) / count;
		if (one.milliseconds < best.milliseconds)
			best = one;
	}
	return best;
}

/* Lines "scroll-STEP encoding with_ms without_ms with_bytes without_bytes": copies of what the
 * viewer has, or all anew; both are ours, as libvncserver leaves scrolls to who draws. */
static void measure_scrolls(unsigned int count, const char *only)
{
	static const struct {
		uint32_t line, step;
	} scrolls[] = {{14, 14}, {16, 16}, {18, 18}, {19, 19}, {18, 53}, {18, 120}};
	static const struct {
		const char *name;
		int32_t encoding;
	} ways[] = {{"raw", 0}, {"zrle", 16}, {"tight", 7}};

	for (unsigned int i = 0; i < sizeof(scrolls) / sizeof(scrolls[0]); i++) {
		uint32_t *frames = bench_scrolls(scrolls[i].line, scrolls[i].step);

		for (unsigned int way = 0; way < sizeof(ways) / sizeof(ways[0]); way++) {
			struct bench_wish wish = {ways[way].encoding, -1, -1, true};
			struct result with, without;

			if (only && strcmp(only, ways[way].name) != 0)
				continue;
			with = measure(bench_ours, frames, &wish, count);
			wish.copies = false;
			without = measure(bench_ours, frames, &wish, count);
			printf("scroll-%u %s %.3f %.3f %.0f %.0f\n", scrolls[i].step,
			       ways[way].name, with.milliseconds, without.milliseconds, with.bytes,
			       without.bytes);
			fflush(stdout);
		}
		free(frames);
	}
}

int main(int argc, char **argv)
{
	static const char *const kinds[BENCH_KINDS] = {"text", "desktop", "photo"};
	static const struct {
		const char *name;
		struct bench_wish wish;
	} ways[] = {
		{"raw", {0, -1, -1, false}},	      {"zrle", {16, -1, -1, false}},
		{"zrle-2", {16, 2, -1, false}},	      {"tight", {7, -1, -1, false}},
		{"tight-2-jpeg-8", {7, 2, 8, false}},
	};
	unsigned int count = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : 12;
	const char *only = argc > 2 ? argv[2] : NULL;

	bench_painting_ms = mmap(NULL, sizeof(*bench_painting_ms), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (bench_painting_ms == MAP_FAILED)
		return 1;
	for (unsigned int kind = 0; kind < BENCH_KINDS; kind++) {
		uint32_t *frames = bench_pictures((enum bench_kind)kind);

		for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
			struct result ours, theirs;

			if (only && strcmp(only, ways[i].name) != 0)
				continue;
			ours = measure(bench_ours, frames, &ways[i].wish, count);
			theirs = measure(bench_theirs, frames, &ways[i].wish, count);
			printf("%s %s %.3f %.3f %.0f %.0f\n", kinds[kind], ways[i].name,
			       ours.milliseconds, theirs.milliseconds, ours.bytes, theirs.bytes);
			fflush(stdout);
		}
		free(frames);
	}
	measure_scrolls(count, only);
	return 0;
}
