/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/vmm/virtio/balloon_statistics.h"

#include "protocol/base/bytes.h"
#include "protocol/base/iov.h"

#include <linux/virtio_balloon.h>
#include <time.h>

#define MAX_STATISTICS	 256 /* that are looked at in one buffer */
#define MS_A_SECOND	 1000
#define NANOSECONDS_A_MS 1000000L

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * MS_A_SECOND + (uint64_t)(now.tv_nsec / NANOSECONDS_A_MS);
}

void balloon_statistics_parse(struct balloon_statistics *statistics, const struct iovec *iov,
			      unsigned int count)
{
	struct virtio_balloon_stat statistic[MAX_STATISTICS];
	size_t got = iov_read(iov, count, 0, statistic, sizeof(statistic));

	*statistics = (struct balloon_statistics){.taken_ms = now_ms()};
	for (size_t i = 0; i < got / sizeof(statistic[0]); i++) {
		uint16_t tag = le16toh(statistic[i].tag);

		if (tag >= BALLOON_TAGS)
			continue;
		statistics->tags |= 1U << tag;
		statistics->value[tag] = le64toh(statistic[i].val);
	}
}

uint64_t balloon_statistics_age(const struct balloon_statistics *statistics)
{
	return statistics->tags ? now_ms() - statistics->taken_ms : 0;
}
