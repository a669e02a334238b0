/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * time: reads and sets the guest's clock. Setting it also writes the battery-backed clock where
 * there is one, in UTC, on a thread: such clocks are slow.
 */
#include "guest-agent/agent/service.h"
#include "protocol/base/bytes.h"
#include "protocol/base/cleanup.h"
#include "protocol/base/log.h"
#include "protocol/message.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtc.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>

#define NS_PER_S 1000000000ULL

struct rtc_write {
	struct work work;
	time_t seconds;
};

static int time_start(const struct service_context *context, void **state)
{
	*state = context->workers;
	return 0;
}

static void time_stop(void *state)
{
	(void)state;
}

static void time_get(void *state, struct stream *stream, struct slice params)
{
	uint8_t bytes[32];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct time_value value;
	struct timespec now;

	(void)state;
	(void)params;
	clock_gettime(CLOCK_REALTIME, &now);
	value.realtime_ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
	message_encode(&message_time_value, &value, &writer);
	stream_reply(stream, cbor_written(&writer));
}

static void rtc_run(struct work *work)
{
	const struct rtc_write *rtc_write = CONTAINER_OF(work, struct rtc_write, work);
	_cleanup_close_ int fd = open("/dev/rtc0", O_RDONLY | O_CLOEXEC);
	struct tm tm;

	/* struct rtc_time begins as struct tm does, by rtc(4). */
	if (fd < 0 || !gmtime_r(&rtc_write->seconds, &tm))
		return;
	struct rtc_time rtc = {.tm_sec = tm.tm_sec,
			       .tm_min = tm.tm_min,
			       .tm_hour = tm.tm_hour,
			       .tm_mday = tm.tm_mday,
			       .tm_mon = tm.tm_mon,
			       .tm_year = tm.tm_year};
	if (ioctl(fd, RTC_SET_TIME, &rtc) < 0)
		log_debug("cannot set /dev/rtc0: %s", error_text(errno));
}

static void rtc_done(struct work *work)
{
	free(CONTAINER_OF(work, struct rtc_write, work));
}

static void write_rtc(struct workers *workers, time_t seconds)
{
	struct rtc_write *rtc_write = calloc(1, sizeof(*rtc_write));

	if (!rtc_write)
		return;
	rtc_write->work = (struct work){.run = rtc_run, .done = rtc_done};
	rtc_write->seconds = seconds;
	workers_submit(workers, &rtc_write->work);
}

static void time_set(void *state, struct stream *stream, struct slice params)
{
	struct time_value value;
	struct timespec time;

	if (message_decode(&message_time_value, params, &value) < 0 || value.realtime_ns == 0) {
		stream_fail(stream, EBADMSG, "time.set: malformed parameters");
		return;
	}
	time.tv_sec = (time_t)(value.realtime_ns / NS_PER_S);
	time.tv_nsec = (long)(value.realtime_ns % NS_PER_S);
	if (clock_settime(CLOCK_REALTIME, &time) < 0) {
		stream_fail(stream, errno, "time.set: the guest's kernel refuses");
		return;
	}
	write_rtc(state, time.tv_sec);
	stream_reply(stream, (struct slice){0});
}

const struct service service_time = {
	.name = "time",
	.summary = "reads and sets the clock",
	.start = time_start,
	.stop = time_stop,
	.methods = (const struct service_method[]){{"time.get", time_get},
						   {"time.set", time_set},
						   {NULL, NULL}},
};
