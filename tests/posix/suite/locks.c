/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * locks - flock(2), POSIX record locks and those of open file descriptions
 *
 * Whether a lock is held is asked by a child process, which is another owner of POSIX locks.
 */
#include "suite.h"

#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

static struct flock range(short type, off_t start, off_t length)
{
	return (struct flock){
		.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
}

static int lock(int fd, int command, short type, off_t start, off_t length)
{
	struct flock lock = range(type, start, length);

	return fcntl(fd, command, &lock);
}

/* What another process sees from @start on: the first lock that excludes a writer. l_pid: whether
 * it names us. */
static struct flock seen(const struct suite *suite, const char *name, off_t start, off_t length)
{
	struct flock *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct flock result;
	pid_t child;

	need(suite, "mmap", shared == MAP_FAILED ? -1 : 0);
	*shared = range(F_WRLCK, start, length);
	child = fork();
	if (!child) {
		int fd = open(name, O_RDWR);

		if (fcntl(fd, F_GETLK, shared) < 0)
			shared->l_type = -1;
		_exit(0);
	}
	waitpid(child, NULL, 0);
	result = *shared;
	result.l_pid = result.l_pid == getpid();
	munmap(shared, sizeof(*shared));
	return result;
}

static void expect_seen(const struct suite *suite, const char *check, const char *name, off_t start,
			short type, off_t lock_start, off_t length)
{
	struct flock got = seen(suite, name, start, 0);

	expect(suite, check,
	       got.l_type == type && (type == F_UNLCK || (got.l_start == lock_start &&
							  got.l_len == length && got.l_pid == 1)));
}

static void record_locks(const struct suite *suite)
{
	struct flock relative = {
		.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -10, .l_len = 5};
	int fd = create(suite, "records", "0123456789012345678901234567890123456789"), other;

	expect_seen(suite, "none at first", "records", 0, F_UNLCK, 0, 0);
	expect_done(suite, "write lock", lock(fd, F_SETLK, F_WRLCK, 10, 20));
	expect_seen(suite, "others see it", "records", 0, F_WRLCK, 10, 20);
	expect_seen(suite, "others see nothing behind it", "records", 30, F_UNLCK, 0, 0);
	expect_done(suite, "again by the same owner", lock(fd, F_SETLK, F_WRLCK, 10, 20));
	expect_done(suite, "unlock the middle", lock(fd, F_SETLK, F_UNLCK, 15, 5));
	expect_seen(suite, "first part", "records", 0, F_WRLCK, 10, 5);
	expect_seen(suite, "gap and second part", "records", 15, F_WRLCK, 20, 10);
	expect_done(suite, "read lock across", lock(fd, F_SETLK, F_RDLCK, 12, 10));
	expect_seen(suite, "left of it", "records", 0, F_WRLCK, 10, 2);
	expect_seen(suite, "it", "records", 12, F_RDLCK, 12, 10);
	expect_seen(suite, "right of it", "records", 22, F_WRLCK, 22, 8);
	expect_done(suite, "merge all", lock(fd, F_SETLK, F_WRLCK, 0, 0));
	expect_seen(suite, "to the end of all", "records", 5, F_WRLCK, 0, 0);
	expect_done(suite, "unlock all", lock(fd, F_SETLK, F_UNLCK, 0, 0));
	expect_seen(suite, "all gone", "records", 0, F_UNLCK, 0, 0);
	expect_done(suite, "from the end", fcntl(fd, F_SETLK, &relative));
	expect_seen(suite, "counted from the end", "records", 0, F_WRLCK, 30, 5);
	expect_done(suite, "negative length", lock(fd, F_SETLK, F_WRLCK, 20, -5));
	expect_seen(suite, "counted backwards", "records", 0, F_WRLCK, 15, 5);
	expect_done(suite, "beyond the end", lock(fd, F_SETLK, F_WRLCK, 1LL << 40, 1));
	expect_seen(suite, "seen there", "records", 100, F_WRLCK, 1LL << 40, 1);
	expect_error(suite, "negative start", lock(fd, F_SETLK, F_WRLCK, -1, 1), EINVAL);
	expect_error(suite, "unknown type", lock(fd, F_SETLK, 99, 0, 1), EINVAL);
	other = (int)need(suite, "open", open("records", O_RDONLY));
	expect_error(suite, "write lock of a reader", lock(other, F_SETLK, F_WRLCK, 0, 1), EBADF);
	expect_done(suite, "close of another descriptor", close(other));
	expect_seen(suite, "drops them all", "records", 0, F_UNLCK, 0, 0);
	expect_done(suite, "lock for a child", lock(fd, F_SETLK, F_WRLCK, 0, 1));
	close(fd);
}

/* The other side of locks that exclude: runs in a child while the parent holds its locks. */
static void excluded(const struct suite *suite)
{
	int fd = (int)need(suite, "open", open("held", O_RDWR));

	expect_error(suite, "write against write", lock(fd, F_SETLK, F_WRLCK, 5, 1), EAGAIN);
	expect_error(suite, "read against write", lock(fd, F_SETLK, F_RDLCK, 5, 1), EAGAIN);
	expect_done(suite, "beside it", lock(fd, F_SETLK, F_WRLCK, 10, 1));
	expect_done(suite, "read against read", lock(fd, F_SETLK, F_RDLCK, 20, 1));
	expect_error(suite, "upgrade against a reader", lock(fd, F_SETLK, F_WRLCK, 20, 1), EAGAIN);
	close(fd);
}

static void drop_by_fork(const struct suite *suite)
{
	/* Locks are not inherited: the child's close drops nothing of its parent's. */
	int fd = (int)need(suite, "open", open("held", O_RDWR));

	close(fd);
}

static void exclusion(const struct suite *suite)
{
	int fd = create(suite, "held", "");

	need(suite, "lock", lock(fd, F_SETLK, F_WRLCK, 0, 10));
	need(suite, "lock", lock(fd, F_SETLK, F_RDLCK, 20, 10));
	in_child(suite, 0, excluded);
	in_child(suite, 0, drop_by_fork);
	expect_seen(suite, "a child's close drops nothing", "held", 0, F_WRLCK, 0, 10);
	close(fd);
	expect_seen(suite, "our close does", "held", 0, F_UNLCK, 0, 0);
}

/* Takes a whole file's lock as soon as nobody else has it. A server in user space hears of a
 * description's last close only after close() has returned. */
static int take_soon(int fd, int (*take)(int fd))
{
	int result;

	for (unsigned int i = 0; (result = take(fd)) < 0 && errno == EAGAIN && i < 400; i++)
		let_time_pass();
	return result;
}

static int take_flock(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB);
}

