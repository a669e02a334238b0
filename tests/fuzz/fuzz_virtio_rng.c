/* SPDX-License-Identifier: LGPL-2.1-or-later */
// components: vmm virtqueue sandbox forward arguments probe protocol base
/* Requests for random bytes. */
#include "host/vmm/virtio/rng.h"
#include "tests/fuzz/virtio_guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct virtio_device *device;
	struct guest guest;

	guest_init(&guest);
	if (virtio_rng_new(&guest.memory, &device) < 0)
		abort();
	fuzz_run(&guest, device, 0, NULL, bytes, size);
	return 0;
}
