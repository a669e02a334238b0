/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * coherence - whether a mount shows what others do to the folder behind it
 *
 *	coherence random PLAIN MOUNT COUNT SEED [LIMIT_MS]
 *		after each of COUNT random changes, all that the mount shows becomes what the
 *		folder has, and nobody but us changed the folder
 *	coherence storm PLAIN MOUNT COUNT
 *		COUNT changes as fast as they go, then the same
 *	coherence events PLAIN MOUNT COUNT
 *		inotify on the mount sees each kind of change, and within 100 ms
 *
 * PLAIN is changed directly and has to be empty; MOUNT is it, mounted. Waits long for what has
 * to come true; says on standard output how long it took.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"

/* Less than a kernel believes without being told: what was not told is to be seen. */
static double limit_ms = 45000;
#define NAMES 12

/* So soon somebody who watches is to hear of a change, and so many more times it is tried. */
#define SOON_MS	    100
#define MORE_ROUNDS 500

static const char *plain, *mounted;

static _Noreturn __attribute__((format(printf, 1, 2))) void fail(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fprintf(stderr, "coherence: ");
	vfprintf(stderr, format, arguments);
	fprintf(stderr, "\n");
	va_end(arguments);
	exit(1);
}

static void need(int result, const char *what)
{
	if (result < 0)
		fail("%s: %s", what, strerror(errno));
}

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

static void say_times(const char *what, double *times, size_t count)
{
	qsort(times, count, sizeof(*times), by_value);
	printf("%-12s %5zu  median %6.2f ms  99%% %6.2f ms  most %6.2f ms\n", what, count,
	       times[count / 2], times[count * 99 / 100], times[count - 1]);
}

/* --- What a tree is, as text ----------------------------------------------------------------- */

struct text {
	char *bytes;
	size_t length;
	FILE *stream;
};

static void describe_file(FILE *out, int folder, const char *name, const struct stat *status)
{
	char buffer[4096];
	uint64_t hash = 0xcbf29ce484222325ULL;
	ssize_t length;

	if (S_ISLNK(status->st_mode)) {
		length = readlinkat(folder, name, buffer, sizeof(buffer));
		fprintf(out, " %.*s", (int)MAX(length, 0), buffer);
		return;
	}
	_cleanup_close_ int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	while ((length = read(fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t i = 0; i < length; i++)
			hash = (hash ^ (uint8_t)buffer[i]) * 0x100000001b3ULL;
	fprintf(out, " %016llx", (unsigned long long)hash);
}

static void describe(FILE *out, const char *path)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, NULL, alphasort);
	_cleanup_close_ int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		char below[PATH_MAX];
		struct stat status;

		if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
			if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) < 0) {
				fprintf(out, "%s: %s\n", name, strerror(errno));
			} else {
				fprintf(out, "%s %o %u %u", name, status.st_mode, status.st_uid,
					status.st_gid);
				fprintf(out, " %lld.%09ld %lld.%09ld",
					(long long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
					(long long)status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
				if (!S_ISDIR(status.st_mode)) {
					fprintf(out, " %lld %u", (long long)status.st_size,
						(unsigned int)status.st_nlink);
					describe_file(out, folder, name, &status);
				}
				fprintf(out, "\n");
				if (S_ISDIR(status.st_mode)) {
					snprintf(below, sizeof(below), "%s/%s", path, name);
					fprintf(out, "{\n");
					describe(out, below);
					fprintf(out, "}\n");
				}
			}
		}
		free(entries[i]);
	}
	free(entries);
}

static char *description(const char *path)
{
	struct text text = {0};

	text.stream = open_memstream(&text.bytes, &text.length);
	if (!text.stream)
		fail("no memory");
	describe(text.stream, path);
	fclose(text.stream);
	return text.bytes;
}

static void show_difference(const char *a, const char *b)
{
	const char *line_a = a, *line_b = b;

	while (*a && *a == *b) {
		if (*a == '\n') {
			line_a = a + 1;
			line_b = b + 1;
		}
		a++;
		b++;
	}
	fprintf(stderr, "folder: %.*s\nmount:  %.*s\n", (int)strcspn(line_a, "\n"), line_a,
		(int)strcspn(line_b, "\n"), line_b);
}

