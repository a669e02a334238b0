/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * aml - writes ACPI Machine Language (ACPI 6.4, chapter 20)
 *
 * Bytes go into a buffer of the caller. Objects that contain others are opened and closed:
 *
 *	struct aml_mark device = aml_begin_device(&aml, "COM1");
 *	aml_name_string(&aml, "_HID", "PNP0501");
 *	aml_end(&aml, device);
 *
 * Closing writes the length (PkgLength, in its shortest form) and moves the content behind it. What
 * does not fit is remembered and asserted at the end: the tables are ours, no guest's.
 */
#ifndef LODGE_VMM_ACPI_AML_H
#define LODGE_VMM_ACPI_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml {
	uint8_t *bytes;
	size_t capacity;
	size_t length;
	bool overflow;
};

struct aml_mark {
	size_t at; /* where the length belongs */
};

/* Objects that contain others; each is closed by aml_end(). A name is four characters, at most a
 * leading backslash and dots between. */
struct aml_mark aml_begin_scope(struct aml *aml, const char *name);
struct aml_mark aml_begin_device(struct aml *aml, const char *name);
/* @arguments: 0 to 7. Serialized: one thread at a time. */
struct aml_mark aml_begin_method(struct aml *aml, const char *name, unsigned int arguments,
				 bool serialized);
struct aml_mark aml_begin_package(struct aml *aml, uint8_t elements);
/* If (Local0 & @bits) { */
struct aml_mark aml_begin_if_local0_has(struct aml *aml, uint64_t bits);
/* Field (@region, ByteAcc, NoLock, WriteAsZeros) { */
struct aml_mark aml_begin_byte_field(struct aml *aml, const char *region);
void aml_end(struct aml *aml, struct aml_mark mark);

/* Name (@name, ...) */
void aml_name(struct aml *aml, const char *name);
void aml_integer(struct aml *aml, uint64_t value);
void aml_string(struct aml *aml, const char *text);
/* "PNP0501" in the packed form of identifiers. */
void aml_eisa_id(struct aml *aml, const char *id);
void aml_name_integer(struct aml *aml, const char *name, uint64_t value);
void aml_name_string(struct aml *aml, const char *name, const char *text);
void aml_name_eisa_id(struct aml *aml, const char *name, const char *id);

/* OperationRegion (@name, SystemIO, @port, @size) */
void aml_port_region(struct aml *aml, const char *name, uint16_t port, uint8_t size);
/* A unit of a field, in bits (below 64). */
void aml_field_unit(struct aml *aml, const char *name, uint8_t bits);
/* Local0 = @name */
void aml_store_in_local0(struct aml *aml, const char *name);
/* Notify (@object, @value) */
void aml_notify(struct aml *aml, const char *object, uint8_t value);

/* Name (@name, ResourceTemplate () { ... }), closed by aml_end_resources(). */
struct aml_mark aml_begin_resources(struct aml *aml, const char *name);
void aml_end_resources(struct aml *aml, struct aml_mark mark);
void aml_resource_ports(struct aml *aml, uint16_t base, uint8_t count);
/* Interrupt (ResourceConsumer, Edge or Level, ActiveHigh, Exclusive) */
enum aml_trigger { AML_LEVEL, AML_EDGE };
void aml_resource_interrupt(struct aml *aml, uint32_t gsi, enum aml_trigger trigger);
/* WordBusNumber, DWordMemory, QWordMemory: what a bridge hands on (ResourceProducer). The last is
 * prefetchable. */
void aml_resource_buses(struct aml *aml, uint16_t first, uint16_t last);
void aml_resource_memory_window(struct aml *aml, uint32_t base, uint32_t size_bytes);
void aml_resource_high_memory_window(struct aml *aml, uint64_t base, uint64_t size_bytes);

#endif
