/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fences and continuous updates.
 *
 * A viewer with continuous updates does not ask; how many updates may be under way is found by a
 * fence behind each, which comes back when the viewer has got there: as many as keep the connection
 * busy for a round trip, and one more.
 */
#include "host/screen/rfb/rfb_internal.h"

#include <errno.h>

#define MESSAGE_FENCE	    248
#define MESSAGE_END_UPDATES 150
#define FENCE_BLOCK_BEFORE  1U
#define FENCE_BLOCK_AFTER   2U
#define FENCE_SYNC_NEXT	    4U
#define FENCE_REQUEST	    0x80000000U
#define FENCE_MAX_PAYLOAD   64U
#define FRAME_MS	    16U
#define OUR_PAYLOAD	    4U

static void put_fence(struct rfb *rfb, uint32_t flags, const void *payload, size_t length)
{
	wire_put8(&rfb->aside, MESSAGE_FENCE);
	wire_put(&rfb->aside, "\0\0", 3);
	wire_put32(&rfb->aside, flags);
	wire_put8(&rfb->aside, (uint32_t)length);
	wire_put(&rfb->aside, payload, length);
}

void rfb_flow_learnt(struct rfb *rfb, const struct rfb_abilities *had)
{
	if (rfb->can.fence && !had->fence) /* that we know fences too */
		put_fence(rfb, FENCE_REQUEST | FENCE_SYNC_NEXT, NULL, 0);
	if (rfb->can.continuous_updates && !had->continuous_updates)
		wire_put8(&rfb->aside, MESSAGE_END_UPDATES);
	if (!rfb->can.fence)
		rfb->flow.fences_out = 0;
	rfb_flush_aside(rfb);
}

/* --- Fences ----------------------------------------------------------------------------------- */

void rfb_put_fence(struct rfb *rfb)
{
	struct rfb_flow *flow = &rfb->flow;
	uint8_t payload[OUR_PAYLOAD];

	if (!rfb->can.fence || !flow->continuous || flow->fences_out == RFB_MAX_FENCES)
		return;
	store_be32(payload, flow->next_fence);
	put_fence(rfb, FENCE_REQUEST, payload, sizeof(payload));
	flow->fence_sent_ms[flow->next_fence % RFB_MAX_FENCES] = rfb_now(rfb);
	flow->next_fence++;
	flow->fences_out++;
}

bool rfb_is_full(const struct rfb *rfb)
{
	const struct rfb_flow *flow = &rfb->flow;

	return flow->continuous &&
	       flow->fences_out >= MIN(flow->round_trip_ms / FRAME_MS + 2, RFB_MAX_FENCES);
}

static void fence_came_back(struct rfb *rfb, uint32_t number)
{
	struct rfb_flow *flow = &rfb->flow;
	uint32_t behind = flow->next_fence - number;
	uint64_t trip;

	/* Those before it were lost on it, or it is none of ours. */
	if (behind == 0 || behind > flow->fences_out)
		return;
	flow->fences_out = behind - 1;
	trip = rfb_now(rfb) - flow->fence_sent_ms[number % RFB_MAX_FENCES];
	/* The shortest, forgotten slowly. */
	if (flow->round_trip_ms == 0 || trip < flow->round_trip_ms)
		flow->round_trip_ms = trip;
	else
		flow->round_trip_ms += (trip - flow->round_trip_ms) / 64;
	rfb_update_soon(rfb);
}

ssize_t rfb_fence(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	uint32_t flags, size;

	if (length < 9)
		return 0;
	flags = load_be32(bytes + 4);
	size = bytes[8];
	if (size > FENCE_MAX_PAYLOAD)
		return -EPROTO;
	if (length < 9 + size)
		return 0;
	if (flags & FENCE_REQUEST) {
		/* We do one thing after the other, so all that can be asked for holds; the answer
		 * stands behind what was sent before. */
		put_fence(rfb, flags & (FENCE_BLOCK_BEFORE | FENCE_BLOCK_AFTER | FENCE_SYNC_NEXT),
			  bytes + 9, size);
		rfb_flush_aside(rfb);
	} else if (size == OUR_PAYLOAD) {
		fence_came_back(rfb, load_be32(bytes + 9));
	}
	return 9 + (ssize_t)size;
}

/* --- Continuous updates ----------------------------------------------------------------------- */

ssize_t rfb_continuous_updates(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	struct rfb_flow *flow = &rfb->flow;

	if (length < 10)
		return 0;
	flow->area.x = load_be16(bytes + 2);
	flow->area.y = load_be16(bytes + 4);
	flow->area.width = load_be16(bytes + 6);
	flow->area.height = load_be16(bytes + 8);
	if (bytes[1]) {
		flow->continuous = rfb->looks = true;
		screen_watch(&rfb->viewer, true);
		rfb_update_soon(rfb);
	} else if (flow->continuous) {
		flow->continuous = false;
		flow->fences_out = 0;
		wire_put8(&rfb->aside, MESSAGE_END_UPDATES);
		rfb_flush_aside(rfb);
	}
	return 10;
}
