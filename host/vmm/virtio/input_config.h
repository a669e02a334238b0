/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * input_config - what input devices say of themselves in their configuration (virtio 1.2, 5.8.4)
 *
 * The driver writes what it asks for (select and subsel) and reads the answer with its size; a size
 * of 0 says that there is none.
 */
#ifndef LODGE_VMM_VIRTIO_INPUT_CONFIG_H
#define LODGE_VMM_VIRTIO_INPUT_CONFIG_H

#include "host/vmm/virtio/input.h"

#include <linux/virtio_input.h>

/* The whole of the configuration as it reads after @select and @subsel were written. */
void input_config_answer(enum virtio_input_kind kind, uint8_t select, uint8_t subsel,
			 struct virtio_input_config *config);

/* Whether the device has a key or a button. */
bool input_config_has_key(enum virtio_input_kind kind, uint32_t code);

#endif
