/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/acpi/aml.h"

#include "protocol/base/bytes.h"

#include <assert.h>

/* Opcodes (ACPI 6.4, table 20.1 and section 20.2.5). */
enum {
	OP_ZERO = 0x00,
	OP_ONE = 0x01,
	OP_NAME = 0x08,
	OP_BYTE = 0x0a,
	OP_WORD = 0x0b,
	OP_DWORD = 0x0c,
	OP_STRING = 0x0d,
	OP_QWORD = 0x0e,
	OP_SCOPE = 0x10,
	OP_BUFFER = 0x11,
	OP_PACKAGE = 0x12,
	OP_METHOD = 0x14,
	OP_DUAL_NAME = 0x2e,
	OP_EXTENDED = 0x5b,
	OP_LOCAL0 = 0x60,
	OP_STORE = 0x70,
	OP_AND = 0x7b,
	OP_NOTIFY = 0x86,
	OP_IF = 0xa0,
	OP_EXTENDED_REGION = 0x80,
	OP_EXTENDED_FIELD = 0x81,
	OP_EXTENDED_DEVICE = 0x82,
};

#define SPACE_SYSTEM_IO	     1
#define METHOD_SERIALIZED    0x08
#define FIELD_BYTE_ACCESS    0x01
#define FIELD_WRITE_AS_ZEROS 0x40

static void put(struct aml *aml, const void *bytes, size_t length)
{
	if (length > aml->capacity - aml->length) {
		aml->overflow = true;
		return;
	}
	memcpy(aml->bytes + aml->length, bytes, length);
	aml->length += length;
}

static void put8(struct aml *aml, unsigned int value)
{
	uint8_t byte = (uint8_t)value;

	put(aml, &byte, 1);
}

static void put16(struct aml *aml, uint16_t value)
{
	uint8_t bytes[2];

	store_le16(bytes, value);
	put(aml, bytes, sizeof(bytes));
}

static void put32(struct aml *aml, uint32_t value)
{
	uint8_t bytes[4];

	store_le32(bytes, value);
	put(aml, bytes, sizeof(bytes));
}

static void put64(struct aml *aml, uint64_t value)
{
	uint8_t bytes[8];

	store_le64(bytes, value);
	put(aml, bytes, sizeof(bytes));
}

/* "PCI0", "\_SB", "\_SB.PCI0": segments are padded to four characters by '_'. */
static void put_name(struct aml *aml, const char *name)
{
	if (*name == '\\')
		put8(aml, (unsigned char)*name++);
	if (strchr(name, '.'))
		put8(aml, OP_DUAL_NAME);
	while (*name) {
		size_t length = strcspn(name, ".");

		assert(length >= 1 && length <= 4);
		put(aml, name, length);
		put(aml, "____", 4 - length);
		name += length;
		if (*name == '.')
			name++;
	}
}

/* --- Lengths -----------------------------------------------------------------------------------
 */

static struct aml_mark mark_here(const struct aml *aml)
{
	return (struct aml_mark){aml->length};
}

/* PkgLength counts itself. One byte holds 6 bits; more bytes leave 4 bits in the first. */
static size_t encode_length(size_t content, uint8_t bytes[4])
{
	size_t count = content + 1 < 0x40	? 1
		       : content + 2 < 0x1000	? 2
		       : content + 3 < 0x100000 ? 3
						: 4;
	size_t length = content + count;

	if (count == 1) {
		bytes[0] = (uint8_t)length;
		return count;
	}
	bytes[0] = (uint8_t)((count - 1) << 6 | (length & 0xf));
	for (size_t i = 1; i < count; i++)
		bytes[i] = (uint8_t)(length >> (8 * i - 4));
	return count;
}

void aml_end(struct aml *aml, struct aml_mark mark)
{
	uint8_t length[4];
	size_t content = aml->length - mark.at;
	size_t count = encode_length(content, length);

	if (count > aml->capacity - aml->length) {
		aml->overflow = true;
		return;
	}
	memmove(aml->bytes + mark.at + count, aml->bytes + mark.at, content);
	memcpy(aml->bytes + mark.at, length, count);
	aml->length += count;
}

/* --- Objects -----------------------------------------------------------------------------------
 */

struct aml_mark aml_begin_scope(struct aml *aml, const char *name)
{
	struct aml_mark mark;

	put8(aml, OP_SCOPE);
	mark = mark_here(aml);
	put_name(aml, name);
	return mark;
}

struct aml_mark aml_begin_device(struct aml *aml, const char *name)
{
	struct aml_mark mark;

