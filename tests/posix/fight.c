/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * posix-fight - processes that fight for the locks of one file, by several ways to it
 *
 *	posix-fight [--rounds N] [--data] DIR DIR...
 *
 * The folders are one and the same: the plain one, and mounts of it. In each work a few processes
 * that enter sections, guarded by POSIX record locks, OFD locks or flock(2), shared or exclusive,
 * waiting (interrupted by signals) or not; that nobody is in a section with an exclusive owner is
 * seen in memory that all share. Others, victims, are killed while they hold a lock or wait for
 * one, which has to free it. With --data they also count in the file, which is for mounts without
 * caches.
 *
 * Exit status: 0; 1 two were in a section, a count is wrong, or a call failed; 2 it could not
 * begin.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RANGES	      4	     /* sections of record locks, ten bytes each */
#define WHOLE	      RANGES /* the one of flock() */
#define SECTIONS      (RANGES + 1)
#define FIGHTERS      3 /* in each folder */
#define MAX_PLACE     8
#define LIMIT_SECONDS 300

struct arena {
	_Atomic(int) writers[SECTIONS], readers[SECTIONS];
	_Atomic(uint64_t) entered, interrupted, refused, counted;
	_Atomic(bool) broken;
};

struct fighter {
	struct arena *arena;
	const char *folder;
	uint64_t state;
	unsigned int rounds;
	bool data;
	int fd;
};

enum kind { POSIX, DESCRIPTION, FLOCK };

static uint32_t below(struct fighter *fighter, uint32_t limit)
{
	fighter->state = fighter->state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(fighter->state >> 33) % limit;
}

static _Noreturn void give_up(struct fighter *fighter, const char *what)
{
	fprintf(stderr, "posix-fight: %s: %s: %s\n", fighter->folder, what, strerror(errno));
	atomic_store(&fighter->arena->broken, true);
	_exit(1);
}

static int open_file(const char *folder)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/fight", folder);
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
}

static int operate(int fd, enum kind kind, int section, short type, bool wait)
{
	struct flock range = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = section * 10, .l_len = 10};
	int operation = type == F_UNLCK ? LOCK_UN : type == F_RDLCK ? LOCK_SH : LOCK_EX;

	switch (kind) {
	case POSIX:
		return fcntl(fd, wait ? F_SETLKW : F_SETLK, &range);
	case DESCRIPTION:
		return fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &range);
	case FLOCK:
		break;
	}
	return flock(fd, operation | (wait ? 0 : LOCK_NB));
}

/* One more in the section's count in the file, behind the locked bytes. */
static void count_in_file(struct fighter *fighter, int section)
{
	off_t at = 4096 + section * (off_t)sizeof(uint64_t);
	uint64_t value = 0;

	if (pread(fighter->fd, &value, sizeof(value), at) < 0)
		give_up(fighter, "read");
	value++;
	if (pwrite(fighter->fd, &value, sizeof(value), at) != sizeof(value))
		give_up(fighter, "write");
	atomic_fetch_add(&fighter->arena->counted, 1);
}

/* In the section: who else is? */
static void inside(struct fighter *fighter, int section, bool exclusive)
{
	struct arena *arena = fighter->arena;
	_Atomic(int) *own = exclusive ? &arena->writers[section] : &arena->readers[section];
	int others = atomic_fetch_add(own, 1);

	if ((exclusive && (others || atomic_load(&arena->readers[section]))) ||
	    (!exclusive && atomic_load(&arena->writers[section]))) {
		fprintf(stderr, "posix-fight: %s: not alone in section %d\n", fighter->folder,
			section);
		atomic_store(&arena->broken, true);
	}
	if (exclusive && fighter->data)
		count_in_file(fighter, section);
	if (below(fighter, 4) == 0)
		usleep(200);
	atomic_fetch_sub(own, 1);
	atomic_fetch_add(&arena->entered, 1);
}

static void fight_once(struct fighter *fighter)
{
	enum kind kind = (enum kind)below(fighter, 3);
	int section = kind == FLOCK ? WHOLE : (int)below(fighter, RANGES);
	bool exclusive = below(fighter, 2), wait = below(fighter, 4) != 0;

	if (operate(fighter->fd, kind, section, exclusive ? F_WRLCK : F_RDLCK, wait) < 0) {
		if (errno == EINTR)
			atomic_fetch_add(&fighter->arena->interrupted, 1);
		else if (!wait && (errno == EAGAIN || errno == EACCES))
			atomic_fetch_add(&fighter->arena->refused, 1);
		else
			give_up(fighter, "lock");
		return;
	}
	inside(fighter, section, exclusive);
	if (operate(fighter->fd, kind, section, F_UNLCK, false) < 0)
		give_up(fighter, "unlock");
}

