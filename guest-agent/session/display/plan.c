/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/display/plan.h"

#include "protocol/base/bytes.h"

#include <errno.h>

#define SCALE_ROUNDING 10

static uint32_t logical(uint32_t pixels, const struct head *head, bool is_pixels)
{
	const uint32_t scale = head->scale_milli ? head->scale_milli : 1000;

	/* As compositors do: a part of a unit is none. */
	return is_pixels ? pixels : (uint32_t)((uint64_t)pixels * 1000 / scale);
}

uint32_t plan_width(const struct head *head, bool pixels)
{
	return logical(head->width, head, pixels);
}

uint32_t plan_height(const struct head *head, bool pixels)
{
	return logical(head->height, head, pixels);
}

/* --- Places --------------------------------------------------------------------------------- */

struct box {
	int64_t left, top, right, bottom;
};

static struct box box_of(const struct head *head, bool pixels)
{
	return (struct box){head->x, head->y, (int64_t)head->x + plan_width(head, pixels),
			    (int64_t)head->y + plan_height(head, pixels)};
}

static bool overlap(const struct box *a, const struct box *b)
{
	return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

/* Not overlapping, with a piece of an edge in common. */
static bool touch(const struct box *a, const struct box *b)
{
	const bool beside = a->right == b->left || b->right == a->left;
	const bool above = a->bottom == b->top || b->bottom == a->top;

	return (beside && a->top < b->bottom && b->top < a->bottom) ||
	       (above && a->left < b->right && b->left < a->right);
}

/* One piece without overlaps? */
static bool is_whole(const struct head_list *plan, bool pixels)
{
	struct box boxes[DISPLAY_MAX_HEADS];
	bool reached[DISPLAY_MAX_HEADS] = {false};
	size_t count = 0, seen = 1;

	for (size_t i = 0; i < plan->count; i++) {
		if (plan->heads[i].enabled)
			boxes[count++] = box_of(&plan->heads[i], pixels);
	}
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (overlap(&boxes[i], &boxes[j]))
				return false;
		}
	}
	reached[0] = true;
	for (bool more = true; more;) {
		more = false;
		for (size_t i = 0; i < count; i++) {
			for (size_t j = 0; j < count && !reached[i]; j++) {
				if (!reached[j] || !touch(&boxes[i], &boxes[j]))
					continue;
				reached[i] = more = true;
				seen++;
			}
		}
	}
	return seen >= count;
}

static bool is_before(const struct head *a, const struct head *b)
{
	if (a->x != b->x)
		return a->x < b->x;
	return a->y != b->y ? a->y < b->y : a->head < b->head;
}

static void make_row(struct head_list *plan, bool pixels)
{
	struct head *order[DISPLAY_MAX_HEADS];
	size_t count = 0;
	int32_t x = 0;

	for (size_t i = 0; i < plan->count; i++) {
		size_t place = count;

		if (!plan->heads[i].enabled)
			continue;
		for (; place > 0 && is_before(&plan->heads[i], order[place - 1]); place--)
			order[place] = order[place - 1];
		order[place] = &plan->heads[i];
		count++;
	}
	for (size_t i = 0; i < count; i++) {
		order[i]->x = x;
		order[i]->y = 0;
		x += (int32_t)plan_width(order[i], pixels);
	}
}

/* The upper left corner of all is 0,0. */
static void move_home(struct head_list *plan)
{
	int32_t left = INT32_MAX, top = INT32_MAX;

	for (size_t i = 0; i < plan->count; i++) {
		if (!plan->heads[i].enabled)
			continue;
		left = MIN(left, plan->heads[i].x);
		top = MIN(top, plan->heads[i].y);
	}
	for (size_t i = 0; i < plan->count; i++) {
		if (!plan->heads[i].enabled)
			continue;
		plan->heads[i].x -= left;
		plan->heads[i].y -= top;
	}
}

/* --- The rest ------------------------------------------------------------------------------- */

static void take_wanted(struct head *head, const struct head *want)
{
	head->enabled = want->enabled;
	if (!want->enabled)
		return;
	head->x = want->x;
	head->y = want->y;
	if (want->width && want->height) {
		head->width = want->width;
		head->height = want->height;
	}
	if (want->scale_milli)
		head->scale_milli = MIN(MAX(want->scale_milli, PLAN_SCALE_MIN), PLAN_SCALE_MAX);
}

/* The one that is wanted, else the one that is, else the first. */
static void choose_primary(struct head_list *plan, const struct head_list *want)
{
	struct head *chosen = NULL;
	int best = -1;

	for (size_t i = 0; i < plan->count; i++) {
		struct head *head = &plan->heads[i];
		const struct head *wanted = head_list_find(want, head->head);
		const int rank = (wanted && wanted->primary ? 2 : 0) + (head->primary ? 1 : 0);

		if (head->enabled && rank > best) {
			best = rank;
			chosen = head;
		}
		head->primary = false;
	}
	if (chosen)
		chosen->primary = true;
}

int plan_make(const struct head_list *have, const struct head_list *want,
	      const struct plan_rules *rules, struct head_list *plan)
{
	size_t on = 0;

	for (size_t i = 0; i < want->count; i++) {
		if (want->heads[i].enabled && !head_list_find(have, want->heads[i].head))
			return -ENODEV;
	}
	*plan = *have;
	plan->serial = want->serial;
	for (size_t i = 0; i < plan->count; i++) {
		const struct head *wanted = head_list_find(want, plan->heads[i].head);

		if (wanted)
			take_wanted(&plan->heads[i], wanted);
		if (!plan->heads[i].enabled)
			continue;
		on++;
		if (!plan->heads[i].width || !plan->heads[i].height)
			return -EINVAL;
	}
	if (on == 0)
		return -EINVAL;
	if (rules->has_primary)
		choose_primary(plan, want);
	if (!is_whole(plan, rules->pixels))
		make_row(plan, rules->pixels);
	move_home(plan);
	return 0;
}

/* Desktops round scales, to 120ths or to those that a mode allows. */
static bool is_scale(uint32_t is, uint32_t wanted)
{
	return !wanted || (is < wanted ? wanted - is : is - wanted) <= SCALE_ROUNDING;
}

bool plan_sizes_are_met(const struct head_list *have, const struct head_list *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct head *head = &plan->heads[i];
		const struct head *is = head_list_find(have, head->head);

		if (!is || is->enabled != head->enabled)
			return false;
		if (head->enabled && (is->width != head->width || is->height != head->height))
			return false;
	}
	return true;
}

bool plan_is_met(const struct head_list *have, const struct head_list *plan,
		 const struct plan_rules *rules)
{
	if (!plan_sizes_are_met(have, plan))
		return false;
	for (size_t i = 0; i < plan->count; i++) {
		const struct head *head = &plan->heads[i];
		const struct head *is = head_list_find(have, head->head);

		if (!head->enabled)
			continue;
		if (is->x != head->x || is->y != head->y ||
		    (rules->has_primary && is->primary != head->primary) ||
		    !is_scale(is->scale_milli, head->scale_milli))
			return false;
	}
	return true;
}