	put8(aml, OP_EXTENDED);
	put8(aml, OP_EXTENDED_DEVICE);
	mark = mark_here(aml);
	put_name(aml, name);
	return mark;
}

struct aml_mark aml_begin_method(struct aml *aml, const char *name, unsigned int arguments,
				 bool serialized)
{
	struct aml_mark mark;

	put8(aml, OP_METHOD);
	mark = mark_here(aml);
	put_name(aml, name);
	put8(aml, arguments | (serialized ? METHOD_SERIALIZED : 0));
	return mark;
}

struct aml_mark aml_begin_package(struct aml *aml, uint8_t elements)
{
	struct aml_mark mark;

	put8(aml, OP_PACKAGE);
	mark = mark_here(aml);
	put8(aml, elements);
	return mark;
}

struct aml_mark aml_begin_if_local0_has(struct aml *aml, uint64_t bits)
{
	struct aml_mark mark;

	put8(aml, OP_IF);
	mark = mark_here(aml);
	put8(aml, OP_AND);
	put8(aml, OP_LOCAL0);
	aml_integer(aml, bits);
	put8(aml, OP_ZERO); /* the result is stored nowhere */
	return mark;
}

struct aml_mark aml_begin_byte_field(struct aml *aml, const char *region)
{
	struct aml_mark mark;

	put8(aml, OP_EXTENDED);
	put8(aml, OP_EXTENDED_FIELD);
	mark = mark_here(aml);
	put_name(aml, region);
	put8(aml, FIELD_BYTE_ACCESS | FIELD_WRITE_AS_ZEROS);
	return mark;
}

void aml_name(struct aml *aml, const char *name)
{
	put8(aml, OP_NAME);
	put_name(aml, name);
}

void aml_integer(struct aml *aml, uint64_t value)
{
	if (value <= 1) {
		put8(aml, value ? OP_ONE : OP_ZERO);
	} else if (value <= UINT8_MAX) {
		put8(aml, OP_BYTE);
		put8(aml, (unsigned int)value);
	} else if (value <= UINT16_MAX) {
		put8(aml, OP_WORD);
		put16(aml, (uint16_t)value);
	} else if (value <= UINT32_MAX) {
		put8(aml, OP_DWORD);
		put32(aml, (uint32_t)value);
	} else {
		put8(aml, OP_QWORD);
		put64(aml, value);
	}
}

void aml_string(struct aml *aml, const char *text)
{
	put8(aml, OP_STRING);
	put(aml, text, strlen(text) + 1);
}

static unsigned int hex_digit(char character)
{
	return character <= '9' ? (unsigned int)(character - '0')
				: (unsigned int)(character - 'A') + 10;
}

/* Three letters of five bits each, four hexadecimal digits, big-endian (ACPI 6.4, 19.6.34). */
void aml_eisa_id(struct aml *aml, const char *id)
{
	uint32_t value = 0;

	assert(strlen(id) == 7);
	for (int i = 0; i < 3; i++)
		value = value << 5 | ((unsigned int)(id[i] - '@') & 0x1f);
	for (int i = 3; i < 7; i++)
		value = value << 4 | hex_digit(id[i]);
	put8(aml, OP_DWORD);
	put32(aml, htobe32(value));
}

void aml_name_integer(struct aml *aml, const char *name, uint64_t value)
{
	aml_name(aml, name);
	aml_integer(aml, value);
}

void aml_name_string(struct aml *aml, const char *name, const char *text)
{
	aml_name(aml, name);
	aml_string(aml, text);
}

void aml_name_eisa_id(struct aml *aml, const char *name, const char *id)
{
	aml_name(aml, name);
	aml_eisa_id(aml, id);
}

void aml_port_region(struct aml *aml, const char *name, uint16_t port, uint8_t size)
{
	put8(aml, OP_EXTENDED);
	put8(aml, OP_EXTENDED_REGION);
	put_name(aml, name);
	put8(aml, SPACE_SYSTEM_IO);
	aml_integer(aml, port);
	aml_integer(aml, size);
}

void aml_field_unit(struct aml *aml, const char *name, uint8_t bits)
{
	assert(bits < 64);
	put_name(aml, name);
	put8(aml, bits);
}

void aml_store_in_local0(struct aml *aml, const char *name)
{
	put8(aml, OP_STORE);
	put_name(aml, name);
	put8(aml, OP_LOCAL0);
}

void aml_notify(struct aml *aml, const char *object, uint8_t value)
{
	put8(aml, OP_NOTIFY);
	put_name(aml, object);
	aml_integer(aml, value);
}