/* Until the mount shows what the folder has. Return: how long it took. */
static double wait_same(const char *after)
{
	double start = now_ms();
	_cleanup_free_ char *truth = description(plain);

	for (;;) {
		_cleanup_free_ char *shown = description(mounted);
		_cleanup_free_ char *still = NULL;
		double took = now_ms() - start;

		if (strcmp(truth, shown) == 0) {
			still = description(plain);
			if (strcmp(truth, still) != 0) {
				show_difference(truth, still);
				fail("after %s somebody changed the folder", after);
			}
			return took;
		}
		if (took > limit_ms) {
			show_difference(truth, shown);
			fail("after %s the mount shows something else", after);
		}
	}
}

/* --- Random changes -------------------------------------------------------------------------- */

static uint32_t random_state;

static uint32_t below(uint32_t bound)
{
	random_state = random_state * 1664525 + 1013904223;
	return (random_state >> 8) % bound;
}

/* A name out of few, in one of three folders. */
static void random_path(char *path, size_t size)
{
	static const char *const folders[] = {"", "one/", "one/two/"};

	snprintf(path, size, "%s/%sn%u", plain, folders[below(3)], below(NAMES));
}

static void write_some(const char *path, int flags)
{
	char bytes[9000];
	int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | flags, 0644);

	if (fd < 0)
		return;
	memset(bytes, 'a' + (int)below(26), sizeof(bytes));
	if (!(flags & (O_TRUNC | O_APPEND)))
		need((int)lseek(fd, below(3000), SEEK_SET), path);
	need((int)write(fd, bytes, below(sizeof(bytes))), path);
	close(fd);
}

/* Those that fail (the name is taken, or there is none) change nothing. */
static void change(char *what, size_t size)
{
	char path[PATH_MAX], other[PATH_MAX];
	unsigned int kind = below(12);

	random_path(path, sizeof(path));
	random_path(other, sizeof(other));
	snprintf(what, size, "change %u of %s (%s)", kind, path, other);
	switch (kind) {
	case 0:
	case 1:
		write_some(path, O_TRUNC);
		break;
	case 2:
		write_some(path, O_APPEND);
		break;
	case 3:
		write_some(path, 0);
		break;
	case 4:
		if (unlink(path) < 0)
			rmdir(path);
		break;
	case 5:
	case 6:
		rename(path, other);
		break;
	case 7:
		chmod(path, below(2) ? 0600 : 0755);
		break;
	case 8:
		mkdir(path, 0755);
		break;
	case 9:
		if (symlink(other, path) < 0 && truncate(path, below(5000)) < 0)
			return;
		break;
	case 10:
		/* As editors save. */
		snprintf(other, sizeof(other), "%s/one/.saved", plain);
		write_some(other, O_TRUNC);
		rename(other, path);
		break;
	default:
		utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
		break;
	}
}

static void make_folders(void)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/one", plain);
	need(mkdir(path, 0755), path);
	snprintf(path, sizeof(path), "%s/one/two", plain);
	need(mkdir(path, 0755), path);
	wait_same("the beginning");
}

static void run_random(unsigned int count)
{
	double *times = calloc(count, sizeof(*times));

	make_folders();
	for (unsigned int i = 0; i < count; i++) {
		char what[3 * PATH_MAX];

		change(what, sizeof(what));
		times[i] = wait_same(what);
	}
	say_times("coherent", times, count);
	free(times);
}

static void run_storm(unsigned int count)
{
	double start;
	char what[3 * PATH_MAX];

	make_folders();
	start = now_ms();
	for (unsigned int i = 0; i < count; i++) {
		if (i % 4 == 0) {
			char path[PATH_MAX];

			snprintf(path, sizeof(path), "%s/one/file-%u", plain, i);
			write_some(path, O_TRUNC);
		} else {
			change(what, sizeof(what));
		}
	}
	printf("%u changes in %.0f ms, ", count, now_ms() - start);
	printf("coherent %.0f ms later\n", wait_same("the storm"));
}

/* --- Events ---------------------------------------------------------------------------------- */

