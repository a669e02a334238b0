/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/serial.h"

#include "host/vmm/ports.h"

#include <linux/serial_reg.h>

#define REGISTERS 8

/* Our end of the line is always there: clear to send, data set ready, carrier. */
#define MODEM_STATUS (UART_MSR_CTS | UART_MSR_DSR | UART_MSR_DCD)

static bool is_loopback(const struct serial *serial)
{
	return serial->modem_control & UART_MCR_LOOP;
}

/* The highest pending interrupt, as IIR has it; UART_IIR_NO_INT if none. */
static uint8_t pending(const struct serial *serial)
{
	if (serial->overrun && (serial->interrupt_enable & UART_IER_RLSI))
		return UART_IIR_RLSI;
	if (serial->count > 0 && (serial->interrupt_enable & UART_IER_RDI))
		return UART_IIR_RDI;
	if (serial->transmit_interrupt && (serial->interrupt_enable & UART_IER_THRI))
		return UART_IIR_THRI;
	return UART_IIR_NO_INT;
}

/* The line follows what is pending. On a PC, OUT2 gates it. */
static void update_irq(struct serial *serial)
{
	bool level = pending(serial) != UART_IIR_NO_INT &&
		     (serial->modem_control & UART_MCR_OUT2) && !is_loopback(serial);

	if (level != serial->irq_level) {
		serial->irq_level = level;
		serial->handlers->set_irq(serial->owner, level);
	}
}

static void receive(struct serial *serial, uint8_t byte)
{
	size_t capacity = serial->fifo_enabled ? SERIAL_FIFO_SIZE : 1;

	if (serial->count >= capacity) {
		serial->overrun = true;
		return;
	}
	serial->fifo[(serial->first + serial->count) % SERIAL_FIFO_SIZE] = byte;
	serial->count++;
}

static uint8_t take_received(struct serial *serial)
{
	uint8_t byte;

	if (serial->count == 0)
		return 0;
	byte = serial->fifo[serial->first];
	serial->first = (serial->first + 1) % SERIAL_FIFO_SIZE;
	if (--serial->count == 0)
		serial->handlers->room(serial->owner);
	return byte;
}

static uint8_t line_status(struct serial *serial)
{
	uint8_t status = UART_LSR_THRE | UART_LSR_TEMT;

	if (serial->count > 0)
		status |= UART_LSR_DR;
	if (serial->overrun)
		status |= UART_LSR_OE;
	serial->overrun = false;
	return status;
}

/* Reading it acknowledges "transmitter empty". */
static uint8_t interrupt_identity(struct serial *serial)
{
	uint8_t identity = pending(serial);

	if (identity == UART_IIR_THRI)
		serial->transmit_interrupt = false;
	/* Bits 7 and 6: the FIFOs of a 16550A are on. */
	return identity | (serial->fifo_enabled ? 0xc0 : 0);
}

/* In loopback the outputs DTR, RTS, OUT1, OUT2 are the inputs DSR, CTS, RI, DCD. */
static uint8_t modem_status(const struct serial *serial)
{
	uint8_t control = serial->modem_control, status = 0;

	if (!is_loopback(serial))
		return MODEM_STATUS;
	status |= control & UART_MCR_DTR ? UART_MSR_DSR : 0;
	status |= control & UART_MCR_RTS ? UART_MSR_CTS : 0;
	status |= control & UART_MCR_OUT1 ? UART_MSR_RI : 0;
	status |= control & UART_MCR_OUT2 ? UART_MSR_DCD : 0;
	return status;
}

static uint64_t serial_read(void *owner, uint64_t offset, unsigned int size)
{
	struct serial *serial = owner;
	bool divisor = serial->line_control & UART_LCR_DLAB;
	uint8_t value = 0;

	if (size != 1)
		return UINT64_MAX;
	switch (offset) {
	case UART_RX:
		value = divisor ? serial->divisor[0] : take_received(serial);
		break;
	case UART_IER:
		value = divisor ? serial->divisor[1] : serial->interrupt_enable;
		break;
	case UART_IIR:
		value = interrupt_identity(serial);
		break;
	case UART_LCR:
		value = serial->line_control;
		break;
	case UART_MCR:
		value = serial->modem_control;
		break;
	case UART_LSR:
		value = line_status(serial);
		break;
	case UART_MSR:
		value = modem_status(serial);
		break;
	case UART_SCR:
		value = serial->scratch;
		break;
	}
	update_irq(serial);
	return value;
}

static void transmit(struct serial *serial, uint8_t byte)
{
	if (is_loopback(serial))
		receive(serial, byte);
	else
		serial->handlers->output(serial->owner, byte);
	serial->transmit_interrupt = true;
}

static void write_fifo_control(struct serial *serial, uint8_t value)
{
	serial->fifo_enabled = value & UART_FCR_ENABLE_FIFO;
	if (!serial->fifo_enabled || (value & UART_FCR_CLEAR_RCVR)) {
		serial->count = 0;
		serial->handlers->room(serial->owner);
	}
}

/* A transmitter that is empty says so as soon as it may. */
static void write_interrupt_enable(struct serial *serial, uint8_t value)
{
	if ((value & UART_IER_THRI) && !(serial->interrupt_enable & UART_IER_THRI))
		serial->transmit_interrupt = true;
	serial->interrupt_enable = value & 0x0f;
}

static void serial_write(void *owner, uint64_t offset, unsigned int size, uint64_t wide)
{
	struct serial *serial = owner;
	bool divisor = serial->line_control & UART_LCR_DLAB;
	uint8_t value = (uint8_t)wide;

	if (size != 1)
		return;
	switch (offset) {
	case UART_TX:
		if (divisor)
			serial->divisor[0] = value;
		else
			transmit(serial, value);
		break;
	case UART_IER:
		if (divisor)
			serial->divisor[1] = value;
		else
			write_interrupt_enable(serial, value);
		break;
	case UART_FCR:
		write_fifo_control(serial, value);
		break;
	case UART_LCR:
		serial->line_control = value;
		break;
	case UART_MCR:
		serial->modem_control = value & 0x1f;
		break;
	case UART_SCR:
		serial->scratch = value;
		break;
	}
	update_irq(serial);
}

static const struct io_ops ops = {serial_read, serial_write};

int serial_init(struct serial *serial, struct io_bus *pio, const struct serial_handlers *handlers,
		void *owner)
{
	struct io_region region = {SERIAL_PORT, REGISTERS, &ops, serial};

	*serial = (struct serial){.handlers = handlers, .owner = owner};
	return io_bus_add(pio, &region);
}

void serial_reset(struct serial *serial)
{
	const struct serial_handlers *handlers = serial->handlers;
	void *owner = serial->owner;

	if (serial->irq_level)
		handlers->set_irq(owner, false);
	*serial = (struct serial){.handlers = handlers, .owner = owner};
	handlers->room(owner);
}

/* Without the FIFO, one byte; and none that the guest would lose while it looks in the mirror. */
size_t serial_room(const struct serial *serial)
{
	size_t capacity = serial->fifo_enabled ? SERIAL_FIFO_SIZE : 1;

	return is_loopback(serial) || serial->count > capacity ? 0 : capacity - serial->count;
}

void serial_input(struct serial *serial, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		receive(serial, bytes[i]);
	update_irq(serial);
}
