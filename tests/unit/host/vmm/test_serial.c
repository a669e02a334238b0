/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/serial.h"

#include "host/vmm/ports.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <linux/serial_reg.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct io_bus pio;
static struct serial serial;
static char sent[64];
static size_t sent_length;
static int irq;
static unsigned int rooms;

static void output(void *owner, uint8_t byte)
{
	(void)owner;
	if (sent_length < sizeof(sent) - 1)
		sent[sent_length++] = (char)byte;
	sent[sent_length] = '\0';
}

static void set_irq(void *owner, bool level)
{
	(void)owner;
	ck_assert_int_ne(irq, level); /* only changes */
	irq = level;
}

static void room(void *owner)
{
	(void)owner;
	rooms++;
}

static const struct serial_handlers handlers = {output, set_irq, room};

static void plug(void)
{
	io_bus_init(&pio, &lock);
	sent_length = 0;
	irq = 0;
	rooms = 0;
	ck_assert_int_eq(serial_init(&serial, &pio, &handlers, NULL), 0);
}

static uint8_t in(unsigned int reg)
{
	return (uint8_t)io_bus_read(&pio, SERIAL_PORT + reg, 1);
}

static void out(unsigned int reg, uint8_t value)
{
	io_bus_write(&pio, SERIAL_PORT + reg, 1, value);
}

static void type(const char *text)
{
	serial_input(&serial, (const uint8_t *)text, strlen(text));
}

START_TEST(bytes_go_out_and_the_transmitter_is_empty)
{
	out(UART_TX, 'h');
	out(UART_TX, 'i');
	ck_assert_str_eq(sent, "hi");
	ck_assert_uint_eq(in(UART_LSR), UART_LSR_THRE | UART_LSR_TEMT);
}
END_TEST

START_TEST(the_divisor_latch_covers_two_registers)
{
	out(UART_LCR, UART_LCR_DLAB | UART_LCR_WLEN8);
	out(UART_DLL, 1);
	out(UART_DLM, 2);
	ck_assert_uint_eq(in(UART_DLL), 1);
	ck_assert_uint_eq(in(UART_DLM), 2);
	ck_assert_uint_eq(sent_length, 0);
	out(UART_LCR, UART_LCR_WLEN8);
	ck_assert_uint_eq(in(UART_IER), 0);
}
END_TEST

START_TEST(input_interrupts_and_is_read_in_order)
{
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	out(UART_MCR, UART_MCR_OUT2);
	out(UART_IER, UART_IER_RDI);
	type("abc");
	ck_assert_int_eq(irq, 1);
	ck_assert_uint_eq(in(UART_IIR), 0xc0 | UART_IIR_RDI);
	ck_assert_uint_eq(in(UART_LSR)&UART_LSR_DR, UART_LSR_DR);
	ck_assert_uint_eq(in(UART_RX), 'a');
	ck_assert_uint_eq(in(UART_RX), 'b');
	rooms = 0;
	ck_assert_uint_eq(in(UART_RX), 'c');
	ck_assert_uint_eq(rooms, 1);
	ck_assert_int_eq(irq, 0);
	ck_assert_uint_eq(in(UART_IIR), 0xc0 | UART_IIR_NO_INT);
	ck_assert_uint_eq(in(UART_RX), 0);
}
END_TEST

START_TEST(the_line_needs_out2)
{
	out(UART_IER, UART_IER_RDI);
	type("a");
	ck_assert_int_eq(irq, 0);
	out(UART_MCR, UART_MCR_OUT2);
	ck_assert_int_eq(irq, 1);
}
END_TEST

START_TEST(an_empty_transmitter_interrupts_once)
{
	out(UART_MCR, UART_MCR_OUT2);
	out(UART_IER, UART_IER_THRI);
	ck_assert_int_eq(irq, 1);
	ck_assert_uint_eq(in(UART_IIR), UART_IIR_THRI);
	ck_assert_int_eq(irq, 0);
	ck_assert_uint_eq(in(UART_IIR), UART_IIR_NO_INT);
	out(UART_TX, 'x');
	ck_assert_int_eq(irq, 1);
	out(UART_IER, 0);
	ck_assert_int_eq(irq, 0);
}
END_TEST

START_TEST(there_is_room_for_a_byte_or_a_fifo)
{
	ck_assert_uint_eq(serial_room(&serial), 1);
	type("a");
	ck_assert_uint_eq(serial_room(&serial), 0);
	out(UART_FCR, UART_FCR_ENABLE_FIFO);
	ck_assert_uint_eq(serial_room(&serial), SERIAL_FIFO_SIZE - 1);
	type("0123456789abcdef");
	ck_assert_uint_eq(serial_room(&serial), 0);
	ck_assert_uint_eq(in(UART_LSR)&UART_LSR_OE, UART_LSR_OE);
	ck_assert_uint_eq(in(UART_LSR)&UART_LSR_OE, 0);
	/* A guest that turns the FIFO off with more in it than a byte. */
	out(UART_FCR, 0);
	ck_assert_uint_eq(serial_room(&serial), 1);
}
END_TEST

START_TEST(loopback_hears_itself_only)
{
	out(UART_MCR, UART_MCR_LOOP | UART_MCR_RTS | UART_MCR_OUT2);
	ck_assert_uint_eq(in(UART_MSR)&0xf0, UART_MSR_CTS | UART_MSR_DCD);
	out(UART_TX, 'x');
	ck_assert_uint_eq(sent_length, 0);
	ck_assert_uint_eq(serial_room(&serial), 0);
	ck_assert_uint_eq(in(UART_RX), 'x');
}
END_TEST

START_TEST(odd_accesses_do_nothing)
{
	io_bus_write(&pio, SERIAL_PORT, 2, 0x4141);
	io_bus_write(&pio, SERIAL_PORT, 4, 0x41414141);
	ck_assert_uint_eq(sent_length, 0);
	ck_assert_uint_eq(io_bus_read(&pio, SERIAL_PORT, 4), UINT32_MAX);
}
END_TEST

START_TEST(reset_is_power_on)
{
	out(UART_MCR, UART_MCR_OUT2);
	out(UART_IER, UART_IER_RDI);
	out(UART_SCR, 7);
	type("a");
	serial_reset(&serial);
	ck_assert_int_eq(irq, 0);
	ck_assert_uint_eq(in(UART_SCR), 0);
	ck_assert_uint_eq(in(UART_IER), 0);
	ck_assert_uint_eq(serial_room(&serial), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("serial");
	TCase *tc = tcase_create("serial");

	tcase_add_checked_fixture(tc, plug, NULL);
	tcase_add_test(tc, bytes_go_out_and_the_transmitter_is_empty);
	tcase_add_test(tc, the_divisor_latch_covers_two_registers);
	tcase_add_test(tc, input_interrupts_and_is_read_in_order);
	tcase_add_test(tc, the_line_needs_out2);
	tcase_add_test(tc, an_empty_transmitter_interrupts_once);
	tcase_add_test(tc, there_is_room_for_a_byte_or_a_fifo);
	tcase_add_test(tc, loopback_hears_itself_only);
	tcase_add_test(tc, odd_accesses_do_nothing);
	tcase_add_test(tc, reset_is_power_on);
	suite_add_tcase(suite, tc);

	return suite_run(suite);
}
