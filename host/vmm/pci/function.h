/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pci function - configuration space of one device, as PCI 3.0 chapter 6 has it
 *
 * A device fills in an identity, adds BARs and capabilities, and hands the function to the bus.
 * Configuration space is an array of bytes and an array of masks that say which bits a guest may
 * change. BARs are 64-bit memory BARs: they take two slots. A device with a BAR is called when the
 * guest maps it (memory decoding on, and an address programmed), so that it can place ioeventfds.
 *
 * All of it happens under the io_bus lock, or before vCPUs run.
 */
#ifndef LODGE_VMM_PCI_FUNCTION_H
#define LODGE_VMM_PCI_FUNCTION_H

#include "host/vmm/io_bus.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PCI_CONFIG_SIZE	     256
#define PCI_BARS	     6
#define PCI_MAX_CAPABILITIES 16

struct pci_bus;
struct pci_function;

/* What the machine asks of a device. Each may be NULL. Called in the main thread. */
struct pci_function_ops {
	/* Set-up is over and the process is sandboxed: start threads (thread.h), open nothing.
	 * Return: 0 or negative errno. */
	int (*start)(struct pci_function *function);
	/* vCPUs are stopped. When it returns the device touches neither guest memory nor backends.
	 */
	void (*pause)(struct pci_function *function);
	void (*resume)(struct pci_function *function);
	/* The machine restarts (vCPUs are stopped): be as after power-on. Configuration space and
	 * MSI-X are reset by pci and msix, after this. Requests in flight are waited for or
	 * cancelled. */
	void (*reset)(struct pci_function *function);
	/* The machine ends: stop threads, flush, close, free the device with its function in it. */
	void (*free)(struct pci_function *function);
};

struct pci_identity {
	const char *name; /* for people: "disk 0" */
	uint16_t vendor, device;
	uint16_t subsystem_vendor, subsystem;
	uint32_t class_code; /* 24 bits: class, subclass, interface */
	uint8_t revision;
};

struct pci_bar_ops {
	struct io_ops io;
	/* The BAR answers at @gpa from now on, or no longer. Each may be NULL. */
	void (*mapped)(void *owner, uint64_t gpa);
	void (*unmapped)(void *owner, uint64_t gpa);
};

struct pci_bar {
	uint64_t size_bytes; /* power of two; 0: not there */
	bool prefetchable;
	const struct pci_bar_ops *ops;
	void *owner;
	uint64_t mapped_at; /* where it answers now, 0: nowhere */
};

/* Hooks around accesses that touch a capability; @offset is from the capability's first byte and
 * may be negative or past its end when an access straddles it. Each may be NULL. */
struct pci_capability_ops {
	/* Bring the bytes in config[] up to date. */
	void (*before_read)(void *owner, int offset, unsigned int size);
	/* config[] has been changed where its mask allows. */
	void (*after_write)(void *owner, int offset, unsigned int size);
};

struct pci_capability {
	uint8_t offset;
	uint8_t size_bytes;
	const struct pci_capability_ops *ops;
	void *owner;
};

struct pci_function {
	const struct pci_function_ops *ops;
	const char *name;
	uint8_t config[PCI_CONFIG_SIZE];
	uint8_t writable[PCI_CONFIG_SIZE]; /* bits a guest may change */
	uint8_t initial[PCI_CONFIG_SIZE];  /* config[] at power-on */
	struct pci_bar bar[PCI_BARS];
	struct pci_capability capability[PCI_MAX_CAPABILITIES];
	unsigned int capabilities;
	uint8_t capabilities_end; /* first free byte after the last capability */
	struct pci_bus *bus;
	uint8_t slot;
};

/* @identity->name must live as long as the function; @ops is constant. */
void pci_function_init(struct pci_function *function, const struct pci_identity *identity,
		       const struct pci_function_ops *ops);

/**
 * pci_function_add_bar() - give the function a 64-bit memory BAR
 * @index:	0, 2 or 4; asserted to be free
 * @size_bytes:	a power of two, at least 4096 (asserted)
 */
void pci_function_add_bar(struct pci_function *function, unsigned int index, uint64_t size_bytes,
			  bool prefetchable, const struct pci_bar_ops *ops, void *owner);

/**
 * pci_function_add_capability() - append to the capability list
 * @id:		capability id (PCI 3.0 appendix H)
 * @body:	the bytes after id and next pointer; copied
 * @writable:	as many bytes: bits that a guest may change; NULL for none
 * @body_size:	their number; what does not fit in 256 bytes is a programmer's error (asserted)
 * @ops:	NULL if the bytes are all there is to it
 *
 * Return: offset of the capability (of its id byte) in config[].
 */
uint8_t pci_function_add_capability(struct pci_function *function, uint8_t id, const void *body,
				    const void *writable, uint8_t body_size,
				    const struct pci_capability_ops *ops, void *owner);

/* What the address registers of a BAR say, whether it is mapped or not. */
uint64_t pci_function_bar_address(const struct pci_function *function, unsigned int index);

/* Accesses as the guest makes them: 1, 2 or 4 bytes at any offset. Beyond the end: all ones,
 * dropped. */
uint32_t pci_function_config_read(struct pci_function *function, unsigned int offset,
				  unsigned int size);
void pci_function_config_write(struct pci_function *function, unsigned int offset,
			       unsigned int size, uint32_t value);

/* Unmap BARs, take config[] back to what it was when the function was added to the bus. */
void pci_function_reset(struct pci_function *function);

/* Whether the guest lets the function write to its memory and raise MSIs. */
bool pci_function_is_bus_master(const struct pci_function *function);

#endif
