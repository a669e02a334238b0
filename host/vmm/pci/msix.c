/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/pci/msix.h"

#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"

#include <assert.h>
#include <linux/pci_regs.h>
#include <sys/eventfd.h>

/* The BAR: the table in its first half, the pending bits in its second. */
#define BAR_SIZE     4096U
#define PENDING_BITS 2048U
static_assert(MSIX_MAX_VECTORS * PCI_MSIX_ENTRY_SIZE <= PENDING_BITS, "the table has its half");

/* Offsets in the capability, of its id byte. */
#define CONTROL PCI_MSIX_FLAGS

struct vector {
	uint8_t entry[PCI_MSIX_ENTRY_SIZE]; /* as in the table */
	int fd;
	uint32_t gsi;	  /* the router's */
	uint64_t address; /* what it is routed to */
	uint32_t data;
	bool pending;
	bool lent; /* others write to @fd */
};

struct msix {
	struct pci_function *function;
	struct msi_router *router;
	uint8_t capability;
	unsigned int count;
	pthread_mutex_t lock; /* guards all below */
	bool enabled;
	bool masked; /* the whole function */
	struct vector vector[];
};

static bool vector_is_masked(const struct vector *vector)
{
	return load_le32(vector->entry + PCI_MSIX_ENTRY_VECTOR_CTRL) & PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

/* What follows is called with the lock held. */

static bool can_fire(const struct msix *msix, const struct vector *vector)
{
	return msix->enabled && !msix->masked && !vector_is_masked(vector);
}

/* Tell the router about a message that it does not have yet. */
static void route(struct msix *msix, struct vector *vector)
{
	uint64_t address = load_le64(vector->entry + PCI_MSIX_ENTRY_LOWER_ADDR);
	uint32_t data = load_le32(vector->entry + PCI_MSIX_ENTRY_DATA);
	int error;

	if (vector->gsi && vector->address == address && vector->data == data)
		return;
	error = msix->router->route(msix->router, vector->fd, &vector->gsi, address, data);
	if (error) {
		log_warning("%s: an interrupt cannot be routed: %s", msix->function->name,
			    error_text(error));
		return;
	}
	vector->address = address;
	vector->data = data;
}

/* What others signalled while KVM did not listen. */
static void collect(struct vector *vector)
{
	eventfd_t signals;

	if (vector->lent && !vector->gsi && eventfd_read(vector->fd, &signals) == 0)
		vector->pending = true;
}

static void update(struct msix *msix, struct vector *vector)
{
	if (!can_fire(msix, vector)) {
		if (vector->lent && vector->gsi)
			msix->router->unroute(msix->router, vector->fd, &vector->gsi);
		return;
	}
	collect(vector);
	route(msix, vector);
	if (vector->pending) {
		vector->pending = false;
		eventfd_write(vector->fd, 1);
	}
}

static uint64_t pending_bits(struct msix *msix, unsigned int first)
{
	uint64_t bits = 0;

	for (unsigned int i = 0; i < 64 && first + i < msix->count; i++) {
		collect(&msix->vector[first + i]);
		bits |= (uint64_t)msix->vector[first + i].pending << i;
	}
	return bits;
}

/* Registers: only aligned accesses of 4 and 8 bytes are defined (PCI 3.0, 6.8.2). */
static bool is_aligned(uint64_t offset, unsigned int size)
{
	return (size == 4 || size == 8) && offset % size == 0;
}

static uint64_t bar_read(void *owner, uint64_t offset, unsigned int size)
{
	struct msix *msix = owner;
	uint64_t value = 0;

	if (!is_aligned(offset, size))
		return UINT64_MAX;
	pthread_mutex_lock(&msix->lock);
	if (offset < PENDING_BITS) {
		unsigned int index = (unsigned int)(offset / PCI_MSIX_ENTRY_SIZE);

		if (index < msix->count)
			memcpy(&value, msix->vector[index].entry + offset % PCI_MSIX_ENTRY_SIZE,
			       size);
	} else {
		uint64_t at = offset - PENDING_BITS;

		if (at < MSIX_MAX_VECTORS / 8)
			value = pending_bits(msix, (unsigned int)(at & ~7ULL) * 8) >> (at & 4) * 8;
	}
	pthread_mutex_unlock(&msix->lock);
	return le64toh(value);
}

static void bar_write(void *owner, uint64_t offset, unsigned int size, uint64_t value)
{
	struct msix *msix = owner;
	uint64_t index = offset / PCI_MSIX_ENTRY_SIZE;

	if (!is_aligned(offset, size) || offset >= PENDING_BITS || index >= msix->count)
		return;
	pthread_mutex_lock(&msix->lock);
	value = htole64(value);
	memcpy(msix->vector[index].entry + offset % PCI_MSIX_ENTRY_SIZE, &value, size);
	update(msix, &msix->vector[index]);
	pthread_mutex_unlock(&msix->lock);
}

static const struct pci_bar_ops bar_ops = {.io = {bar_read, bar_write}};

static void control_written(void *owner, int offset, unsigned int size)
{
	struct msix *msix = owner;
	uint16_t control = load_le16(msix->function->config + msix->capability + CONTROL);

	(void)offset;
	(void)size;
	pthread_mutex_lock(&msix->lock);
	msix->enabled = control & PCI_MSIX_FLAGS_ENABLE;
	msix->masked = control & PCI_MSIX_FLAGS_MASKALL;
	for (unsigned int i = 0; i < msix->count; i++)
		update(msix, &msix->vector[i]);
	pthread_mutex_unlock(&msix->lock);
}

static const struct pci_capability_ops capability_ops = {.after_write = control_written};

static void power_on(struct vector *vector)
{
	memset(vector->entry, 0, sizeof(vector->entry));
	store_le32(vector->entry + PCI_MSIX_ENTRY_VECTOR_CTRL, PCI_MSIX_ENTRY_CTRL_MASKBIT);
	vector->pending = false;
}

static void add_capability(struct msix *msix, unsigned int bar)
{
	uint8_t body[PCI_CAP_MSIX_SIZEOF - 2] = {0};
	uint8_t writable[sizeof(body)] = {0};

	store_le16(body + PCI_MSIX_FLAGS - 2, (uint16_t)(msix->count - 1));
	store_le32(body + PCI_MSIX_TABLE - 2, bar);
	store_le32(body + PCI_MSIX_PBA - 2, PENDING_BITS | bar);
	store_le16(writable + PCI_MSIX_FLAGS - 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	msix->capability =
		pci_function_add_capability(msix->function, PCI_CAP_ID_MSIX, body, writable,
					    sizeof(body), &capability_ops, msix);
}

int msix_new(struct pci_function *function, unsigned int bar, unsigned int vectors,
	     struct msi_router *router, struct msix **msix)
{
	struct msix *made;

	assert(vectors >= 1 && vectors <= MSIX_MAX_VECTORS);
	made = calloc(1, sizeof(*made) + vectors * sizeof(made->vector[0]));
	if (!made)
		return -ENOMEM;
	made->function = function;
	made->router = router;
	pthread_mutex_init(&made->lock, NULL);
	for (; made->count < vectors; made->count++) {
		struct vector *vector = &made->vector[made->count];

		power_on(vector);
		vector->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (vector->fd < 0) {
			int error = -errno;

			msix_free(made);
			return error;
		}
	}
	pci_function_add_bar(function, bar, BAR_SIZE, false, &bar_ops, made);
	add_capability(made, bar);
	*msix = made;
	return 0;
}

void msix_free(struct msix *msix)
{
	if (!msix)
		return;
	for (unsigned int i = 0; i < msix->count; i++) {
		struct vector *vector = &msix->vector[i];

		if (vector->gsi)
			msix->router->unroute(msix->router, vector->fd, &vector->gsi);
		close(vector->fd);
	}
	pthread_mutex_destroy(&msix->lock);
	free(msix);
}

void msix_notify(struct msix *msix, unsigned int vector)
{
	if (vector >= msix->count)
		return;
	pthread_mutex_lock(&msix->lock);
	if (can_fire(msix, &msix->vector[vector]))
		eventfd_write(msix->vector[vector].fd, 1);
	else if (msix->enabled)
		msix->vector[vector].pending = true;
	pthread_mutex_unlock(&msix->lock);
}

int msix_lend(struct msix *msix, unsigned int index)
{
	if (index >= msix->count)
		return -ENOENT;
	pthread_mutex_lock(&msix->lock);
	msix->vector[index].lent = true;
	update(msix, &msix->vector[index]);
	pthread_mutex_unlock(&msix->lock);
	return msix->vector[index].fd;
}

void msix_end_lending(struct msix *msix)
{
	pthread_mutex_lock(&msix->lock);
	for (unsigned int i = 0; i < msix->count; i++) {
		collect(&msix->vector[i]);
		msix->vector[i].lent = false;
	}
	pthread_mutex_unlock(&msix->lock);
}

unsigned int msix_vectors(const struct msix *msix)
{
	return msix->count;
}

int msix_vector_fd(const struct msix *msix, unsigned int vector)
{
	return msix->vector[vector].fd;
}

void msix_reset(struct msix *msix)
{
	pthread_mutex_lock(&msix->lock);
	msix->enabled = msix->masked = false;
	for (unsigned int i = 0; i < msix->count; i++) {
		power_on(&msix->vector[i]);
		update(msix, &msix->vector[i]);
	}
	pthread_mutex_unlock(&msix->lock);
}
