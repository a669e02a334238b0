/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * posix-random - random operations on files, compared with what memory says they should hold
 *
 *	posix-random [--seed N] [--count N] [--seconds N] DIR
 *
 * A model keeps the bytes of a handful of files and the names they have. Each step does one random
 * operation to a real file and to the model, and compares what the real one answers: bytes, sizes,
 * link counts, and that what is called a hole is zeros. The same seed gives the same operations,
 * so a failure can be had again; its last operations are printed. What a file system refuses as a
 * whole (EOPNOTSUPP, or EINVAL for O_DIRECT) is left out from then on and named at the end.
 *
 * Exit status: 0; 1 a difference; 2 it could not begin.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/falloc.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILES	 6
#define NAMES	 12
#define MAX_SIZE (512 * 1024)
#define MAX_STEP (96 * 1024)
#define PAGE	 4096
#define TAIL	 40

struct file {
	unsigned char *bytes; /* MAX_SIZE; zeros behind size */
	off_t size;
	unsigned int links; /* 0: the file does not exist, or only by its descriptor */
	int fd;
};

struct run {
	uint64_t state, step;
	struct file files[FILES];
	struct file *names[NAMES]; /* whose name "nI" is; NULL: nobody's */
	unsigned char *buffer;	   /* MAX_SIZE, aligned */
	unsigned int refused;	   /* bit per operation */
	char log[TAIL][96];
};

/* xorshift64*: the same on every machine. */
static uint64_t next(struct run *run)
{
	run->state ^= run->state >> 12;
	run->state ^= run->state << 25;
	run->state ^= run->state >> 27;
	return run->state * 0x2545f4914f6cdd1dULL;
}

static off_t below(struct run *run, off_t limit)
{
	return limit > 0 ? (off_t)(next(run) % (uint64_t)limit) : 0;
}

static __attribute__((format(printf, 2, 3))) void note(struct run *run, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(run->log[run->step % TAIL], sizeof(run->log[0]), format, list);
	va_end(list);
}

static __attribute__((format(printf, 2, 3))) _Noreturn void fail(struct run *run,
								 const char *format, ...)
{
	uint64_t first = run->step >= TAIL ? run->step - TAIL + 1 : 0;
	int error = errno;
	va_list list;

	printf("FAIL at operation %llu: ", (unsigned long long)run->step);
	va_start(list, format);
	vprintf(format, list);
	va_end(list);
	printf(" (last error: %s)\nThe last operations:\n", strerrorname_np(error));
	for (uint64_t i = first; i <= run->step; i++)
		printf("  %llu: %s\n", (unsigned long long)i, run->log[i % TAIL]);
	exit(EXIT_FAILURE);
}

static void name_of(const struct run *run, struct file *const *name, char *text)
{
	snprintf(text, 16, "n%d", (int)(name - run->names));
}

static int number(const struct run *run, const struct file *file)
{
	return (int)(file - run->files);
}

/* A name of the file, or NULL: only its descriptor is left. */
static struct file **some_name(struct run *run, const struct file *file)
{
	size_t start = (size_t)below(run, NAMES);

	for (size_t i = 0; i < NAMES; i++)
		if (run->names[(start + i) % NAMES] == file)
			return &run->names[(start + i) % NAMES];
	return NULL;
}

/* Lengths: mostly small, sometimes large, now and then whole pages. */
static off_t some_length(struct run *run)
{
	switch (below(run, 8)) {
	case 0:
		return 1 + below(run, MAX_STEP);
	case 1:
		return PAGE * (1 + below(run, 8));
	default:
		return 1 + below(run, 6000);
	}
}

static off_t some_offset(struct run *run, const struct file *file, off_t length)
{
	off_t limit = below(run, 8) ? file->size : MAX_SIZE;

	if (limit > MAX_SIZE - length)
		limit = MAX_SIZE - length;
	return below(run, limit + 1);
}

