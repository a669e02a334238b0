/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "power.h"

#include "acpi.h"
#include "blk.h"
#include "io.h"
#include "lib.h"
#include "test.h"

#define PVPANIC_PORT	 0x505
#define PVPANIC_PANICKED 1

/* The disk's sector that remembers a first boot. */
#define MARK_SECTOR 100
#define MARK	    0x4c4f444745ULL

/* An exception without a usable table of handlers, thrice. */
static _Noreturn void triple_fault(void)
{
	static const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) empty = {0, 0};

	interrupts_off();
	__asm__ volatile("lidt %0; ud2" : : "m"(empty));
	__builtin_unreachable();
}

static _Noreturn void reset_once(void)
{
	struct blk blk;
	uint64_t *sector = allocate(BLK_SECTOR, BLK_SECTOR);

	if (!blk_start(&blk, 0, 0) || !blk_read(&blk, MARK_SECTOR, sector, BLK_SECTOR))
		fatal("the disk that remembers the first boot does not answer");
	if (*sector == MARK) {
		print("ok guest/second-boot\n");
		acpi_power_off();
	}
	*sector = MARK;
	if (!blk_write(&blk, MARK_SECTOR, sector, BLK_SECTOR))
		fatal("the disk that remembers the first boot takes no write");
	acpi_reset();
}

_Noreturn void power_end(const char *how)
{
	static const char *const names[] = {"reset-once", "reset", "triple-fault", "panic",
					    "sleep"};
	size_t which = 0;

	while (how != NULL && which < ARRAY_SIZE(names) &&
	       strncmp(how, names[which], strlen(names[which])) != 0)
		which++;
	switch (how != NULL ? which : ARRAY_SIZE(names)) {
	case 0:
		reset_once();
	case 1:
		acpi_reset();
	case 2:
		triple_fault();
	case 3:
		port_write8(PVPANIC_PORT, PVPANIC_PANICKED);
		for (;;)
			sleep_until_interrupt();
	case 4:
		for (;;)
			sleep_until_interrupt();
	default:
		acpi_power_off();
	}
}
