/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * init - the first instructions of the benchmark guest's userspace
 *
 * Says so on the console, then becomes the tiny guest's own init.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int main(int count, char *arguments[], char *environment[])
{
	static const char words[] = "LODGE-USERSPACE\n";

	(void)count;
	if (write(STDOUT_FILENO, words, strlen(words)) < 0)
		return 1;
	arguments[0] = "/init";
	execve("/init", arguments, environment);
	return 1;
}
