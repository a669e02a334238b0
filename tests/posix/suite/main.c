/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * posix-suite [--limit SECONDS] DIR [GROUP...] - what a folder does, one line a check (suite.h)
 *
 * Each group runs in a process of its own, in a folder of its own beneath DIR that is removed
 * after it. Exit status: 0 if no line says FAIL, else 1; 2 if it could not begin.
 */
#include "suite.h"

#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* A group takes seconds, on any folder, but on an emulated processor; one that hangs is ended. */
#define GROUP_LIMIT_SECONDS 180

static const struct {
	const char *name;
	void (*run)(const struct suite *suite);
} groups[] = {
	{"acl", group_acl},	  {"attributes", group_attributes},
	{"copy", group_copy},	  {"directories", group_directories},
	{"links", group_links},	  {"locks", group_locks},
	{"maps", group_maps},	  {"names", group_names},
	{"open", group_open},	  {"permissions", group_permissions},
	{"rename", group_rename}, {"sizes", group_sizes},
	{"space", group_space},	  {"special", group_special},
	{"sync", group_sync},	  {"times", group_times},
	{"xattr", group_xattr},
};

static bool wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

static int remove_entry(const char *path, const struct stat *stat, int type, struct FTW *walk)
{
	(void)stat;
	(void)type;
	(void)walk;
	return remove(path);
}

/* In the child: the group, its lines into @output. */
static _Noreturn void run_group(size_t group, const char *folder, int output, unsigned int limit)
{
	const struct suite suite = {groups[group].name};

	dup2(output, STDOUT_FILENO);
	close(output);
	/* Children of the group end with it, and it with us. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	umask(022);
	alarm(limit);
	need(&suite, "folder of the group", mkdir(folder, 0755));
	need(&suite, "folder of the group", chdir(folder));
	groups[group].run(&suite);
	exit(EXIT_SUCCESS);
}

/* Return: how many lines said FAIL. */
static unsigned int pass_on(int input)
{
	unsigned int failures = 0;
	char line[1024];
	FILE *lines = fdopen(input, "r");

	if (!lines)
		return 1;
	while (fgets(line, sizeof(line), lines)) {
		failures += !strncmp(line, "FAIL", 4);
		fputs(line, stdout);
		fflush(stdout);
	}
	fflush(stdout);
	fclose(lines);
	return failures;
}

static unsigned int start_group(size_t group, const char *directory, unsigned int limit)
{
	unsigned int failures;
	char folder[PATH_MAX];
	int output[2], state = 0;
	pid_t child;

	if (snprintf(folder, sizeof(folder), "%s/posix-suite.%s", directory, groups[group].name) >=
		    (int)sizeof(folder) ||
	    pipe2(output, O_CLOEXEC) < 0)
		return 1;
	child = fork();
	if (!child) {
		close(output[0]);
		run_group(group, folder, output[1], limit);
	}
	close(output[1]);
	failures = pass_on(output[0]);
	if (child > 0) {
		waitpid(child, &state, 0);
		kill(-child, SIGKILL);
	}
	if (child < 0 || WIFSIGNALED(state)) {
		printf("FAIL %s: %s\n", groups[group].name,
		       child > 0 && WTERMSIG(state) == SIGALRM ? "it hung"
							       : "it was ended by a signal");
		failures++;
	}
	nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return failures;
}

int main(int argc, char **argv)
{
	unsigned int failures = 0, runs = 0, limit = GROUP_LIMIT_SECONDS;
	char *directory;

	if (argc > 2 && !strcmp(argv[1], "--limit")) {
		limit = (unsigned int)strtoul(argv[2], NULL, 10);
		argv += 2;
		argc -= 2;
	}
	directory = argc > 1 ? realpath(argv[1], NULL) : NULL;
	if (!directory || limit == 0) {
		fprintf(stderr, "usage: posix-suite [--limit SECONDS] DIR [GROUP...]\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
		if (!wanted(groups[i].name, argv + 2))
			continue;
		runs++;
		failures += start_group(i, directory, limit);
	}
	free(directory);
	if (!runs) {
		fprintf(stderr, "posix-suite: no group of that name\n");
		return 2;
	}
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