static void fill(struct run *run, off_t length)
{
	uint64_t seed = next(run);

	for (off_t i = 0; i < length; i++)
		run->buffer[i] = (unsigned char)((seed >> (i % 8 * 8)) + (uint64_t)(i >> 6)) | 1;
}

static void grow(struct file *file, off_t end)
{
	if (end > file->size)
		file->size = end;
}

static void check_status(struct run *run, const struct file *file)
{
	struct stat stat;

	if (fstat(file->fd, &stat) < 0)
		fail(run, "fstat of file %d", number(run, file));
	if (stat.st_size != file->size || stat.st_nlink != file->links)
		fail(run, "file %d: size %lld, %d links instead of %lld, %u", number(run, file),
		     (long long)stat.st_size, (int)stat.st_nlink, (long long)file->size,
		     file->links);
}

static void compare(struct run *run, const struct file *file, const unsigned char *got,
		    off_t offset, off_t length)
{
	off_t at = 0;

	if (!memcmp(got, file->bytes + offset, (size_t)length))
		return;
	while (got[at] == file->bytes[offset + at])
		at++;
	fail(run, "file %d: from %lld on, byte %lld is 0x%02x instead of 0x%02x", number(run, file),
	     (long long)offset, (long long)at, got[at], file->bytes[offset + at]);
}

static void read_at(struct run *run, const struct file *file, int fd, off_t offset, off_t length)
{
	off_t there = offset >= file->size	     ? 0
		      : file->size - offset < length ? file->size - offset
						     : length;
	ssize_t got = pread(fd, run->buffer, (size_t)length, offset);

	if (got != there)
		fail(run, "read of file %d gave %zd instead of %lld", number(run, file), got,
		     (long long)there);
	compare(run, file, run->buffer, offset, there);
}

static void write_at(struct run *run, struct file *file, int fd, off_t offset, off_t length)
{
	ssize_t done;

	fill(run, length);
	done = pwrite(fd, run->buffer, (size_t)length, offset);
	if (done != length)
		fail(run, "write to file %d took %zd", number(run, file), done);
	memcpy(file->bytes + offset, run->buffer, (size_t)length);
	grow(file, offset + length);
}

static void op_read(struct run *run, struct file *file)
{
	off_t length = some_length(run), offset = some_offset(run, file, length);

	note(run, "read file %d, %lld at %lld", number(run, file), (long long)length,
	     (long long)offset);
	read_at(run, file, file->fd, offset, length);
}

static void op_write(struct run *run, struct file *file)
{
	off_t length = some_length(run), offset = some_offset(run, file, length);

	note(run, "write file %d, %lld at %lld", number(run, file), (long long)length,
	     (long long)offset);
	write_at(run, file, file->fd, offset, length);
}

/* Another descriptor of the file, by name. Return: -EBADF if it has none. */
static int open_again(struct run *run, struct file *file, int flags)
{
	struct file **name = some_name(run, file);
	char text[16];

	if (!name)
		return -EBADF;
	name_of(run, name, text);
	return open(text, flags | O_CLOEXEC);
}

static void op_append(struct run *run, struct file *file)
{
	off_t length = some_length(run);
	int fd;

	note(run, "append to file %d, %lld", number(run, file), (long long)length);
	if (file->size + length > MAX_SIZE || !file->links)
		return;
	fd = open_again(run, file, O_WRONLY | O_APPEND);
	if (fd < 0)
		fail(run, "open for appending");
	fill(run, length);
	if (write(fd, run->buffer, (size_t)length) != length)
		fail(run, "append to file %d", number(run, file));
	memcpy(file->bytes + file->size, run->buffer, (size_t)length);
	file->size += length;
	close(fd);
}

static void op_truncate(struct run *run, struct file *file)
{
	off_t size = below(run, 3) ? below(run, file->size + 1) : below(run, MAX_SIZE);

	note(run, "truncate file %d to %lld", number(run, file), (long long)size);
	if (ftruncate(file->fd, size) < 0)
		fail(run, "ftruncate");
	if (size < file->size)
		memset(file->bytes + size, 0, (size_t)(file->size - size));
	file->size = size;
}

