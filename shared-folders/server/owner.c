/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "shared-folders/server/owner.h"

#include "shared-folders/server/internal.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What others' files are owned by, where only one user is mapped: as user namespaces show it. */
#define NOBODY 65534

uid_t owner_uid_to_peer(const struct server *server, uid_t uid)
{
	const struct server_options *options = &server->options;

	switch (options->owner) {
	case SERVER_OWNER_PASS:
		return uid;
	case SERVER_OWNER_MAP:
		return uid == options->owner_uid ? options->peer_uid : NOBODY;
	case SERVER_OWNER_SQUASH:
		break;
	}
	return options->peer_uid;
}

gid_t owner_gid_to_peer(const struct server *server, gid_t gid)
{
	const struct server_options *options = &server->options;

	switch (options->owner) {
	case SERVER_OWNER_PASS:
		return gid;
	case SERVER_OWNER_MAP:
		return gid == options->owner_gid ? options->peer_gid : NOBODY;
	case SERVER_OWNER_SQUASH:
		break;
	}
	return options->peer_gid;
}

int owner_uid_from_peer(const struct server *server, uid_t peer, uid_t *uid)
{
	const struct server_options *options = &server->options;

	if (options->owner == SERVER_OWNER_PASS) {
		*uid = peer;
		return 0;
	}
	if (peer != options->peer_uid)
		return -EPERM;
	*uid = options->owner == SERVER_OWNER_MAP ? options->owner_uid : (uid_t)-1;
	return 0;
}

int owner_gid_from_peer(const struct server *server, gid_t peer, gid_t *gid)
{
	const struct server_options *options = &server->options;

	if (options->owner == SERVER_OWNER_PASS) {
		*gid = peer;
		return 0;
	}
	if (peer != options->peer_gid)
		return -EPERM;
	*gid = options->owner == SERVER_OWNER_MAP ? options->owner_gid : (gid_t)-1;
	return 0;
}

/* setfsuid(2) does not say whether it worked; asking for an impossible one says who we are. */
static int act_as(struct owner_scope *scope, uid_t uid, gid_t gid)
{
	if (uid == scope->us.uid && gid == scope->us.gid)
		return 0;
	scope->acting = true;
	setfsgid(gid);
	setfsuid(uid);
	if ((gid_t)setfsgid((gid_t)-1) != gid || (uid_t)setfsuid((uid_t)-1) != uid) {
		owner_end(scope);
		return -EPERM;
	}
	return 0;
}

int owner_begin(const struct server *server, struct owner_scope *scope)
{
	*scope = (struct owner_scope){.us = server->us};
	if (!server->privileged || server->options.owner != SERVER_OWNER_MAP)
		return 0;
	return act_as(scope, server->options.owner_uid, server->options.owner_gid);
}

int owner_begin_creation(const struct task *task, struct owner_scope *scope)
{
	const struct server *server = task->server;

	*scope = (struct owner_scope){.us = server->us};
	if (!server->privileged || server->options.owner != SERVER_OWNER_PASS)
		return 0;
	return act_as(scope, task->in.header.uid, task->in.header.gid);
}

/* Set or clear one of the thread's effective capabilities. Return: whether it was changed. */
static bool capability_set(unsigned int capability, bool on)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	uint32_t *effective = &data[capability / 32].effective, bit = 1U << capability % 32;

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	if (!!(*effective & bit) == on || (on && !(data[capability / 32].permitted & bit)))
		return false;
	*effective ^= bit;
	return syscall(SYS_capset, &header, data) == 0;
}

bool owner_again(struct owner_scope *scope, int error)
{
	if (error != -EACCES || !scope->acting || scope->overridden)
		return false;
	scope->overridden = true;
	return capability_set(CAP_DAC_OVERRIDE, true);
}

void owner_end(struct owner_scope *scope)
{
	if (!scope->acting)
		return;
	/* Back to root, the thread has its capabilities back too (capabilities(7)). */
	setfsuid(scope->us.uid);
	setfsgid(scope->us.gid);
	scope->acting = false;
}

bool fsetid_drop(bool drop)
{
	return drop && capability_set(CAP_FSETID, false);
}

void fsetid_restore(bool dropped)
{
	if (dropped)
		capability_set(CAP_FSETID, true);
}