/* --- Resources (ACPI 6.4, 6.4) -----------------------------------------------------------------
 */

#define RESOURCE_IO		  0x47 /* small item, 7 bytes */
#define RESOURCE_END		  0x79
#define RESOURCE_WORD_ADDRESS	  0x88
#define RESOURCE_DWORD_ADDRESS	  0x87
#define RESOURCE_QWORD_ADDRESS	  0x8a
#define RESOURCE_INTERRUPT	  0x89
#define IO_DECODES_16_BITS	  1
#define INTERRUPT_CONSUMER	  0x01 /* active high, exclusive */
#define INTERRUPT_EDGE		  0x02
#define ADDRESS_MEMORY		  0
#define ADDRESS_BUSES		  2
#define ADDRESS_MIN_AND_MAX_FIXED 0x0c
#define MEMORY_READ_WRITE	  1
#define MEMORY_PREFETCHABLE	  6

/* Name, BufferOp, PkgLength, BufferSize, then the items. The size of the buffer stands before them
 * as an integer, so the mark is behind BufferOp and the rest is written at the end. */
struct aml_mark aml_begin_resources(struct aml *aml, const char *name)
{
	aml_name(aml, name);
	put8(aml, OP_BUFFER);
	return mark_here(aml);
}

void aml_end_resources(struct aml *aml, struct aml_mark mark)
{
	uint8_t scratch[16];
	struct aml size = {.bytes = scratch, .capacity = sizeof(scratch)};
	size_t items;

	put8(aml, RESOURCE_END);
	put8(aml, 0); /* no checksum */
	items = aml->length - mark.at;
	aml_integer(&size, items);
	if (size.length > aml->capacity - aml->length) {
		aml->overflow = true;
		return;
	}
	memmove(aml->bytes + mark.at + size.length, aml->bytes + mark.at, items);
	memcpy(aml->bytes + mark.at, scratch, size.length);
	aml->length += size.length;
	aml_end(aml, mark);
}

void aml_resource_ports(struct aml *aml, uint16_t base, uint8_t count)
{
	put8(aml, RESOURCE_IO);
	put8(aml, IO_DECODES_16_BITS);
	put16(aml, base); /* lowest and highest base: it is fixed */
	put16(aml, base);
	put8(aml, 1); /* alignment */
	put8(aml, count);
}

void aml_resource_interrupt(struct aml *aml, uint32_t gsi, enum aml_trigger trigger)
{
	put8(aml, RESOURCE_INTERRUPT);
	put16(aml, 6); /* bytes that follow */
	put8(aml, INTERRUPT_CONSUMER | (trigger == AML_EDGE ? INTERRUPT_EDGE : 0U));
	put8(aml, 1); /* interrupts */
	put32(aml, gsi);
}

void aml_resource_buses(struct aml *aml, uint16_t first, uint16_t last)
{
	put8(aml, RESOURCE_WORD_ADDRESS);
	put16(aml, 13);
	put8(aml, ADDRESS_BUSES);
	put8(aml, ADDRESS_MIN_AND_MAX_FIXED);
	put8(aml, 0);
	put16(aml, 0); /* granularity */
	put16(aml, first);
	put16(aml, last);
	put16(aml, 0); /* translation */
	put16(aml, (uint16_t)(last - first + 1));
}

void aml_resource_memory_window(struct aml *aml, uint32_t base, uint32_t size_bytes)
{
	put8(aml, RESOURCE_DWORD_ADDRESS);
	put16(aml, 23);
	put8(aml, ADDRESS_MEMORY);
	put8(aml, ADDRESS_MIN_AND_MAX_FIXED);
	put8(aml, MEMORY_READ_WRITE);
	put32(aml, 0);
	put32(aml, base);
	put32(aml, base + (size_bytes - 1));
	put32(aml, 0);
	put32(aml, size_bytes);
}

void aml_resource_high_memory_window(struct aml *aml, uint64_t base, uint64_t size_bytes)
{
	put8(aml, RESOURCE_QWORD_ADDRESS);
	put16(aml, 43);
	put8(aml, ADDRESS_MEMORY);
	put8(aml, ADDRESS_MIN_AND_MAX_FIXED);
	put8(aml, MEMORY_READ_WRITE | MEMORY_PREFETCHABLE);
	put64(aml, 0);
	put64(aml, base);
	put64(aml, base + (size_bytes - 1));
	put64(aml, 0);
	put64(aml, size_bytes);
}