static bool refused(struct run *run, int operation, int error)
{
	if (errno != error)
		return false;
	run->refused |= 1U << operation;
	return true;
}

static void op_fallocate(struct run *run, struct file *file)
{
	static const struct {
		int mode;
		const char *name;
	} modes[] = {
		{FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, "punch"},
		{FALLOC_FL_ZERO_RANGE, "zero"},
		{FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, "zero, keep size"},
		{0, "allocate"},
		{FALLOC_FL_KEEP_SIZE, "allocate, keep size"},
	};
	int which = (int)below(run, 5), mode = modes[which].mode;
	off_t length = some_length(run), offset = some_offset(run, file, length);
	off_t end = offset + length;

	note(run, "%s file %d, %lld at %lld", modes[which].name, number(run, file),
	     (long long)length, (long long)offset);
	if (run->refused & 1U << which)
		return;
	if (fallocate(file->fd, mode, offset, length) < 0) {
		if (!refused(run, which, EOPNOTSUPP))
			fail(run, "fallocate");
		return;
	}
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		memset(file->bytes + offset, 0, (size_t)length);
	if (!(mode & FALLOC_FL_KEEP_SIZE))
		grow(file, end);
}

static void op_copy(struct run *run, struct file *file)
{
	struct file *to = &run->files[below(run, FILES)];
	off_t length = some_length(run), from_at = some_offset(run, file, length);
	off_t to_at = some_offset(run, to, length), there = file->size - from_at;

	note(run, "copy %lld from file %d at %lld to file %d at %lld", (long long)length,
	     number(run, file), (long long)from_at, number(run, to), (long long)to_at);
	if (length > there)
		length = there;
	if (length <= 0 || (to == file && from_at < to_at + length && to_at < from_at + length))
		return;
	while (length > 0) {
		off_t in = from_at, out = to_at;
		ssize_t done = copy_file_range(file->fd, &in, to->fd, &out, (size_t)length, 0);

		if (done <= 0 || done > length)
			fail(run, "copy_file_range gave %zd", done);
		memmove(to->bytes + to_at, file->bytes + from_at, (size_t)done);
		grow(to, to_at + done);
		from_at += done;
		to_at += done;
		length -= done;
	}
}

static void op_map(struct run *run, struct file *file, bool write)
{
	off_t length = some_length(run), offset, start;
	unsigned char *memory;

	if (length > file->size)
		length = file->size;
	offset = below(run, file->size - length + 1);
	start = offset / PAGE * PAGE;
	note(run, "map file %d, %s %lld at %lld", number(run, file), write ? "write" : "read",
	     (long long)length, (long long)offset);
	if (!length)
		return;
	memory = mmap(NULL, (size_t)(offset - start + length),
		      write ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, file->fd, start);
	if (memory == MAP_FAILED)
		fail(run, "mmap");
	if (write) {
		fill(run, length);
		memcpy(memory + (offset - start), run->buffer, (size_t)length);
		memcpy(file->bytes + offset, run->buffer, (size_t)length);
		if (!below(run, 4) && msync(memory, (size_t)(offset - start + length), MS_SYNC) < 0)
			fail(run, "msync");
	} else {
		compare(run, file, memory + (offset - start), offset, length);
	}
	munmap(memory, (size_t)(offset - start + length));
}

static void op_map_read(struct run *run, struct file *file)
{
	op_map(run, file, false);
}

static void op_map_write(struct run *run, struct file *file)
{
	op_map(run, file, true);
}

static void op_sync(struct run *run, struct file *file)
{
	bool data = below(run, 2);

	note(run, "%s file %d", data ? "fdatasync" : "fsync", number(run, file));
	/* Disks are slow: one in eight. */
	if (!below(run, 8) && (data ? fdatasync(file->fd) : fsync(file->fd)) < 0)
		fail(run, "fsync");
}

