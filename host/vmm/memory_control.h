/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory_control - what the control socket says of the guest's memory
 *
 * The methods "vm.memory", "vm.balloon", "vm.plug" and "vm.statistics", and the event "vm.memory"
 * (protocol/message.h). In the main thread.
 */
#ifndef LODGE_VMM_MEMORY_CONTROL_H
#define LODGE_VMM_MEMORY_CONTROL_H

#include "host/vmm/vm.h"
#include "protocol/session.h"

/* Events are so far apart at least. */
#define MEMORY_CONTROL_EVENT_MS 200

struct memory_control;

/* Has an event to tell to all clients. */
typedef void (*memory_control_tell)(void *owner, const char *name, struct slice params);

/* Return: 0 and what memory_control_free() frees; negative errno. */
int memory_control_new(struct vm *vm, memory_control_tell tell, void *owner,
		       struct memory_control **control);
/* NULL is fine. */
void memory_control_free(struct memory_control *control);

/* Return: false, and nothing is answered, if the method is of another kind. */
bool memory_control_answer(struct memory_control *control, struct stream *stream,
			   struct slice method, struct slice params);

#endif
