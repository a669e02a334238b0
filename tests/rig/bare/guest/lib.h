/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lib - what a C program expects and a bare guest does not have
 *
 * Output goes to the first serial port, polled. Memory comes from a bump allocator over the RAM
 * above the image: zeroed, never freed one by one; a test's memory goes back when it ends.
 */
#ifndef BARE_LIB_H
#define BARE_LIB_H

#include "io.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define KIB	      1024ULL
#define MIB	      (1024 * KIB)
#define GIB	      (1024 * MIB)

void *memcpy(void *to, const void *from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t len);

/* %s %c %d %u %x and %lu %lx with zero padding and width, %%. */
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
int format_text(char *to, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int format_text_list(char *to, size_t size, const char *format, va_list arguments);

/* The image, the allocator and everything it gives lie in RAM below @ram_end. */
void memory_init(uint64_t ram_end);
/* Zeroed; aligned to a power of two. Ends the run when there is none. */
void *allocate(size_t size_bytes, size_t alignment);
/* What has been given since a mark is taken back: memory_release(memory_mark()) around a test. */
uint64_t memory_mark(void);
void memory_release(uint64_t mark);
/* The end of the RAM that holds us (below the 32-bit hole). */
uint64_t memory_ram_end(void);

/* xorshift64*: the same numbers for the same seed on every run. */
void random_seed(uint64_t seed);
uint64_t random_next(void);
/* Below @limit. */
static inline uint64_t random_below(uint64_t limit)
{
	return random_next() % limit;
}

/* Time stamp counter ticks of @ms. */
uint64_t ticks_of_ms(uint64_t ms);

/* True as soon as @condition is, false after @ms. */
#define wait_for(condition, ms)                                                                    \
	({                                                                                         \
		uint64_t wait_until_ = tsc() + ticks_of_ms(ms);                                    \
		bool wait_met_;                                                                    \
		while (!(wait_met_ = (condition)) && tsc() < wait_until_)                          \
			cpu_relax();                                                               \
		wait_met_ || (condition);                                                          \
	})

#endif
