/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way of a head, phase by phase. */
#include "host/screen/resize_internal.h"
#include "protocol/base/log.h"

static void set_monitor(struct resize *resize, unsigned int number, bool enabled)
{
	struct source *source = screen_source(resize->screen);
	struct resize_head *head = &resize->head[number];
	struct guest_layout layout;
	struct rectangle place;

	if (!source)
		return;
	resize_lay_out(resize, &layout);
	place = (struct rectangle){
		.x = (uint32_t)MAX(layout.head[number].x, 0),
		.y = (uint32_t)MAX(layout.head[number].y, 0),
		.width = head->wanted.width,
		.height = head->wanted.height,
	};
	source->ops->set_mode(source, number, enabled, &place, head->wanted.width_mm,
			      head->wanted.height_mm);
}

static bool can_ask(const struct resize *resize)
{
	return resize->session->can_apply(resize->owner);
}

/* The session alone can do something then. */
static bool is_fixed(const struct resize *resize)
{
	const struct source *source = screen_source(resize->screen);

	return source && source->ops->fixed;
}

void resize_rest(struct resize *resize, struct resize_head *head, enum resize_followed followed)
{
	head->phase = PHASE_REST;
	head->next_ms = 0;
	head->followed = followed;
	head->undone_ms = 0;
	if (followed == RESIZE_BY_ITSELF)
		resize->needs_help = false;
	if (followed == RESIZE_BY_SESSION && head->helped && resize_is_right(head))
		resize->needs_help = true;
	if (head->replugs > 0)
		screen_set_patience(resize->screen, SCREEN_DARK_MS);
	screen_status_changed(resize->screen);
}

void resize_begin_itself(struct resize *resize, unsigned int number)
{
	struct resize_head *head = &resize->head[number];
	bool soon = (resize->needs_help || is_fixed(resize)) && can_ask(resize);

	head->phase = PHASE_ITSELF;
	head->followed = RESIZE_WAITING;
	head->changed_ms = resize_now(resize);
	head->next_ms = head->changed_ms + (soon ? RESIZE_SOON_MS : RESIZE_SESSION_MS);
	head->session_asked = head->helped = false;
	head->replugs = 0;
	head->asks_left = RESIZE_ASKS_AGAIN;
	head->undone_ms = 0;
	set_monitor(resize, number, head->wanted.enabled);
}

/* The guest's session has it in its layout, and will say when it is gone. */
static bool is_laid_out(const struct resize *resize, unsigned int number)
{
	const struct guest_head *is = &resize->session->layout(resize->owner)->head[number];

	return can_ask(resize) && is->known && is->enabled;
}

void resize_begin_replug(struct resize *resize, unsigned int number)
{
	struct resize_head *head = &resize->head[number];
	uint64_t now = resize_now(resize), dark_ms;

	if (head->replugs > 1 || !head->wanted.enabled || is_fixed(resize)) {
		resize_rest(resize, head, RESIZE_NOT);
		return;
	}
	dark_ms = head->replugs++ ? RESIZE_DARK_AGAIN_MS : RESIZE_DARK_MS;
	head->phase = PHASE_GAP;
	head->followed = RESIZE_WAITING;
	head->gap_ms = now + RESIZE_GAP_MS;
	/* Viewers need not see the dark. */
	screen_set_patience(resize->screen, dark_ms + RESIZE_GIVE_UP_MS);
	set_monitor(resize, number, false);
	/* What is dark at once is so by the source's word, not by the guest's. */
	head->next_ms =
		now +
		(head->shown.width > 0 || is_laid_out(resize, number) ? dark_ms : RESIZE_BLIND_MS);
}

void resize_went_dark(struct resize *resize, unsigned int number)
{
	struct resize_head *head = &resize->head[number];

	if (head->phase == PHASE_GAP)
		head->next_ms = MAX(head->gap_ms, resize_now(resize) + RESIZE_BLINK_MS);
}

static void end_replug(struct resize *resize, unsigned int number)
{
	struct resize_head *head = &resize->head[number];

	/* What a source says within the call is of before. */
	set_monitor(resize, number, true);
	head->phase = PHASE_REPLUGGED;
	head->changed_ms = resize_now(resize);
	head->next_ms = head->changed_ms + RESIZE_GIVE_UP_MS;
	if (resize_is_right(head))
		resize_followed(resize, number);
}