static int take_description(int fd)
{
	return lock(fd, F_OFD_SETLK, F_WRLCK, 0, 0);
}

static void description_locks(const struct suite *suite)
{
	int fd = create(suite, "described", ""), copy, other;
	struct flock lock_;

	other = (int)need(suite, "open", open("described", O_RDWR));
	expect_done(suite, "OFD: lock", lock(fd, F_OFD_SETLK, F_WRLCK, 0, 10));
	expect_error(suite, "OFD: excludes another description",
		     lock(other, F_OFD_SETLK, F_WRLCK, 5, 10), EAGAIN);
	expect_error(suite, "OFD: excludes a POSIX lock", lock(other, F_SETLK, F_WRLCK, 5, 10),
		     EAGAIN);
	copy = dup(fd);
	expect_done(suite, "OFD: a copy is the same owner", lock(copy, F_OFD_SETLK, F_RDLCK, 0, 5));
	close(copy);
	lock_ = range(F_WRLCK, 0, 0);
	expect_done(suite, "OFD: GETLK", fcntl(other, F_OFD_GETLK, &lock_));
	expect(suite, "OFD: GETLK's answer",
	       lock_.l_type == F_RDLCK && lock_.l_start == 0 && lock_.l_len == 5);
	expect_equal(suite, "OFD: pid is -1", lock_.l_pid, -1);
	expect_done(suite, "OFD: close of the owner", close(fd));
	expect_done(suite, "OFD: drops the lock", take_soon(other, take_description));
	close(other);
}

