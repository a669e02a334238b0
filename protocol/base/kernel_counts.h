/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel_counts - numbers out of the kernel's lists: a name and a number a line
 *
 * Of /proc/meminfo ("MemTotal:   2048 kB") and /proc/vmstat ("pswpin 17"): proc(5).
 */
#ifndef LODGE_BASE_KERNEL_COUNTS_H
#define LODGE_BASE_KERNEL_COUNTS_H

#include <stddef.h>
#include <stdint.h>

/* Of a file that is read; the kernel's are smaller. */
#define KERNEL_FILE_BYTES 16384

struct kernel_count {
	const char *name; /* without the colon */
	uint64_t
		*value; /* bytes where the file says kB; left alone where no number has that name */
};

/**
 * kernel_counts_read() - look up some numbers
 * @path:	read without keeping anything: it may be read often
 * @wanted:	what is looked for
 * @count:	at most 64
 * @found:	bit N: @wanted[N] was there; may be NULL
 *
 * Return: 0; negative errno if it cannot be read.
 */
int kernel_counts_read(const char *path, const struct kernel_count *wanted, size_t count,
		       uint64_t *found);

/**
 * kernel_file_read() - the text of a small file of the kernel's
 * @text:	receives it, NUL-terminated, cut to fit
 *
 * Return: its length, or negative errno.
 */
int kernel_file_read(const char *path, char *text, size_t capacity);

#endif
