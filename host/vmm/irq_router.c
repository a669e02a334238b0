/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/irq_router.h"

#include "protocol/base/cleanup.h"

#include <pthread.h>
#include <sys/ioctl.h>

#define IOAPIC_PINS 24
#define MAX_MSIS    1000 /* KVM takes 4096 routes, and 1024 where it is old */

struct irq_router {
	struct msi_router router;
	struct kvm *kvm;
	pthread_mutex_t lock;			    /* guards all below */
	struct kvm_irq_routing_entry msi[MAX_MSIS]; /* gsi 0: free; else IOAPIC_PINS + index */
	unsigned int used;			    /* no entry at or above it is in use */
};

/* With the lock held. */
static int commit(struct irq_router *router)
{
	size_t size = sizeof(struct kvm_irq_routing) +
		      (IOAPIC_PINS + router->used) * sizeof(struct kvm_irq_routing_entry);
	_cleanup_free_ struct kvm_irq_routing *table = calloc(1, size);

	if (!table)
		return -ENOMEM;
	for (uint32_t pin = 0; pin < IOAPIC_PINS; pin++)
		table->entries[table->nr++] = (struct kvm_irq_routing_entry){
			.gsi = pin,
			.type = KVM_IRQ_ROUTING_IRQCHIP,
			.u.irqchip = {.irqchip = KVM_IRQCHIP_IOAPIC, .pin = pin},
		};
	for (unsigned int i = 0; i < router->used; i++)
		if (router->msi[i].gsi)
			table->entries[table->nr++] = router->msi[i];
	return ioctl(router->kvm->vm_fd, KVM_SET_GSI_ROUTING, table) < 0 ? -errno : 0;
}

static int set_irqfd(struct irq_router *router, int fd, uint32_t gsi, uint32_t flags)
{
	struct kvm_irqfd irqfd = {.fd = (uint32_t)fd, .gsi = gsi, .flags = flags};

	return ioctl(router->kvm->vm_fd, KVM_IRQFD, &irqfd) < 0 ? -errno : 0;
}

static uint32_t free_gsi(const struct irq_router *router)
{
	for (uint32_t i = 0; i < MAX_MSIS; i++)
		if (!router->msi[i].gsi)
			return IOAPIC_PINS + i;
	return 0;
}

static void release(struct irq_router *router, uint32_t gsi)
{
	router->msi[gsi - IOAPIC_PINS].gsi = 0;
	while (router->used > 0 && !router->msi[router->used - 1].gsi)
		router->used--;
}

static int connect_locked(struct irq_router *router, int fd, uint32_t *gsi, uint64_t address,
			  uint32_t data)
{
	bool is_new = *gsi == 0;
	uint32_t number = is_new ? free_gsi(router) : *gsi;
	uint32_t index = number - IOAPIC_PINS;
	struct kvm_irq_routing_entry before;
	int error;

	if (!number)
		return -ENOSPC;
	before = router->msi[index];
	router->msi[index] = (struct kvm_irq_routing_entry){
		.gsi = number,
		.type = KVM_IRQ_ROUTING_MSI,
		.u.msi = {.address_lo = (uint32_t)address,
			  .address_hi = (uint32_t)(address >> 32),
			  .data = data},
	};
	if (index >= router->used)
		router->used = index + 1;
	error = commit(router);
	if (!error && is_new)
		error = set_irqfd(router, fd, number, 0);
	if (!error)
		*gsi = number;
	else if (is_new)
		release(router, number);
	else
		router->msi[index] = before;
	return error;
}

static int route(struct msi_router *base, int fd, uint32_t *gsi, uint64_t address, uint32_t data)
{
	struct irq_router *router = (struct irq_router *)base;
	int error;

	pthread_mutex_lock(&router->lock);
	error = connect_locked(router, fd, gsi, address, data);
	pthread_mutex_unlock(&router->lock);
	return error;
}

static void unroute(struct msi_router *base, int fd, uint32_t *gsi)
{
	struct irq_router *router = (struct irq_router *)base;

	if (!*gsi)
		return;
	pthread_mutex_lock(&router->lock);
	(void)set_irqfd(router, fd, *gsi, KVM_IRQFD_FLAG_DEASSIGN);
	release(router, *gsi); /* KVM forgets the route with the next change */
	*gsi = 0;
	pthread_mutex_unlock(&router->lock);
}

int irq_router_new(struct kvm *kvm, struct msi_router **made)
{
	struct irq_router *router = calloc(1, sizeof(*router));
	int error;

	if (!router)
		return -ENOMEM;
	router->router = (struct msi_router){route, unroute};
	router->kvm = kvm;
	pthread_mutex_init(&router->lock, NULL);
	error = commit(router);
	if (error) {
		irq_router_free(&router->router);
		return error;
	}
	*made = &router->router;
	return 0;
}

void irq_router_free(struct msi_router *router)
{
	if (!router)
		return;
	pthread_mutex_destroy(&((struct irq_router *)router)->lock);
	free(router);
}