static void whole_file_locks(const struct suite *suite)
{
	int fd = create(suite, "flocked", ""), other, copy;

	other = (int)need(suite, "open", open("flocked", O_RDONLY));
	expect_done(suite, "flock: exclusive", flock(fd, LOCK_EX | LOCK_NB));
	expect_error(suite, "flock: excludes", flock(other, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	expect_done(suite, "flock: to shared", flock(fd, LOCK_SH | LOCK_NB));
	expect_done(suite, "flock: shared by two", flock(other, LOCK_SH | LOCK_NB));
	expect_error(suite, "flock: no upgrade then", flock(fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	expect_done(suite, "flock: unlock", flock(other, LOCK_UN));
	expect_done(suite, "flock: upgrade", flock(fd, LOCK_EX | LOCK_NB));
	copy = dup(fd);
	close(fd);
	expect_error(suite, "flock: a copy keeps it", flock(other, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	close(copy);
	expect_done(suite, "flock: close drops it", take_soon(other, take_flock));
	expect_done(suite, "flock: exclusive by a reader", flock(other, LOCK_EX | LOCK_NB));
	expect_error(suite, "flock: unknown", flock(other, 64), EINVAL);
	fd = (int)need(suite, "open", open("flocked", O_RDWR));
	expect_done(suite, "flock: fcntl is apart", lock(fd, F_SETLK, F_WRLCK, 0, 0));
	close(fd);
	close(other);
	need(suite, "mkdir", mkdir("folder", 0755));
	fd = (int)need(suite, "open", open("folder", O_RDONLY | O_DIRECTORY));
	observe(suite, "flock: of a folder", flock(fd, LOCK_EX | LOCK_NB));
	close(fd);
}

static void on_tick(int signal_number)
{
	(void)signal_number;
}

/* Signals until one meets the blocked call: it may not have begun when the first arrives. */
static void tick(bool on)
{
	struct sigaction action = {.sa_handler = on_tick};
	struct itimerval interval = {{0, on ? 50000 : 0}, {0, on ? 50000 : 0}};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &interval, NULL);
}

/* One call that waits for what the parent holds. A kernel that tells its server of no signals waits
 * on; then the rest is not tried. */
static void expect_interrupted(const struct suite *suite, const char *name, int result)
{
	bool right = result < 0 && errno == EINTR;

	expect_error(suite, name, result, EINTR);
	if (!right)
		exit(EXIT_FAILURE);
}

static void interrupted(const struct suite *suite)
{
	int fd = (int)need(suite, "open", open("blocked", O_RDWR));

	tick(true);
	expect_interrupted(suite, "interrupted: F_SETLKW", lock(fd, F_SETLKW, F_WRLCK, 0, 1));
	expect_interrupted(suite, "interrupted: F_OFD_SETLKW",
			   lock(fd, F_OFD_SETLKW, F_WRLCK, 0, 1));
	expect_interrupted(suite, "interrupted: flock", flock(fd, LOCK_EX));
	tick(false);
	expect_error(suite, "not held after that", lock(fd, F_SETLK, F_WRLCK, 0, 1), EAGAIN);
	close(fd);
}

/* Return: whether signals end waiting, by a child that waits for what @fd holds. */
static bool interrupts(const struct suite *suite, int fd)
{
	pid_t child = (pid_t)need(suite, "fork", fork());
	int state = 0;

	if (!child) {
		close(fd);
		interrupted(suite);
		exit(EXIT_SUCCESS);
	}
	for (int i = 0; i < 1000 && waitpid(child, &state, WNOHANG) == 0; i++)
		let_time_pass();
	if (kill(child, 0) == 0) {
		/* Nothing else ends it. */
		lock(fd, F_SETLK, F_UNLCK, 0, 1);
		flock(fd, LOCK_UN);
		waitpid(child, &state, 0);
		need(suite, "lock", lock(fd, F_SETLK, F_WRLCK, 0, 1));
		need(suite, "flock", flock(fd, LOCK_EX));
	}
	return WIFEXITED(state) && WEXITSTATUS(state) == EXIT_SUCCESS;
}

/* Waits for what the parent holds, by all three kinds; says so by bytes into @pipe. */
static void wait_for_all(const char *name, int pipe)
{
	int fd = open(name, O_RDWR);

	(void)!write(pipe, "w", 1);
	if (!lock(fd, F_SETLKW, F_WRLCK, 0, 1))
		(void)!write(pipe, "p", 1);
	if (!flock(fd, LOCK_EX))
		(void)!write(pipe, "f", 1);
}

/* Return: whether signals end waiting. */
static bool blocked(const struct suite *suite)
{
	int fd = create(suite, "blocked", ""), pipes[2];
	char byte = 0;
	pid_t child;
	bool can_interrupt;

	need(suite, "lock", lock(fd, F_SETLK, F_WRLCK, 0, 1));
	need(suite, "flock", flock(fd, LOCK_EX));
	can_interrupt = interrupts(suite, fd);
	need(suite, "pipe", pipe2(pipes, O_NONBLOCK));
	child = fork();
	if (!child) {
		fcntl(pipes[1], F_SETFL, 0);
		/* A copy of it would keep the flock. */
		close(fd);
		wait_for_all("blocked", pipes[1]);
		_exit(0);
	}
	fcntl(pipes[0], F_SETFL, 0);
	need(suite, "read", read(pipes[0], &byte, 1));
	let_time_pass();
	fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	expect_error(suite, "blocked: it waits", read(pipes[0], &byte, 1), EAGAIN);
	fcntl(pipes[0], F_SETFL, 0);
	need(suite, "unlock", lock(fd, F_SETLK, F_UNLCK, 0, 1));
	expect_equal(suite, "blocked: unlocking wakes it", read(pipes[0], &byte, 1), 1);
	expect_equal(suite, "blocked: F_SETLKW got it", byte, 'p');
	let_time_pass();
	fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	expect_error(suite, "blocked: flock waits", read(pipes[0], &byte, 1), EAGAIN);
	fcntl(pipes[0], F_SETFL, 0);
	close(fd);
	expect_equal(suite, "blocked: close wakes it", read(pipes[0], &byte, 1), 1);
	expect_equal(suite, "blocked: flock got it", byte, 'f');
	waitpid(child, NULL, 0);
	close(pipes[0]);
	close(pipes[1]);
	return can_interrupt;
}

/* Two who wait for each other. FUSE has nobody who would see that; a signal ends it there. */
static void deadlock(const struct suite *suite)
{
	int fd = create(suite, "dead", ""), pipes[2];
	char byte;
	pid_t child;

	need(suite, "pipe", pipe(pipes));
	need(suite, "lock", lock(fd, F_SETLK, F_WRLCK, 0, 1));
	child = fork();
	if (!child) {
		int own = open("dead", O_RDWR);

		lock(own, F_SETLK, F_WRLCK, 1, 1);
		(void)!write(pipes[1], "x", 1);
		_exit(lock(own, F_SETLKW, F_WRLCK, 0, 1) ? 1 : 0);
	}
	need(suite, "read", read(pipes[0], &byte, 1));
	/* The child needs time to block; then it is us who would close the circle. */
	nanosleep(&(struct timespec){.tv_nsec = 300000000}, NULL);
	tick(true);
	observe(suite, "deadlock", lock(fd, F_SETLKW, F_WRLCK, 1, 1));
	tick(false);
	close(fd);
	waitpid(child, NULL, 0);
}

void group_locks(const struct suite *suite)
{
	record_locks(suite);
	exclusion(suite);
	description_locks(suite);
	whole_file_locks(suite);
	if (!blocked(suite)) {
		skip(suite, "deadlock", "nothing would end it");
		return;
	}
	/* In a process of its own: its timer is the one that guards the group. */
	in_child(suite, 0, deadlock);
}