static void op_reopen(struct run *run, struct file *file)
{
	int fd;

	note(run, "reopen file %d", number(run, file));
	if (!file->links)
		return;
	fd = open_again(run, file, O_RDWR);
	if (fd < 0)
		fail(run, "reopen");
	close(file->fd);
	file->fd = fd;
	read_at(run, file, fd, 0, MAX_SIZE);
}

#define DIRECT 8

static void op_direct(struct run *run, struct file *file)
{
	off_t length = PAGE * (1 + below(run, 8));
	off_t offset = some_offset(run, file, length) / PAGE * PAGE;
	bool write = below(run, 2);
	int fd;

	note(run, "direct %s file %d, %lld at %lld", write ? "write" : "read", number(run, file),
	     (long long)length, (long long)offset);
	if (run->refused & 1U << DIRECT || !file->links)
		return;
	fd = open_again(run, file, O_RDWR | O_DIRECT);
	if (fd < 0) {
		if (!refused(run, DIRECT, EINVAL))
			fail(run, "open with O_DIRECT");
		return;
	}
	if (write)
		write_at(run, file, fd, offset, length);
	else
		read_at(run, file, fd, offset, length);
	close(fd);
}

static void op_holes(struct run *run, struct file *file)
{
	off_t at = 0;

	note(run, "holes of file %d", number(run, file));
	while (at < file->size) {
		off_t data = lseek(file->fd, at, SEEK_DATA), hole;

		if (data < 0 && errno != ENXIO)
			fail(run, "SEEK_DATA");
		hole = data < 0 ? file->size : data;
		if (hole < at || hole > file->size)
			fail(run, "SEEK_DATA from %lld gave %lld", (long long)at, (long long)data);
		for (; at < hole; at++)
			if (file->bytes[at])
				fail(run, "byte %lld is said to be in a hole", (long long)at);
		if (data < 0)
			break;
		at = lseek(file->fd, data, SEEK_HOLE);
		if (at <= data || at > file->size)
			fail(run, "SEEK_HOLE from %lld gave %lld", (long long)data, (long long)at);
	}
}

static void drop_name(struct run *run, struct file **name)
{
	(void)run;
	(*name)->links--;
	*name = NULL;
}

static void op_rename(struct run *run, struct file *file)
{
	struct file **from = some_name(run, file), **to = &run->names[below(run, NAMES)];
	char old[16], new[16];

	note(run, "rename of file %d: it has no name", number(run, file));
	if (!from)
		return;
	name_of(run, from, old);
	name_of(run, to, new);
	note(run, "rename %s to %s", old, new);
	if (rename(old, new) < 0)
		fail(run, "rename");
	/* Two names of one file: nothing happens. */
	if (*to == file)
		return;
	if (*to)
		drop_name(run, to);
	*to = file;
	*from = NULL;
}

static void op_link(struct run *run, struct file *file)
{
	struct file **from = some_name(run, file), **to = &run->names[below(run, NAMES)];
	char old[16], new[16];

	note(run, "link of file %d: it has no name", number(run, file));
	if (!from)
		return;
	name_of(run, from, old);
	name_of(run, to, new);
	note(run, "link %s as %s", old, new);
	if (link(old, new) < 0) {
		if (errno != EEXIST || !*to)
			fail(run, "link");
		return;
	}
	if (*to)
		fail(run, "link replaced a name");
	*to = file;
	file->links++;
}

