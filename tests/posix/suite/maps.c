/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * maps - mmap(2), shared and private, beside read and write
 */
#include "suite.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define PAGE 4096

static sigjmp_buf beyond;

static void on_bus_error(int signal_number)
{
	(void)signal_number;
	siglongjmp(beyond, 1);
}

static char *map(const struct suite *suite, int fd, size_t length, int protection, int flags)
{
	void *memory = mmap(NULL, length, protection, flags, fd, 0);

	need(suite, "mmap", memory == MAP_FAILED ? -1 : 0);
	return memory;
}

static void shared(const struct suite *suite)
{
	int fd = create(suite, "shared", "read by the map");
	char buffer[32] = "";
	char *memory = map(suite, fd, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	char *second;
	struct stat before, after;
	pid_t child;

	expect(suite, "what was written", !memcmp(memory, "read by the map", 15));
	memcpy(memory, "seen by read()!", 15);
	expect_equal(suite, "read after a change by map", pread(fd, buffer, 15, 0), 15);
	expect(suite, "read sees the map's change", !memcmp(buffer, "seen by read()!", 15));
	expect_equal(suite, "write", pwrite(fd, "WRITTEN", 7, 0), 7);
	expect(suite, "the map sees write", !memcmp(memory, "WRITTEN", 7));
	expect(suite, "zeros behind the end", !memory[15] && !memory[PAGE - 1]);
	memory[100] = 'x';
	expect_equal(suite, "no growth by map", status(suite, "shared").st_size, 15);
	memory[100] = 0;
	expect_done(suite, "grow under the map", ftruncate(fd, 4 * PAGE));
	memory[3 * PAGE] = 'g';
	expect_equal(suite, "read of the grown", pread(fd, buffer, 1, 3 * PAGE), 1);
	expect_equal(suite, "map wrote to the grown", buffer[0], 'g');
	second = map(suite, fd, PAGE, PROT_READ, MAP_SHARED);
	memory[1] = '2';
	expect_equal(suite, "two maps are one", second[1], '2');
	child = fork();
	if (!child) {
		memory[2] = 'c';
		_exit(0);
	}
	waitpid(child, NULL, 0);
	expect_equal(suite, "a child's change", memory[2], 'c');
	/* Clean pages first: only the first change of a page is noticed. */
	expect_done(suite, "msync", msync(memory, PAGE, MS_SYNC));
	before = status(suite, "shared");
	let_time_pass();
	memory[3] = 'm';
	expect_done(suite, "msync again", msync(memory, PAGE, MS_SYNC));
	after = status(suite, "shared");
	observe_text(suite, "msync and mtime",
		     after.st_mtim.tv_sec != before.st_mtim.tv_sec ||
				     after.st_mtim.tv_nsec != before.st_mtim.tv_nsec
			     ? "moved"
			     : "stays");
	close(fd);
	memory[4] = 'C';
	expect_done(suite, "unlink of the mapped", unlink("shared"));
	expect_equal(suite, "map after close and unlink", second[4], 'C');
	munmap(memory, 4 * PAGE);
	munmap(second, PAGE);
}

static void kept(const struct suite *suite)
{
	int fd = create(suite, "kept", "");
	char *memory;
	char buffer[4] = "";

	need(suite, "ftruncate", ftruncate(fd, 2 * PAGE));
	memory = map(suite, fd, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	memory[PAGE] = 'k';
	munmap(memory, 2 * PAGE);
	close(fd);
	fd = (int)need(suite, "open", open("kept", O_RDONLY));
	expect_equal(suite, "reopened after munmap", pread(fd, buffer, 1, PAGE), 1);
	expect_equal(suite, "what the map left", buffer[0], 'k');
	expect_error(suite, "writable map of a descriptor for reading",
		     (long)mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, 0), EACCES);
	close(fd);
	fd = (int)need(suite, "open", open("kept", O_WRONLY));
	expect_error(suite, "map of a descriptor for writing",
		     (long)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0), EACCES);
	close(fd);
}

static void private(const struct suite *suite)
{
	int fd = create(suite, "private", "original");
	char *memory = map(suite, fd, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);

	memcpy(memory, "my copy!", 8);
	expect(suite, "private stays private", holds_text("private", "original"));
	munmap(memory, PAGE);
	close(fd);
}

static void beyond_the_end(const struct suite *suite)
{
	struct sigaction action = {.sa_handler = on_bus_error};
	int fd = create(suite, "short", "short");
	volatile char *memory = map(suite, fd, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	volatile bool raised = false;

	sigaction(SIGBUS, &action, NULL);
	if (!sigsetjmp(beyond, 1))
		(void)memory[2 * PAGE];
	else
		raised = true;
	expect(suite, "SIGBUS beyond the end", raised);
	need(suite, "ftruncate", ftruncate(fd, 4 * PAGE));
	memory[3 * PAGE] = 'x';
	need(suite, "ftruncate", ftruncate(fd, PAGE));
	raised = false;
	if (!sigsetjmp(beyond, 1))
		memory[3 * PAGE] = 'y';
	else
		raised = true;
	expect(suite, "SIGBUS after shrinking", raised);
	memory[10] = 'z';
	need(suite, "ftruncate", ftruncate(fd, 5));
	need(suite, "ftruncate", ftruncate(fd, 4 * PAGE));
	expect_equal(suite, "shrinking clears the last page", memory[10], 0);
	expect_equal(suite, "growing again shows zeros", memory[3 * PAGE], 0);
	munmap((void *)(uintptr_t)memory, 4 * PAGE);
	close(fd);
}

static void executed(const struct suite *suite)
{
	int fd = create(suite, "script", "#!/bin/true\n"), state = 1;
	pid_t child;

	close(fd);
	need(suite, "chmod", chmod("script", 0755));
	child = fork();
	if (!child) {
		execl("./script", "./script", NULL);
		_exit(1);
	}
	waitpid(child, &state, 0);
	expect_equal(suite, "a program runs", state, 0);
}

void group_maps(const struct suite *suite)
{
	shared(suite);
	kept(suite);
	private(suite);
	beyond_the_end(suite);
	executed(suite);
}
