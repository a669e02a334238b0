/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/power.h"

#include "host/vmm/ports.h"
#include "host/vmm/pvpanic.h"
#include "tests/unit/suite.h"

#include <check.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct io_bus pio;
static struct power power;
static struct pvpanic pvpanic;
static unsigned int offs, reboots, panics;
static bool irq;

static void off(void *owner)
{
	(void)owner;
	offs++;
}

static void reboot(void *owner)
{
	(void)owner;
	reboots++;
}

static void set_irq(void *owner, bool level)
{
	(void)owner;
	irq = level;
}

static void panicked(void *owner)
{
	(void)owner;
	panics++;
}

static const struct power_handlers handlers = {off, reboot, set_irq};

static void plug(void)
{
	offs = reboots = panics = 0;
	irq = false;
	io_bus_init(&pio, &lock);
	ck_assert_int_eq(power_init(&power, &pio, &handlers, NULL), 0);
	pvpanic = (struct pvpanic){panicked, NULL};
	ck_assert_int_eq(pvpanic_init(&pvpanic, &pio), 0);
}

static void out(unsigned int reg, uint8_t value)
{
	io_bus_write(&pio, POWER_PORT + reg, 1, value);
}

START_TEST(only_sleep_type_5_with_enable_is_off)
{
	out(POWER_SLEEP_CONTROL, POWER_SLEEP_OFF << 2);
	out(POWER_SLEEP_CONTROL, 0x20 | 3 << 2);
	io_bus_write(&pio, POWER_PORT, 2, 0x3434);
	ck_assert_uint_eq(offs, 0);
	out(POWER_SLEEP_CONTROL, 0x20 | POWER_SLEEP_OFF << 2);
	ck_assert_uint_eq(offs, 1);
	ck_assert_uint_eq(io_bus_read(&pio, POWER_PORT + POWER_SLEEP_STATUS, 1), 0);
}
END_TEST

START_TEST(only_the_reset_value_resets)
{
	out(POWER_RESET, 0);
	out(POWER_RESET, 0xff);
	ck_assert_uint_eq(reboots, 0);
	out(POWER_RESET, POWER_RESET_VALUE);
	ck_assert_uint_eq(reboots, 1);
}
END_TEST

START_TEST(a_press_interrupts_until_it_is_read)
{
	power_press_button(&power);
	power_press_button(&power);
	ck_assert(irq);
	ck_assert_uint_eq(io_bus_read(&pio, POWER_PORT + POWER_EVENT, 1), POWER_EVENT_BUTTON);
	ck_assert(!irq);
	ck_assert_uint_eq(io_bus_read(&pio, POWER_PORT + POWER_EVENT, 1), 0);
	power_press_button(&power);
	power_reset(&power);
	ck_assert(!irq);
	ck_assert_uint_eq(io_bus_read(&pio, POWER_PORT + POWER_EVENT, 1), 0);
}
END_TEST

START_TEST(a_panic_is_heard_and_a_crash_kernel_is_not_disturbed)
{
	ck_assert_uint_eq(io_bus_read(&pio, PVPANIC_PORT, 1), 3);
	io_bus_write(&pio, PVPANIC_PORT, 1, PVPANIC_CRASH_LOADED);
	ck_assert_uint_eq(panics, 0);
	io_bus_write(&pio, PVPANIC_PORT, 1, PVPANIC_PANICKED);
	ck_assert_uint_eq(panics, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("power");
	TCase *tc = tcase_create("power");

	tcase_add_checked_fixture(tc, plug, NULL);
	tcase_add_test(tc, only_sleep_type_5_with_enable_is_off);
	tcase_add_test(tc, only_the_reset_value_resets);
	tcase_add_test(tc, a_press_interrupts_until_it_is_read);
	tcase_add_test(tc, a_panic_is_heard_and_a_crash_kernel_is_not_disturbed);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
