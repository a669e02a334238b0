/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/power.h"

#include "host/vmm/ports.h"

#define SLEEP_ENABLE	 0x20
#define SLEEP_TYPE_SHIFT 2
#define SLEEP_TYPE_MASK	 7

static uint64_t power_read(void *owner, uint64_t offset, unsigned int size)
{
	struct power *power = owner;
	uint8_t events = power->events;

	if (offset != POWER_EVENT || size != 1)
		return 0;
	power->events = 0;
	if (events)
		power->handlers->set_irq(power->owner, false);
	return events;
}

static void power_write(void *owner, uint64_t offset, unsigned int size, uint64_t value)
{
	struct power *power = owner;

	if (size != 1)
		return;
	if (offset == POWER_SLEEP_CONTROL && (value & SLEEP_ENABLE) &&
	    (value >> SLEEP_TYPE_SHIFT & SLEEP_TYPE_MASK) == POWER_SLEEP_OFF)
		power->handlers->off(power->owner);
	else if (offset == POWER_RESET && value == POWER_RESET_VALUE)
		power->handlers->reboot(power->owner);
}

static const struct io_ops ops = {power_read, power_write};

int power_init(struct power *power, struct io_bus *pio, const struct power_handlers *handlers,
	       void *owner)
{
	struct io_region region = {POWER_PORT, POWER_REGISTERS, &ops, power};

	*power = (struct power){.handlers = handlers, .owner = owner, .pio = pio};
	return io_bus_add(pio, &region);
}

void power_press_button(struct power *power)
{
	pthread_mutex_lock(power->pio->lock);
	power->events |= POWER_EVENT_BUTTON;
	power->handlers->set_irq(power->owner, true);
	pthread_mutex_unlock(power->pio->lock);
}

void power_reset(struct power *power)
{
	power->events = 0;
	power->handlers->set_irq(power->owner, false);
}
