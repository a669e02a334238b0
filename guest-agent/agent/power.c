/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * power: the guest powers off, reboots or halts. The answer goes first, then it happens.
 */
#include "guest-agent/agent/init_system.h"
#include "guest-agent/agent/service.h"
#include "protocol/base/bytes.h"
#include "protocol/base/log.h"
#include "protocol/message.h"

#include <errno.h>
#include <stdlib.h>

/* For the answer to leave. */
#define DELAY_MS 100

struct power {
	uv_timer_t delay;
	enum power_action action;
};

static int power_start(const struct service_context *context, void **state)
{
	struct power *power = calloc(1, sizeof(*power));

	if (!power)
		return -ENOMEM;
	uv_timer_init(context->loop, &power->delay);
	power->delay.data = power;
	*state = power;
	return 0;
}

static void on_released(uv_handle_t *delay)
{
	free(delay->data);
}

static void power_stop(void *state)
{
	struct power *power = state;

	uv_close((uv_handle_t *)&power->delay, on_released);
}

static void on_delay(uv_timer_t *delay)
{
	const struct power *power = delay->data;
	int error = init_system_power(power->action);

	if (error)
		log_error("cannot power off or reboot: %s", error_text(error));
}

static void power_call(void *state, struct stream *stream, struct slice params)
{
	static const char *const actions[] = {
		[POWER_OFF] = "off", [POWER_REBOOT] = "reboot", [POWER_HALT] = "halt"};
	struct power *power = state;
	struct power_params want;

	if (message_decode(&message_power_params, params, &want) < 0) {
		stream_fail(stream, EBADMSG, "power: malformed parameters");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if (!slice_is(want.action, actions[i]))
			continue;
		log_info("the host asks for power %s", actions[i]);
		power->action = (enum power_action)i;
		uv_timer_start(&power->delay, on_delay, DELAY_MS, 0);
		stream_reply(stream, (struct slice){0});
		return;
	}
	stream_fail(stream, EINVAL, "power: the action must be off, reboot or halt");
}

const struct service service_power = {
	.name = "power",
	.summary = "powers off, reboots, halts",
	.start = power_start,
	.stop = power_stop,
	.methods = (const struct service_method[]){{"power", power_call}, {NULL, NULL}},
};
