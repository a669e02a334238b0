/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * power - sleep, reset and event registers of a hardware-reduced ACPI machine
 *
 *	+0  sleep control: sleep type << 2 | enable (bit 5); type 5 is "off" (DSDT, _S5)
 *	+1  sleep status: reads 0
 *	+2  reset: POWER_RESET_VALUE restarts the machine
 *	+3  events: reading gives what happened since the last read, and clears it
 */
#ifndef LODGE_VMM_POWER_H
#define LODGE_VMM_POWER_H

#include "host/vmm/io_bus.h"

#include <stdbool.h>

#define POWER_SLEEP_CONTROL 0
#define POWER_SLEEP_STATUS  1
#define POWER_RESET	    2
#define POWER_EVENT	    3
#define POWER_REGISTERS	    4

#define POWER_SLEEP_OFF	   5
#define POWER_RESET_VALUE  1
#define POWER_EVENT_BUTTON 1

struct power_handlers {
	/* The guest wants to be off, or to restart. In a vCPU's thread, with the I/O lock held. */
	void (*off)(void *owner);
	void (*reboot)(void *owner);
	/* Set the interrupt line: high while an event waits. */
	void (*set_irq)(void *owner, bool level);
};

struct power {
	const struct power_handlers *handlers;
	void *owner;
	struct io_bus *pio;
	uint8_t events;
};

/* Put the registers on the bus. Return: 0 or negative errno. */
int power_init(struct power *power, struct io_bus *pio, const struct power_handlers *handlers,
	       void *owner);

/* Press the power button. Any thread that does not hold the I/O lock. */
void power_press_button(struct power *power);

/* Forget events; vCPUs are stopped. */
void power_reset(struct power *power);

#endif