/* A new file in the place of one that may have lost all its names. */
static void make(struct run *run, struct file *file)
{
	struct file **name = NULL;
	char text[16];

	for (size_t i = 0; i < NAMES && !name; i++)
		if (!run->names[i])
			name = &run->names[i];
	if (!name)
		return;
	name_of(run, name, text);
	if (file->fd >= 0)
		close(file->fd);
	file->fd = open(text, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (file->fd < 0)
		fail(run, "create of %s", text);
	memset(file->bytes, 0, MAX_SIZE);
	file->size = 0;
	file->links = 1;
	*name = file;
}

static void op_unlink(struct run *run, struct file *file)
{
	struct file **name = some_name(run, file);
	char text[16];

	if (name) {
		name_of(run, name, text);
		note(run, "unlink %s of file %d", text, number(run, file));
		if (unlink(text) < 0)
			fail(run, "unlink");
		drop_name(run, name);
		return;
	}
	note(run, "create file %d anew", number(run, file));
	make(run, file);
}

static void (*const operations[])(struct run *run, struct file *file) = {
	op_read,  op_read,   op_read,	op_read,     op_write,	   op_write,	op_write,
	op_write, op_append, op_append, op_map_read, op_map_write, op_truncate, op_fallocate,
	op_copy,  op_copy,   op_sync,	op_reopen,   op_direct,	   op_holes,	op_rename,
	op_link,  op_unlink, op_read,	op_write,
};

static void step(struct run *run)
{
	struct file *file = &run->files[below(run, FILES)];

	operations[below(run, sizeof(operations) / sizeof(*operations))](run, file);
	if (!below(run, 4))
		check_status(run, file);
}

static void report(const struct run *run, uint64_t seed)
{
	static const char *const names[] = {"punch", "zero", "zero with keep size", "allocate",
					    "allocate with keep size"};

	printf("ok: %llu operations, seed %llu\n", (unsigned long long)run->step,
	       (unsigned long long)seed);
	for (int i = 0; i < 5; i++)
		if (run->refused & 1U << i)
			printf("refused here: %s\n", names[i]);
	if (run->refused & 1U << DIRECT)
		printf("refused here: O_DIRECT\n");
}

static bool parse(const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	return !errno && *text && !*end;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", required_argument, NULL, 's'},
						{"count", required_argument, NULL, 'c'},
						{"seconds", required_argument, NULL, 't'},
						{}};
	static struct run run;
	char folder[] = "posix-random.XXXXXX";
	uint64_t seed = 1, count = 100000, seconds = UINT32_MAX;
	const time_t begun = time(NULL);
	bool right = true;
	int option;

	while ((option = getopt_long(argc, argv, "s:c:t:", options, NULL)) != -1)
		right = right && option != '?' &&
			parse(optarg, option == 's'   ? &seed
				      : option == 'c' ? &count
						      : &seconds);
	if (!right || optind != argc - 1) {
		fprintf(stderr, "usage: posix-random [--seed N] [--count N] [--seconds N] DIR\n");
		return 2;
	}
	if (chdir(argv[optind]) < 0 || !mkdtemp(folder) || chdir(folder) < 0) {
		fprintf(stderr, "posix-random: %s: %s\n", argv[optind], strerror(errno));
		return 2;
	}
	run.state = seed * 0x9e3779b97f4a7c15ULL | 1;
	if (posix_memalign((void **)&run.buffer, PAGE, MAX_SIZE))
		return 2;
	printf("seed %llu, %llu operations\n", (unsigned long long)seed, (unsigned long long)count);
	for (int i = 0; i < FILES; i++) {
		run.files[i].bytes = calloc(1, MAX_SIZE);
		run.files[i].fd = -EBADF;
		if (!run.files[i].bytes)
			return 2;
		make(&run, &run.files[i]);
	}
	for (; run.step < count && (uint64_t)(time(NULL) - begun) < seconds; run.step++)
		step(&run);
	/* All of them once more, whole. */
	for (int i = 0; i < FILES; i++) {
		check_status(&run, &run.files[i]);
		read_at(&run, &run.files[i], run.files[i].fd, 0, MAX_SIZE);
		close(run.files[i].fd);
		free(run.files[i].bytes);
	}
	for (int i = 0; i < NAMES; i++) {
		char text[16];

		name_of(&run, &run.names[i], text);
		if (run.names[i] && unlink(text) < 0)
			fail(&run, "unlink of %s", text);
	}
	free(run.buffer);
	if (chdir("..") < 0 || rmdir(folder) < 0)
		fail(&run, "rmdir");
	report(&run, seed);
	return EXIT_SUCCESS;
}
