/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * account - a user of the guest, as /etc/passwd and /etc/group have him
 *
 * A static program cannot ask the name service switch, so users of directories (LDAP, sssd) are
 * not found.
 */
#ifndef LODGE_AGENT_EXEC_ACCOUNT_H
#define LODGE_AGENT_EXEC_ACCOUNT_H

#include <stddef.h>
#include <sys/types.h>

#define ACCOUNT_MAX_GROUPS 256

struct account {
	char *name, *home, *shell;
	uid_t uid;
	gid_t gid;
	gid_t groups[ACCOUNT_MAX_GROUPS]; /* with gid; more than fit are left out */
	size_t group_count;
};

/**
 * account_find() - look a user up by name
 * @passwd:	path of the users' file
 * @group:	path of the groups' file; a missing one counts as empty
 * @name:	the user's
 * @account:	set on success; give back with account_clear()
 *
 * Return: 0; -ENOENT: no such user; -ENOMEM; or what opening @passwd said.
 */
int account_find(const char *passwd, const char *group, const char *name, struct account *account);
void account_clear(struct account *account);

#endif
