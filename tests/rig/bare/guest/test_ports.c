/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hostile: all 65536 I/O ports, of every width, but those that end or reset the machine. */
#include "acpi.h"
#include "io.h"
#include "lib.h"
#include "suites.h"
#include "victim.h"

#define STRIDE_BIG   7 /* above the ports where devices are: a sample */
#define DEVICES_END  0x1000
#define STRING_BYTES 4096

/* What a write may legally do to us: power, reset, panic, interrupts, our own serial line. */
static bool is_ours(uint32_t port)
{
	const struct acpi *acpi = acpi_get();
	const struct {
		uint16_t first, last;
	} keep[] = {
		{0x20, 0x21},
		{0xa0, 0xa1},
		{0x3f8, 0x3ff},
		{0x60, 0x64},
		{0x92, 0x92},
		{0x505, 0x505},
		{0xcf8, 0xcff},
		{0x4d0, 0x4d1},
		{0x600, 0x6ff},
		{acpi->sleep_port, acpi->sleep_port + 3},
		{acpi->reset_port, acpi->reset_port},
	};

	for (size_t i = 0; i < ARRAY_SIZE(keep); i++) {
		if (port + 3 >= keep[i].first && port <= keep[i].last)
			return true;
	}
	return false;
}

static uint32_t next_port(uint32_t port)
{
	return port + (port < DEVICES_END ? 1 : STRIDE_BIG);
}

static void reads(void)
{
	for (uint32_t port = 0; port <= 0xffff; port = next_port(port)) {
		port_read8((uint16_t)port);
		port_read16((uint16_t)port);
		port_read32((uint16_t)port);
	}
	port_read16(0xffff);
	port_read32(0xfffe);
	victim_end(&victims[0]);
}

static void writes(void)
{
	for (uint32_t port = 0; port <= 0xffff; port = next_port(port)) {
		if (is_ours(port))
			continue;
		port_write8((uint16_t)port, (uint8_t)random_next());
		port_write16((uint16_t)port, (uint16_t)random_next());
		port_write32((uint16_t)port, (uint32_t)random_next());
	}
	port_write32(0xfffe, UINT32_MAX);
	victim_end(&victims[0]);
}

static void strings(void)
{
	static const uint16_t ports[] = {0x70, 0x2f8, 0xcf9 - 1, 0x510, 0xfff8};
	uint8_t *bytes = allocate(STRING_BYTES, 16);

	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		if (ports[i] != 0xcf8)
			port_write_string(ports[i], bytes, STRING_BYTES);
		port_read_string(ports[i], bytes, STRING_BYTES);
	}
	victim_end(&victims[0]);
}

/* The old way to configuration space: any address, data of any width. */
static void config_ports(void)
{
	for (unsigned i = 0; i < 2000; i++) {
		port_write32(0xcf8, (uint32_t)random_next() | (random_below(4) ? 0x80000000 : 0));
		switch (random_below(3)) {
		case 0:
			port_read8((uint16_t)(0xcfc + random_below(4)));
			break;
		case 1:
			port_read16((uint16_t)(0xcfc + random_below(4)));
			break;
		default:
			port_read32(0xcfc);
		}
		port_read8((uint16_t)(0xcf8 + random_below(8)));
	}
	victim_end(&victims[0]);
}

/* Its other registers, with the line itself left as it was. */
static void serial_registers(void)
{
	uint8_t line = port_read8(0x3fb);

	for (unsigned i = 0; i < 200; i++) {
		port_write8(0x3f9, 0);
		for (uint16_t port = 0x3f8; port < 0x400; port++)
			port_read8(port);
		port_write8(0x3ff, (uint8_t)i);
		check(port_read8(0x3ff) == (uint8_t)i, "the scratch register keeps nothing");
		port_write8(0x3fb, (uint8_t)(line | 0x80)); /* divisor latch */
		port_write8(0x3f8, (uint8_t)i);
		port_write8(0x3fb, line);
	}
	port_write8(0x3fb, 0x83);
	port_write8(0x3f8, 1);
	port_write8(0x3fb, line);
	victim_end(&victims[0]);
}

static const struct test tests[] = {
	{"reads", reads},
	{"writes", writes},
	{"strings", strings},
	{"config-ports", config_ports},
	{"serial-registers", serial_registers},
};

const struct suite suite_ports = {"ports", tests, ARRAY_SIZE(tests), NULL};