static void on_tick(int signal_number)
{
	(void)signal_number;
}

static void fight(struct fighter *fighter)
{
	struct sigaction action = {.sa_handler = on_tick};
	struct itimerval often = {{0, 7000}, {0, 7000}};

	fighter->fd = open_file(fighter->folder);
	if (fighter->fd < 0)
		give_up(fighter, "open");
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (unsigned int round = 0; round < fighter->rounds; round++) {
		if (atomic_load(&fighter->arena->broken))
			_exit(1);
		fight_once(fighter);
		if (below(fighter, 50) != 0)
			continue;
		close(fighter->fd);
		fighter->fd = open_file(fighter->folder);
		if (fighter->fd < 0)
			give_up(fighter, "open");
	}
	_exit(0);
}

/* Holds, or waits for, all there is, until it is killed. */
static _Noreturn void be_victim(const char *folder, enum kind kind)
{
	int fd = open_file(folder);

	for (int section = 0; fd >= 0 && section < SECTIONS; section++)
		operate(fd,
			section == WHOLE ? FLOCK
			: kind == FLOCK	 ? POSIX
					 : kind,
			section, F_WRLCK, true);
	for (;;)
		pause();
}

static void run_victim(char **folders, int places, unsigned int turn)
{
	pid_t victim = fork();

	if (victim == 0)
		be_victim(folders[turn % (unsigned int)places], (enum kind)(turn % 3));
	nanosleep(&(struct timespec){.tv_nsec = 15000000}, NULL);
	if (victim > 0) {
		kill(victim, SIGKILL);
		waitpid(victim, NULL, 0);
	}
}

/* Return: how many failed. */
static unsigned int reap(pid_t *fighters, int count, char **folders, int places)
{
	unsigned int failed = 0, turn = 0;
	int left = count;

	while (left > 0) {
		int status;
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid == 0) {
			run_victim(folders, places, turn++);
			continue;
		}
		if (pid < 0)
			break;
		for (int i = 0; i < count; i++) {
			if (fighters[i] != pid)
				continue;
			left--;
			failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
		}
	}
	return failed;
}

static bool counts_agree(struct arena *arena, const char *folder)
{
	uint64_t values[SECTIONS] = {0}, sum = 0;
	int fd = open_file(folder);

	if (fd < 0 || pread(fd, values, sizeof(values), 4096) < 0)
		return false;
	close(fd);
	for (int i = 0; i < SECTIONS; i++)
		sum += values[i];
	if (sum == atomic_load(&arena->counted))
		return true;
	fprintf(stderr, "posix-fight: %s counts %llu of %llu\n", folder, (unsigned long long)sum,
		(unsigned long long)atomic_load(&arena->counted));
	return false;
}

static struct arena *arena_new(void)
{
	struct arena *arena = mmap(NULL, sizeof(*arena), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return arena == MAP_FAILED ? NULL : arena;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"rounds", required_argument, NULL, 'r'}, {"data", no_argument, NULL, 'd'}, {0}};
	struct arena *arena = arena_new();
	pid_t fighters[MAX_PLACE * FIGHTERS];
	unsigned long rounds = 1000;
	bool data = false, right;
	int option, places, count;

	while ((option = getopt_long(argc, argv, "r:d", options, NULL)) != -1) {
		if (option == 'r')
			rounds = strtoul(optarg, NULL, 10);
		else if (option == 'd')
			data = true;
		else
			return 2;
	}
	places = argc - optind;
	if (!arena || places < 1 || places > MAX_PLACE || rounds < 1) {
		fprintf(stderr, "usage: posix-fight [--rounds N] [--data] DIR DIR...\n");
		return 2;
	}
	alarm(LIMIT_SECONDS);
	for (count = 0; count < places * FIGHTERS; count++) {
		struct fighter fighter = {
			.arena = arena,
			.folder = argv[optind + count % places],
			.state = (uint64_t)count + 1,
			.rounds = (unsigned int)rounds,
			.data = data,
		};

		fighters[count] = fork();
		if (fighters[count] == 0)
			fight(&fighter);
	}
	right = reap(fighters, count, argv + optind, places) == 0 && !atomic_load(&arena->broken);
	if (data)
		right = counts_agree(arena, argv[optind]) && right;
	printf("%s: %llu sections entered, %llu calls interrupted, %llu refused\n",
	       right ? "ok" : "FAIL", (unsigned long long)atomic_load(&arena->entered),
	       (unsigned long long)atomic_load(&arena->interrupted),
	       (unsigned long long)atomic_load(&arena->refused));
	return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