void resize_begin_back(struct resize *resize, struct resize_head *head)
{
	head->phase = PHASE_BACK;
	head->followed = RESIZE_WAITING;
	head->next_ms = resize_now(resize) + RESIZE_BACK_MS;
}

static bool ask(struct resize *resize, struct resize_head *head)
{
	struct guest_layout layout;
	int result;

	if (!can_ask(resize))
		return false;
	resize_lay_out(resize, &layout);
	result = resize->session->apply(resize->owner, &layout, &resize->serial);
	if (result < 0) {
		log_debug("cannot ask the guest's session: %s", error_text(result));
		return false;
	}
	head->session_asked = true;
	head->helped = !resize_is_right(head);
	return true;
}

void resize_ask_session(struct resize *resize, unsigned int number)
{
	struct resize_head *head = &resize->head[number];
	uint64_t wait_ms = is_fixed(resize) ? RESIZE_FIXED_MS : RESIZE_REPLUG_MS;

	head->phase = PHASE_SESSION;
	head->next_ms = MAX(head->changed_ms + wait_ms, resize_now(resize) + 1);
	if (!ask(resize, head) && is_fixed(resize))
		resize_rest(resize, head, RESIZE_NOT);
}

/* The monitor was plugged in again, and that alone was not enough. */
static void ask_again(struct resize *resize, struct resize_head *head)
{
	if (head->asks_left == 0 || !ask(resize, head)) {
		resize_rest(resize, head, RESIZE_NOT);
		return;
	}
	head->phase = PHASE_AGAIN;
	head->next_ms = resize_now(resize) + RESIZE_GIVE_UP_MS;
}

/* It shows what was wished, but the guest's session has other heads and not this one: what is seen
 * is the last picture of a head that is off. */
static bool is_left_out(const struct resize *resize, unsigned int number)
{
	const struct source *source = screen_source(resize->screen);
	const struct guest_layout *layout = resize->session->layout(resize->owner);
	bool others = false;

	if (!source || !source->ops->seems_on || !can_ask(resize) ||
	    !resize->head[number].wanted.enabled)
		return false;
	for (unsigned int i = 0; i < DESKTOP_MAX_HEADS; i++)
		others |= layout->head[i].known && layout->head[i].enabled;
	return others && !is_laid_out(resize, number);
}

static enum resize_followed with_help(const struct resize_head *head)
{
	return head->session_asked ? RESIZE_BY_SESSION : RESIZE_BY_ITSELF;
}

void resize_followed(struct resize *resize, unsigned int number)
{
	struct resize_head *head = &resize->head[number];

	if (is_left_out(resize, number))
		return;
	switch (head->phase) {
	case PHASE_ITSELF:
		if (head->to_place && can_ask(resize))
			resize_ask_session(resize, number);
		else
			resize_rest(resize, head, RESIZE_BY_ITSELF);
		break;
	case PHASE_SESSION:
	case PHASE_AGAIN:
		/* Its answer says when places are set, too. */
		if (!head->to_place || !head->session_asked)
			resize_rest(resize, head, with_help(head));
		break;
	case PHASE_REPLUGGED:
	case PHASE_BACK:
		if (head->to_place && can_ask(resize))
			ask_again(resize, head);
		else
			resize_rest(resize, head, RESIZE_BY_REPLUG);
		break;
	default:
		break;
	}
}

void resize_next_phase(struct resize *resize, unsigned int number)
{
	struct resize_head *head = &resize->head[number];

	switch (head->phase) {
	case PHASE_CALM:
		resize_begin_itself(resize, number);
		if (resize_is_right(head))
			resize_followed(resize, number);
		break;
	case PHASE_ITSELF:
		resize_ask_session(resize, number);
		break;
	case PHASE_SESSION:
		if (resize_is_right(head))
			resize_rest(resize, head,
				    head->to_place ? RESIZE_BY_ITSELF : with_help(head));
		else
			resize_begin_replug(resize, number);
		break;
	case PHASE_GAP:
		end_replug(resize, number);
		break;
	case PHASE_REPLUGGED:
	case PHASE_BACK:
		ask_again(resize, head);
		break;
	default:
		resize_rest(resize, head, resize_is_right(head) ? with_help(head) : RESIZE_NOT);
		break;
	}
}
