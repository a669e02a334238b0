/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "drivers/uevent.h"
#include "tests/unit/suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENT "add@/devices/virtio0\0ACTION=add\0SUBSYSTEM=virtio-ports\0SEQNUM=1"

START_TEST(the_subsystem_is_found)
{
	ck_assert(uevent_is_of(EVENT, sizeof(EVENT), "virtio-ports"));
	ck_assert(!uevent_is_of(EVENT, sizeof(EVENT), "virtio"));
	ck_assert(!uevent_is_of(EVENT, sizeof(EVENT), "virtio-ports2"));
	ck_assert(!uevent_is_of("", 0, "block"));
}
END_TEST

/* Cut anywhere, it is never read beyond its end (the sanitizer watches) nor half believed. */
START_TEST(cut_events_are_not_believed)
{
	const size_t end = sizeof("add@/devices/virtio0\0ACTION=add\0SUBSYSTEM=virtio-ports");

	for (size_t length = 0; length < sizeof(EVENT); length++) {
		char *copy = malloc(length + 1);

		memcpy(copy, EVENT, length);
		ck_assert_int_eq(uevent_is_of(copy, length, "virtio-ports"), length >= end);
		free(copy);
	}
}
END_TEST

START_TEST(a_socket_without_events_gives_none)
{
	int fd = uevent_open();

	ck_assert_int_ge(fd, 0);
	ck_assert(!uevent_drain(fd, "there-is-no-such-subsystem"));
	close(fd);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("uevent");

	tcase_add_test(tc, the_subsystem_is_found);
	tcase_add_test(tc, cut_events_are_not_believed);
	tcase_add_test(tc, a_socket_without_events_gives_none);
	return suite_run_case("uevent", tc);
}
