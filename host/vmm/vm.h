/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm - the machine: what its parts may reach
 *
 * Life of a machine: parts are created (files, sockets and helper processes are opened here), the
 * process enters its sandbox, parts are started (threads), vCPUs run. From then on the main thread
 * alone decides: it pauses, resumes, restarts and ends. See vm.c.
 */
#ifndef LODGE_VMM_VM_H
#define LODGE_VMM_VM_H

#include "host/vmm/connector.h"
#include "host/vmm/dax_window.h"
#include "host/vmm/display_input.h"
#include "host/vmm/guest_memory.h"
#include "host/vmm/io_bus.h"
#include "host/vmm/options.h"
#include "host/vmm/pci/bus.h"
#include "host/vmm/pci/msix.h"
#include "host/vmm/plug_region.h"
#include "host/vmm/socket_list.h"

#include <stdbool.h>

struct kvm;
struct loop;
struct virtio_device;

struct vm {
	const struct options *options;
	struct kvm *kvm;	      /* for ioeventfd.h */
	struct guestmem start_memory; /* RAM that is there from the start */
	struct guestmem memory;	      /* all RAM, plugged in or not */
	struct guestmem reachable;    /* what devices may be told to read and write: RAM, windows */
	struct guest_memory *ram;
	struct io_bus pio, mmio;
	pthread_mutex_t io_lock; /* of both buses */
	struct pci_bus pci;
	struct msi_router *msi_router; /* for msix_new() */
	struct loop *loop;	       /* the main thread's */
	struct display *display;       /* NULL if there is none */
	struct display_input display_input;
	struct virtio_device *balloon;		    /* NULL if there is none */
	struct plug_region plug;		    /* RAM that @mem plugs in */
	struct virtio_device *mem;		    /* NULL if there is none */
	struct virtio_device *devices;		    /* all, by their `next` */
	struct socket_list sockets;		    /* every socket we listen on */
	struct connector connector[OPTIONS_MAX_FS]; /* of shares, until their devices have them */
	struct dax_window *dax_window[OPTIONS_MAX_FS]; /* of shares; NULL: none */
	bool sandboxed;				       /* for thread_start() */
};

/**
 * virtio_create_devices() - make the devices that the options ask for and plug them into vm->pci
 *
 * In virtio/devices.c: a table with one line a device. Opens disks (disk_lock.h), sockets
 * (socket_list.h), starts lodge-net; no threads yet (pci_function_ops.start).
 *
 * Return: 0, or an exit status (exit_status.h) after log_error() has said what is wrong.
 */
int virtio_create_devices(struct vm *vm);

#endif
