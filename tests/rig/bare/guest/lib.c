/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib.h"

#include "io.h"
#include "test.h"

#define SERIAL_DATA	0x3f8
#define SERIAL_STATUS	0x3fd
#define SERIAL_CAN_SEND 0x20

/* As long as the rig's machines have it at least; where the image and its arena live. */
extern char bss_end[];

static struct {
	uint64_t ram_end;
	uint64_t next;
	uint64_t random;
	uint64_t ticks_per_ms;
} lib;

void *memcpy(void *to, const void *from, size_t len)
{
	void *result = to;

	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(len) : : "memory");
	return result;
}

void *memmove(void *to, const void *from, size_t len)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	if (t <= f || t >= f + len)
		return memcpy(to, from, len);
	while (len-- > 0)
		t[len] = f[len];
	return to;
}

void *memset(void *to, int byte, size_t len)
{
	void *result = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(len) : "a"(byte) : "memory");
	return result;
}

int memcmp(const void *a, const void *b, size_t len)
{
	const unsigned char *x = a, *y = b;

	/* Eight at a time: every instruction counts where the host interprets them. */
	for (; len >= 8 && *(const uint64_t *)x == *(const uint64_t *)y; len -= 8)
		x += 8, y += 8;
	for (; len > 0; len--, x++, y++) {
		if (*x != *y)
			return *x - *y;
	}
	return 0;
}

size_t strlen(const char *s)
{
	size_t len = 0;

	while (s[len] != '\0')
		len++;
	return len;
}

int strncmp(const char *a, const char *b, size_t len)
{
	for (; len > 0; len--, a++, b++) {
		if (*a != *b)
			return *a - *b;
		if (*a == '\0')
			return 0;
	}
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

/* --- Text ---------------------------------------------------------------------------------- */

struct writer {
	char *to;
	size_t size, length;
};

static void put(struct writer *writer, char c)
{
	if (writer->length + 1 < writer->size)
		writer->to[writer->length] = c;
	writer->length++;
}

static void put_number(struct writer *writer, uint64_t value, unsigned base, int width, char pad)
{
	char digits[24];
	int count = 0;

	do {
		digits[count++] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value > 0);
	for (int i = count; i < width; i++)
		put(writer, pad);
	while (count > 0)
		put(writer, digits[--count]);
}

int format_text_list(char *to, size_t size, const char *format, va_list arguments)
{
	struct writer writer = {.to = to, .size = size};

	for (; *format != '\0'; format++) {
		int width = 0;
		char pad = ' ';
		bool is_long = false;

		if (*format != '%') {
			put(&writer, *format);
			continue;
		}
		format++;
		if (*format == '0')
			pad = *format++;
		while (*format >= '0' && *format <= '9')
			width = width * 10 + (*format++ - '0');
		while (*format == 'l' || *format == 'z')
			is_long = *format++ != '\0';
		switch (*format) {
		case 's': {
			const char *s = va_arg(arguments, const char *);

			for (int used = (int)strlen(s); used < width; used++)
				put(&writer, ' ');
			while (*s != '\0')
				put(&writer, *s++);
			break;
		}
		case 'c':
			put(&writer, (char)va_arg(arguments, int));
			break;
		case 'd': {
			int64_t value = is_long ? va_arg(arguments, long) : va_arg(arguments, int);

			if (value < 0)
				put(&writer, '-');
			put_number(&writer, value < 0 ? -(uint64_t)value : (uint64_t)value, 10,
				   width, pad);
			break;
		}
		case 'u':
		case 'x':
			put_number(&writer,
				   is_long ? va_arg(arguments, unsigned long)
					   : va_arg(arguments, unsigned int),
				   *format == 'x' ? 16 : 10, width, pad);
			break;
		default:
			put(&writer, *format);
		}
	}
	if (size > 0)
		to[writer.length < size ? writer.length : size - 1] = '\0';
	return (int)writer.length;
}

int format_text(char *to, size_t size, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = format_text_list(to, size, format, arguments);
	va_end(arguments);
	return length;
}

void print(const char *format, ...)
{
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	format_text_list(text, sizeof(text), format, arguments);
	va_end(arguments);
	for (const char *c = text; *c != '\0'; c++) {
		while (!(port_read8(SERIAL_STATUS) & SERIAL_CAN_SEND))
			cpu_relax();
		port_write8(SERIAL_DATA, (uint8_t)*c);
	}
}

/* --- Memory -------------------------------------------------------------------------------- */

void memory_init(uint64_t ram_end)
{
	lib.ram_end = ram_end;
	lib.next = (uint64_t)bss_end;
}

void *allocate(size_t size_bytes, size_t alignment)
{
	uint64_t at = (lib.next + alignment - 1) & ~(alignment - 1);

	/* The last MiB stays free for the tests of the end of RAM. */
	if (at > lib.ram_end - MIB || size_bytes > lib.ram_end - MIB - at)
		fatal("the guest needs more memory than --memory gave");
	lib.next = at + size_bytes;
	return memset((void *)at, 0, size_bytes);
}

uint64_t memory_mark(void)
{
	return lib.next;
}

void memory_release(uint64_t mark)
{
	lib.next = mark;
}

uint64_t memory_ram_end(void)
{
	return lib.ram_end;
}

/* --- Chance and time ----------------------------------------------------------------------- */

void random_seed(uint64_t seed)
{
	lib.random = seed * 0x9e3779b97f4a7c15 + 1;
}

uint64_t random_next(void)
{
	lib.random ^= lib.random >> 12;
	lib.random ^= lib.random << 25;
	lib.random ^= lib.random >> 27;
	return lib.random * 0x2545f4914f6cdd1d;
}

/* CPUID tells the frequency where the VMM does; else 4 GHz, which only makes failures slower. */
uint64_t ticks_of_ms(uint64_t ms)
{
	if (lib.ticks_per_ms == 0) {
		uint32_t hypervisor = cpuid(0x40000000).eax;
		uint32_t khz = 0;

		if (cpuid(0).eax >= 0x15) {
			struct cpuid r = cpuid(0x15);

			if (r.eax != 0 && r.ebx != 0)
				khz = (uint32_t)((uint64_t)r.ecx * r.ebx / r.eax / 1000);
		}
		if (khz == 0 && hypervisor >= 0x40000010 && hypervisor < 0x40010000)
			khz = cpuid(0x40000010).eax;
		lib.ticks_per_ms = khz != 0 ? khz : 4000000;
	}
	return lib.ticks_per_ms * ms;
}
