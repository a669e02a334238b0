/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * load - what goes on in a guest of bench-consolidation
 *
 *	load PORT DISK
 *
 * What is to go on comes by a virtio port, a line: "KIND SECONDS PHASES", and its figures go there,
 * a line each second. PHASES has a letter for each equal part of the time: 'b' for busy, 'r' for
 * rest.
 *
 *   idle      only looks at a little memory now and then
 *   build     compilers, two at a time, each a process that grows to 70..160 MiB of its own and
 *	       reads from 48 MiB of headers; its work is how many are done. Rests without any
 *   database  reads blocks anywhere in a working set of 320 MiB, at rest of 50 MiB, no more than
 *	       640 a second; its work is how many
 *   scan      reads 700 MiB from end to end, again and again; its work is MiB. Rests without any
 *
 * Each has read 120 MiB before it begins, as a guest that has run for a while. The pauses in the
 * work leave processor time to others; a guest that waits for memory does less.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB	    (1 << 20)
#define BLOCK_BYTES (64 << 10)
#define READ_MIB    120 /* before the begin */
#define HEADERS_MIB 48
#define BUSY_MIB    320
#define REST_MIB    50
#define SCANNED_MIB 700
#define TICK_MS	    50
#define TICK_BLOCKS 32
#define COMPILERS   2

struct load {
	int port, disk;
	double start_s, seconds;
	char phases[32];
	uint64_t random, work, lost;
	double told_s;
	char block[BLOCK_BYTES];
};

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void wait_ms(long ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}

/* xorshift64*: the same in every run */
static uint64_t next_random(struct load *load)
{
	load->random ^= load->random >> 12;
	load->random ^= load->random << 25;
	load->random ^= load->random >> 27;
	return load->random * 0x2545f4914f6cdd1d;
}

/* --- Figures --- */

/* The number after @name in a file of "name number" lines, or after "some ... name=". */
static unsigned long long figure(const char *file, const char *line, const char *name)
{
	char text[512];
	unsigned long long value = 0;
	FILE *stream = fopen(file, "re");

	if (!stream)
		return 0;
	while (fgets(text, sizeof(text), stream)) {
		const char *found = strstr(text, name);

		if (strncmp(text, line, strlen(line)) != 0 || !found)
			continue;
		value = strtoull(found + strlen(name), NULL, 10);
		break;
	}
	fclose(stream);
	return value;
}

