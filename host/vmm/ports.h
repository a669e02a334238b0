/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ports - I/O ports and interrupts of the devices that are not on PCI
 */
#ifndef LODGE_VMM_PORTS_H
#define LODGE_VMM_PORTS_H

#define SERIAL_PORT  0x3f8 /* 8 ports: COM1 */
#define SERIAL_IRQ   4
#define PVPANIC_PORT 0x505
#define POWER_PORT   0x600 /* 4 ports: power.h */
#define POWER_IRQ    5

#endif