/* Until an event of @mask about @name. Return: when it came; 0: not in @within_ms. */
static double wait_event_for(int events, uint32_t mask, const char *name, double within_ms)
{
	_Alignas(struct inotify_event) char buffer[4096];
	double start = now_ms();

	while (now_ms() - start < within_ms) {
		struct pollfd wait = {.fd = events, .events = POLLIN};
		ssize_t length;

		poll(&wait, 1, 200);
		length = read(events, buffer, sizeof(buffer));
		for (ssize_t at = 0; at < length;) {
			const struct inotify_event *event = (const void *)(buffer + at);

			if (event->mask & mask && event->len && strcmp(event->name, name) == 0)
				return now_ms();
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
	return 0;
}

static double wait_event(int events, uint32_t mask, const char *name)
{
	double when = wait_event_for(events, mask, name, limit_ms);

	if (when == 0)
		fail("no event %x of %s", mask, name);
	return when;
}

/* Who acts the changes out comes after the mount: until it is there. */
static void wait_echo(int events)
{
	double start = now_ms(), when = 0;
	char name[32], path[PATH_MAX];

	for (int i = 0; when == 0 && now_ms() - start < limit_ms; i++) {
		snprintf(name, sizeof(name), "first-%d", i);
		snprintf(path, sizeof(path), "%s/%s", plain, name);
		need(mkdir(path, 0755), path);
		when = wait_event_for(events, IN_CREATE, name, 500);
		need(rmdir(path), path);
	}
	if (when == 0)
		fail("no events at all");
}

enum { KINDS = 7 };

static const char *const kinds[KINDS] = {"create", "modify", "close-write", "attrib",
					 "move",   "delete", "mkdir"};

/* One of each kind; @took: ms from the change in the folder to the event in the mount. */
static void change_and_hear(int events, unsigned int i, double took[KINDS])
{
	char name[32], other[32], path[PATH_MAX], to[PATH_MAX];
	double start;
	int fd;

	snprintf(name, sizeof(name), "file-%u", i);
	snprintf(other, sizeof(other), "moved-%u", i);
	snprintf(path, sizeof(path), "%s/%s", plain, name);
	snprintf(to, sizeof(to), "%s/%s", plain, other);
	start = now_ms();
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
	need(fd, path);
	took[0] = wait_event(events, IN_CREATE, name) - start;
	start = now_ms();
	need((int)write(fd, "x", 1), path);
	took[1] = wait_event(events, IN_MODIFY, name) - start;
	start = now_ms();
	close(fd);
	took[2] = wait_event(events, IN_CLOSE_WRITE, name) - start;
	start = now_ms();
	need(chmod(path, 0600), path);
	took[3] = wait_event(events, IN_ATTRIB, name) - start;
	start = now_ms();
	need(rename(path, to), path);
	took[4] = wait_event(events, IN_MOVED_TO, other) - start;
	start = now_ms();
	need(unlink(to), to);
	took[5] = wait_event(events, IN_DELETE, other) - start;
	start = now_ms();
	need(mkdir(path, 0755), path);
	took[6] = wait_event(events, IN_CREATE, name) - start;
	need(rmdir(path), path);
	wait_event(events, IN_DELETE, name);
}

/* What is waited for on purpose makes all of a kind late; a machine that is busy, some. So each
 * kind has to have come in time once; there are more rounds until it has. */
static void run_events(unsigned int count)
{
	double took[KINDS], best[KINDS], *times[KINDS];
	int events = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	unsigned int late = KINDS;

	need(inotify_add_watch(events, mounted, IN_ALL_EVENTS), mounted);
	wait_echo(events);
	for (size_t i = 0; i < KINDS; i++) {
		times[i] = calloc(count, sizeof(double));
		best[i] = limit_ms;
	}
	for (unsigned int i = 0; i < count || (late && i < count + MORE_ROUNDS); i++) {
		change_and_hear(events, i, took);
		late = 0;
		for (size_t kind = 0; kind < KINDS; kind++) {
			if (i < count)
				times[kind][i] = took[kind];
			best[kind] = MIN(best[kind], took[kind]);
			late += best[kind] > SOON_MS;
		}
	}
	for (size_t i = 0; i < KINDS; i++) {
		say_times(kinds[i], times[i], count);
		if (best[i] > SOON_MS)
			fail("%s was never heard of within %d ms", kinds[i], SOON_MS);
		free(times[i]);
	}
	close(events);
}

int main(int argc, char **argv)
{
	unsigned int count = argc > 4 ? (unsigned int)strtoul(argv[4], NULL, 10) : 0;

	if (count == 0) {
		fprintf(stderr, "usage: coherence random|storm|events PLAIN MOUNT COUNT [SEED]\n");
		return 2;
	}
	plain = argv[2];
	mounted = argv[3];
	random_state = argc > 5 ? (uint32_t)strtoul(argv[5], NULL, 10) : 1;
	if (argc > 6)
		limit_ms = (double)strtoul(argv[6], NULL, 10);
	setvbuf(stdout, NULL, _IOLBF, 0);
	umask(022);
	if (strcmp(argv[1], "random") == 0)
		run_random(count);
	else if (strcmp(argv[1], "storm") == 0)
		run_storm(count);
	else if (strcmp(argv[1], "events") == 0)
		run_events(count);
	else
		return 2;
	return 0;
}
