/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * serial - the registers of a 16550A UART (COM1)
 *
 * Output goes to a handler as the guest writes it; the transmitter is always empty. Input waits in
 * the receive FIFO; the loop side asks how much room there is. Line speed is accepted and means
 * nothing. All of it happens under the I/O lock.
 */
#ifndef LODGE_VMM_SERIAL_H
#define LODGE_VMM_SERIAL_H

#include "host/vmm/io_bus.h"

#include <stdbool.h>

#define SERIAL_FIFO_SIZE 16

struct serial_handlers {
	/* The guest sends a byte. */
	void (*output)(void *owner, uint8_t byte);
	/* Set the interrupt line. */
	void (*set_irq)(void *owner, bool level);
	/* There is room for input where there was none. */
	void (*room)(void *owner);
};

struct serial {
	const struct serial_handlers *handlers;
	void *owner;
	uint8_t divisor[2];
	uint8_t interrupt_enable; /* IER */
	uint8_t line_control;	  /* LCR */
	uint8_t modem_control;	  /* MCR */
	uint8_t scratch;
	bool fifo_enabled;
	bool transmit_interrupt; /* "transmitter empty" is pending */
	bool overrun;
	bool irq_level;
	uint8_t fifo[SERIAL_FIFO_SIZE];
	unsigned int first, count; /* received and not read yet */
};

/* Put the registers on the bus. Return: 0 or negative errno. */
int serial_init(struct serial *serial, struct io_bus *pio, const struct serial_handlers *handlers,
		void *owner);

/* As after power-on. */
void serial_reset(struct serial *serial);

/* How many bytes the guest's UART takes now. With the I/O lock held. */
size_t serial_room(const struct serial *serial);

/* Bytes for the guest, at most serial_room() of them. With the I/O lock held. */
void serial_input(struct serial *serial, const uint8_t *bytes, size_t length);

#endif
