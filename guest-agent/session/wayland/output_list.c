/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "guest-agent/session/wayland/output_list.h"

#include "protocol/base/bytes.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct output *output_list_add(struct output_list *list, struct wl_proxy *proxy)
{
	struct output *output = calloc(1, sizeof(*output)), **last = &list->first;

	if (!output) {
		wl_proxy_destroy(proxy);
		return NULL;
	}
	*output = (struct output){
		.list = list, .proxy = proxy, .head = UINT_MAX, .scale_milli = 1000};
	while (*last)
		last = &(*last)->next;
	*last = output;
	return output;
}

void output_list_remove(struct output *output)
{
	struct output **place = &output->list->first;

	while (*place != output)
		place = &(*place)->next;
	*place = output->next;
	while (output->modes)
		output_remove_mode(output, output->modes);
	wl_proxy_destroy(output->proxy);
	free(output);
}

void output_list_clear(struct output_list *list)
{
	while (list->first)
		output_list_remove(list->first);
}

static bool is_taken(const struct output_list *list, unsigned int head)
{
	const struct output *output = list->first;

	while (output && output->head != head)
		output = output->next;
	return output != NULL;
}

void output_list_number(struct output_list *list)
{
	unsigned int place = 0;

	for (struct output *output = list->first; output; output = output->next, place++) {
		unsigned int head = head_of_connector(output->name, place);

		if (output->head != UINT_MAX || !output->name[0])
			continue;
		if (is_taken(list, head)) {
			for (head = 0; is_taken(list, head); head++)
				;
		}
		output->head = head;
	}
}

void output_describe(const struct output *output, struct head *head)
{
	*head = (struct head){.head = output->head};
	memcpy(head->connector, output->name, sizeof(head->connector));
	if (!output->enabled || !output->current || !output->current->width)
		return;
	head->enabled = true;
	head->x = output->x;
	head->y = output->y;
	head->width = output->current->width;
	head->height = output->current->height;
	head->scale_milli = output->scale_milli;
}

const struct head *output_wanted(const struct output *output, const struct head_list *heads)
{
	return head_list_find(heads, output->head);
}

/* --- Modes ---------------------------------------------------------------------------------- */

struct output_mode *output_add_mode(struct output *output, struct wl_proxy *proxy)
{
	struct output_mode *mode = calloc(1, sizeof(*mode));

	if (!mode) {
		wl_proxy_destroy(proxy);
		return NULL;
	}
	mode->proxy = proxy;
	mode->next = output->modes;
	output->modes = mode;
	return mode;
}

void output_remove_mode(struct output *output, struct output_mode *mode)
{
	struct output_mode **place = &output->modes;

	while (*place != mode)
		place = &(*place)->next;
	*place = mode->next;
	if (output->current == mode)
		output->current = NULL;
	wl_proxy_destroy(mode->proxy);
	free(mode);
}

struct output_mode *output_mode_of(const struct output *output, const struct wl_proxy *proxy)
{
	struct output_mode *mode = output->modes;

	while (mode && mode->proxy != proxy)
		mode = mode->next;
	return mode;
}

struct output_mode *output_find_mode(const struct output *output, uint32_t width, uint32_t height)
{
	struct output_mode *mode = output->modes;

	while (mode && (mode->width != width || mode->height != height))
		mode = mode->next;
	return mode;
}

void output_mode_size(void *output, struct wl_proxy *proxy, int32_t width, int32_t height)
{
	struct output_mode *mode = output_mode_of(output, proxy);

	if (!mode)
		return;
	mode->width = (uint32_t)MAX(width, 0);
	mode->height = (uint32_t)MAX(height, 0);
}

void output_mode_gone(void *output, struct wl_proxy *proxy)
{
	struct output_mode *mode = output_mode_of(output, proxy);

	if (mode)
		output_remove_mode(output, mode);
}

void output_mode_refresh(void *output, struct wl_proxy *proxy, int32_t refresh)
{
	(void)output;
	(void)proxy;
	(void)refresh;
}

void output_mode_preferred(void *output, struct wl_proxy *proxy)
{
	(void)output;
	(void)proxy;
}
