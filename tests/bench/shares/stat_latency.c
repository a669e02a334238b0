/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long one stat takes that may not be answered from a cache: microseconds, the median. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define TIMES 2001

static int by_size(const void *a, const void *b)
{
	const double *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
	static double taken[TIMES];
	struct statx stat;

	if (argc != 2)
		return 2;
	for (size_t i = 0; i < TIMES; i++) {
		const double start = now_us();

		if (statx(AT_FDCWD, argv[1], AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &stat) < 0) {
			perror(argv[1]);
			return 1;
		}
		taken[i] = now_us() - start;
	}
	qsort(taken, TIMES, sizeof(taken[0]), by_size);
	printf("%.1f\n", taken[TIMES / 2]);
	return 0;
}
