/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * backdrop - paints the root window of an X server with the picture that tests look for
 *
 * Each CRTC shows a quarter of red, green, blue and magenta: top left, top right, bottom left and
 * bottom right. Painted again whenever the server says that the layout is another one or that a
 * part was uncovered, and at no other time. With --pointer: says where the pointer is, and ends.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/randr.h>
#include <xcb/xcb.h>

static void paint(xcb_connection_t *x, xcb_window_t root, xcb_gcontext_t gc, int16_t left,
		  int16_t top, uint16_t width, uint16_t height)
{
	static const uint32_t colours[] = {0xff0000, 0x00ff00, 0x0000ff, 0xff00ff};

	for (int i = 0; i < 4; i++) {
		uint16_t half_width = width / 2, half_height = height / 2;
		xcb_rectangle_t part = {
			.x = (int16_t)(left + (i % 2 ? half_width : 0)),
			.y = (int16_t)(top + (i / 2 ? half_height : 0)),
			.width = (uint16_t)(i % 2 ? width - half_width : half_width),
			.height = (uint16_t)(i / 2 ? height - half_height : half_height),
		};

		xcb_change_gc(x, gc, XCB_GC_FOREGROUND, &colours[i]);
		xcb_poly_fill_rectangle(x, root, gc, 1, &part);
	}
}

static void paint_all(xcb_connection_t *x, xcb_window_t root, xcb_gcontext_t gc)
{
	xcb_randr_get_screen_resources_current_reply_t *resources =
		xcb_randr_get_screen_resources_current_reply(
			x, xcb_randr_get_screen_resources_current(x, root), NULL);

	if (!resources)
		return;
	for (int i = 0; i < xcb_randr_get_screen_resources_current_crtcs_length(resources); i++) {
		xcb_randr_crtc_t crtc = xcb_randr_get_screen_resources_current_crtcs(resources)[i];
		xcb_randr_get_crtc_info_reply_t *info = xcb_randr_get_crtc_info_reply(
			x, xcb_randr_get_crtc_info(x, crtc, resources->config_timestamp), NULL);

		if (info && info->mode != XCB_NONE)
			paint(x, root, gc, info->x, info->y, info->width, info->height);
		free(info);
	}
	free(resources);
	xcb_flush(x);
}

static int say_pointer(xcb_connection_t *x, xcb_window_t root)
{
	xcb_query_pointer_reply_t *reply =
		xcb_query_pointer_reply(x, xcb_query_pointer(x, root), NULL);

	if (!reply)
		return 1;
	printf("%d %d\n", reply->root_x, reply->root_y);
	free(reply);
	return 0;
}

int main(int count, char **words)
{
	const uint32_t events = XCB_EVENT_MASK_EXPOSURE;
	const xcb_query_extension_reply_t *randr;
	xcb_connection_t *x = xcb_connect(NULL, NULL);
	xcb_generic_event_t *event;
	xcb_gcontext_t gc;
	xcb_window_t root;

	if (xcb_connection_has_error(x)) {
		fprintf(stderr, "backdrop: cannot reach the X server\n");
		return 1;
	}
	randr = xcb_get_extension_data(x, &xcb_randr_id);
	if (!randr || !randr->present) {
		fprintf(stderr, "backdrop: the X server has no RandR\n");
		return 1;
	}
	root = xcb_setup_roots_iterator(xcb_get_setup(x)).data->root;
	if (count > 1 && strcmp(words[1], "--pointer") == 0)
		return say_pointer(x, root);
	gc = xcb_generate_id(x);
	xcb_create_gc(x, gc, root, 0, NULL);
	xcb_change_window_attributes(x, root, XCB_CW_EVENT_MASK, &events);
	xcb_randr_select_input(
		x, root, XCB_RANDR_NOTIFY_MASK_SCREEN_CHANGE | XCB_RANDR_NOTIFY_MASK_CRTC_CHANGE);
	paint_all(x, root, gc);
	while ((event = xcb_wait_for_event(x))) {
		uint8_t kind = event->response_type & 0x7f;

		if (kind == XCB_EXPOSE || kind >= randr->first_event)
			paint_all(x, root, gc);
		free(event);
	}
	xcb_disconnect(x);
	return 0;
}