static void say(const struct load *load, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(const struct load *load, const char *format, ...)
{
	char text[512];
	va_list values;
	int length;

	va_start(values, format);
	length = vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	if (length < 0 || write(load->port, text, (size_t)length) != length)
		fprintf(stderr, "load: the port takes no figures\n");
}

static void tell(struct load *load)
{
	const char *pressure = "/proc/pressure/memory", *vmstat = "/proc/vmstat";

	load->told_s = now_s();
	say(load,
	    "{\"at\": %.2f, \"work\": %llu, \"lost\": %llu, \"some_us\": %llu, \"full_us\": %llu, "
	    "\"refaults\": %llu, \"major_faults\": %llu, \"oom_kills\": %llu}\n",
	    load->told_s - load->start_s, (unsigned long long)load->work,
	    (unsigned long long)load->lost, figure(pressure, "some ", "total="),
	    figure(pressure, "full ", "total="),
	    figure(vmstat, "workingset_refault_file ", "workingset_refault_file "),
	    figure(vmstat, "pgmajfault ", "pgmajfault "), figure(vmstat, "oom_kill ", "oom_kill "));
}

static void tell_when_due(struct load *load)
{
	if (now_s() - load->told_s >= 1)
		tell(load);
}

static bool is_over(const struct load *load)
{
	return now_s() - load->start_s >= load->seconds;
}

static bool is_busy(const struct load *load)
{
	size_t phases = strlen(load->phases);
	size_t phase = (size_t)((now_s() - load->start_s) / load->seconds * (double)phases);

	return phase < phases && load->phases[phase] == 'b';
}

/* --- What they do --- */

static void read_block(struct load *load, uint64_t block)
{
	if (pread(load->disk, load->block, BLOCK_BYTES, (off_t)(block * BLOCK_BYTES)) !=
	    BLOCK_BYTES) {
		say(load, "{\"error\": \"reading: %s\"}\n", strerror(errno));
		exit(1);
	}
}

/* Somewhere in the first @mib of the disk. */
static void read_somewhere(struct load *load, unsigned int mib)
{
	read_block(load, next_random(load) % ((uint64_t)mib * MIB / BLOCK_BYTES));
}

/* A compiler. It does not return. */
static void compile(struct load *load)
{
	size_t mib = 70 + next_random(load) % 91, done = 0;
	/* As one that asks for a little at a time: what is there does not bound it at once. */
	volatile char *memory = mmap(NULL, mib * MIB, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t sum = 0;

	if (memory == MAP_FAILED)
		_exit(EXIT_FAILURE);
	while (done < mib) {
		for (size_t end = done + 4 < mib ? done + 4 : mib; done < end; done++) {
			for (size_t i = 0; i < MIB; i += 4096)
				memory[done * MIB + i] = (char)(i >> 12 | 1);
		}
		read_somewhere(load, HEADERS_MIB);
		for (unsigned int i = 0; i < 300000; i++)
			sum = sum * 31 + i;
		wait_ms(60);
	}
	/* What it made is looked at once more. */
	for (size_t i = 0; i < mib * MIB; i += 4096)
		sum += (unsigned char)memory[i];
	_exit(sum ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void build(struct load *load)
{
	unsigned int running = 0;

	while (!is_over(load)) {
		int status;

		for (; running < COMPILERS && is_busy(load); running++) {
			pid_t pid;

			next_random(load);
			pid = fork();
			if (pid < 0)
				break;
			if (pid == 0)
				compile(load);
		}
		while (running && waitpid(-1, &status, WNOHANG) > 0) {
			running--;
			if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
				load->work++;
			else
				load->lost++;
		}
		tell_when_due(load);
		wait_ms(TICK_MS);
	}
}

static void database(struct load *load)
{
	while (!is_over(load)) {
		double began_s = now_s(), left_ms;

		for (unsigned int i = 0; i < TICK_BLOCKS; i++) {
			read_somewhere(load, is_busy(load) ? BUSY_MIB : REST_MIB);
			load->work++;
			tell_when_due(load);
		}
		left_ms = TICK_MS - (now_s() - began_s) * 1000;
		if (left_ms >= 1)
			wait_ms((long)left_ms);
	}
}

static void scan(struct load *load)
{
	uint64_t block = 0;

	while (!is_over(load)) {
		for (unsigned int i = 0; i < MIB / BLOCK_BYTES && is_busy(load); i++) {
			read_block(load, block);
			block = (block + 1) % ((uint64_t)SCANNED_MIB * MIB / BLOCK_BYTES);
			load->work += i == 0;
		}
		tell_when_due(load);
		wait_ms(is_busy(load) ? 10 : TICK_MS);
	}
}

static void idle(struct load *load)
{
	size_t size = (size_t)20 * MIB;
	char *memory = malloc(size);

	if (!memory)
		return;
	while (!is_over(load)) {
		memset(memory, (int)load->work, size);
		load->work++;
		tell(load);
		wait_ms(1000);
	}
	free(memory);
}

static const struct {
	const char *name;
	void (*run)(struct load *load);
} kinds[] = {{"idle", idle}, {"build", build}, {"database", database}, {"scan", scan}};

static int run(struct load *load, const char *kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kind, kinds[i].name) != 0)
			continue;
		load->start_s = now_s();
		tell(load);
		kinds[i].run(load);
		tell(load);
		say(load, "{\"end\": true}\n");
		return 0;
	}
	say(load, "{\"error\": \"unknown kind\"}\n");
	return 2;
}

/* A line, which is all that comes. */
static int read_line(int fd, char *line, size_t size)
{
	for (size_t length = 0; length + 1 < size;) {
		ssize_t got = read(fd, line + length, 1);

		/* 0: nobody has opened the other end yet. */
		if (got < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (got <= 0) {
			wait_ms(TICK_MS);
			continue;
		}
		line[length + 1] = '\0';
		if (line[length++] == '\n')
			return 0;
	}
	return -EMSGSIZE;
}

int main(int argc, char **argv)
{
	static struct load load;
	char line[128], kind[32];

	if (argc != 3) {
		fprintf(stderr, "usage: load PORT DISK\n");
		return 2;
	}
	load.random = 88172645463325252;
	load.port = open(argv[1], O_RDWR | O_CLOEXEC);
	load.disk = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (load.port < 0 || load.disk < 0) {
		perror(load.port < 0 ? argv[1] : argv[2]);
		return 1;
	}
	for (uint64_t block = 0; block < (uint64_t)READ_MIB * MIB / BLOCK_BYTES; block++)
		read_block(&load, block);
	/* From here on blocks are read where they are asked for, without those that follow. */
	(void)posix_fadvise(load.disk, 0, 0, POSIX_FADV_RANDOM);
	say(&load, "{\"ready\": true}\n");
	if (read_line(load.port, line, sizeof(line)) < 0)
		return 1;
	if (sscanf(line, "%31s %lf %31s", kind, &load.seconds, load.phases) != 3 ||
	    load.seconds <= 0) {
		say(&load, "{\"error\": \"what is '%.20s'?\"}\n", line);
		return 2;
	}
	return run(&load, kind);
}
