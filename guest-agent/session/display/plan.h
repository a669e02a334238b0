/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan - from what the host wants and what screens there are to what they shall be
 */
#ifndef LODGE_SESSION_DISPLAY_PLAN_H
#define LODGE_SESSION_DISPLAY_PLAN_H

#include "protocol/head_list.h"

#define PLAN_SCALE_MIN 500U
#define PLAN_SCALE_MAX 4000U

struct plan_rules {
	bool pixels;	  /* positions count pixels, whatever the scale */
	bool has_primary; /* one screen is the primary one */
};

/**
 * plan_make() - what each screen shall be
 * @have:	the screens there are
 * @want:	of them some or all, what is 0 left as it is
 * @plan:	all of @have
 *
 * Screens that are on touch each other and do not overlap, and the first begins at 0,0: wanted
 * positions that are not so become a row, in their order. Exactly one is primary.
 *
 * Return: 0; -ENODEV if a screen is wanted that is not there; -EINVAL if none would be on, or one
 * has no size.
 */
int plan_make(const struct head_list *have, const struct head_list *want,
	      const struct plan_rules *rules, struct head_list *plan);

/* Is it so already? Of screens that are off only that counts. */
bool plan_is_met(const struct head_list *have, const struct head_list *plan,
		 const struct plan_rules *rules);

/* Are the same screens on, with the same sizes: would no monitor have to be read anew? */
bool plan_sizes_are_met(const struct head_list *have, const struct head_list *plan);

/* Size in the units of positions. */
uint32_t plan_width(const struct head *head, bool pixels);
uint32_t plan_height(const struct head *head, bool pixels);

#endif
