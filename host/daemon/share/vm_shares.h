/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vm_shares - the shared folders of a VM
 *
 * What they are is kept in vm->options.shares, and so in vm.json. Each has its lodge-fsd
 * (share_server.h). The agent is told the list (`share.attach`, protocol/share.h) as long as it is
 * there, and may ask for `share.open` and `share.watch` of one of them, which are passed on unread
 * to that share's lodge-fsd; it is a guest's word, so it may ask for nothing else, and for so many
 * at a time only. Of those that have a place in the guest the agent says whether it could mount
 * them.
 */
#ifndef LODGE_DAEMON_VM_SHARES_H
#define LODGE_DAEMON_VM_SHARES_H

#include "host/daemon/backend.h"
#include "host/daemon/share/share_spec.h"
#include "protocol/session.h"

/* `share.open`s and `share.watch`es of one share at a time. */
#define SHARE_MAX_MOUNTS 8
/* Virtio file systems that a VM has at most: lodge-vmm's limit. */
#define SHARE_MAX_DEVICES 8

struct vm_shares;

/* What a list says of one. */
struct vm_share_state {
	const struct share_spec *spec;
	/* "starting", "ready", "failed"; of one that is ready and has a place in the guest, as its
	 * agent says: "mounted", "unmounted" (it cannot be just now) */
	const char *state;
	const char *trouble; /* one line for people, "" if there is none */
	unsigned int mounts; /* in the guest, now */
};

/* What every VM has: none yet. 0 with vm->shares set; -ENOMEM. */
int vm_shares_new(struct vm *vm);

/**
 * vm_shares_check() - may a VM be started with these?
 * @options:	of one that is not there yet; its shares are well-formed
 * @backend:	that will run it
 *
 * Return: 0; -errno with one line for people.
 */
int vm_shares_check(const struct vm_options *options, const struct backend *backend, char *error,
		    size_t capacity);

/**
 * vm_shares_prepare() - start the lodge-fsd of each, before the VM starts
 * @done:	called once, when all serve or one cannot; at once if there are none. With
 *		-ECONNRESET when the VM is let go meanwhile
 */
void vm_shares_prepare(struct vm *vm, backend_done done, void *owner);

/* The VM runs: starts a lodge-fsd for each of vm->options.shares, or finds that of an earlier
 * lodged (@adopted). Once only, and not after vm_shares_prepare(). */
void vm_shares_start(struct vm *vm, bool adopted);

/**
 * vm_share_add() - one more
 * @spec:	checked; its memory is taken, also on failure
 * @done:	called once, when it can be mounted, or cannot be
 *
 * If it has a place in the guest and the agent is there, @done waits until that has mounted it,
 * or has said why not (then it is not added), or for ten seconds without its word.
 */
void vm_share_add(struct vm *vm, struct share_spec *spec, backend_done done, void *owner);

/* Mounts of it end. -ENOENT. */
int vm_share_remove(struct vm *vm, const char *name);

/* The virtio file system at @index of those that the VM is started with: its share, and the socket
 * of the process that serves it; NULL: there are no more. After vm_shares_prepare(). */
const struct share_spec *vm_share_device_at(const struct vm *vm, size_t index, const char **socket);

/* The one at @index of the list; false: there is none. */
bool vm_share_at(const struct vm *vm, size_t index, struct vm_share_state *state);

/* The agent is there, or there again. */
void vm_shares_agent_changed(struct vm_shares *shares);
/* The agent asks for something. */
void vm_shares_request(struct vm_shares *shares, struct stream *stream, struct slice method,
		       struct slice params);

/* lodged ends and the VM does not. The agent's link is gone already. NULL is fine. */
void vm_shares_leave(struct vm_shares *shares);
/* The VM has ended. The same. */
void vm_shares_end(struct vm_shares *shares);

#endif
