/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How fast a file is read again and again: read_rate FILE BYTES SECONDS seq|rand|map
 * seq, rand: pread of so many bytes; map: they are added up in a mapping. Prints MiB/s.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t add_up(const uint8_t *bytes, size_t size)
{
	uint64_t sum = 0, word;

	for (size_t i = 0; i + sizeof(word) <= size; i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		sum += word;
	}
	return sum;
}

int main(int argc, char **argv)
{
	size_t size = argc == 5 ? strtoul(argv[2], NULL, 10) : 0, pieces, at = 0;
	double limit = argc == 5 ? strtod(argv[3], NULL) : 0, start;
	int fd = argc == 5 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	uint64_t state = 1, done = 0, sum = 0;
	struct stat stat;
	uint8_t *buffer, *map;

	if (fd < 0 || fstat(fd, &stat) < 0 || size == 0 || (size_t)stat.st_size < size) {
		fprintf(stderr, "usage: read_rate FILE BYTES SECONDS seq|rand|map\n");
		return 2;
	}
	pieces = (size_t)stat.st_size / size;
	buffer = malloc(size);
	map = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (!buffer || map == MAP_FAILED)
		return 1;
	start = now_s();
	do {
		size_t offset = at * size;

		if (argv[4][0] == 'm')
			sum += add_up(map + offset, size);
		else if (pread(fd, buffer, size, (off_t)offset) != (ssize_t)size)
			return 1;
		done += size;
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		at = argv[4][0] == 'r' ? (state >> 33) % pieces : (at + 1) % pieces;
	} while (now_s() - start < limit);
	printf("%.1f%s\n", (double)done / (now_s() - start) / (1 << 20), sum == 1 ? " " : "");
	return 0;
}
