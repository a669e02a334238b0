/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "protocol/display.h"

#include "protocol/message_table.h"

#define PIXELS 65535

/* clang-format off */
MESSAGE(display_layout, UINT(display_layout, serial, ANY), TEXT(display_layout, session),
	TEXT(display_layout, desktop), TEXT(display_layout, backend), ITEMS(display_layout, heads));
MESSAGE(display_head, NEED_UINT(display_head, head, DISPLAY_MAX_HEADS - 1),
	TEXT(display_head, connector), BOOLEAN(display_head, enabled), BOOLEAN(display_head, primary),
	INT(display_head, x), INT(display_head, y), UINT(display_head, width, PIXELS),
	UINT(display_head, height, PIXELS), UINT(display_head, scale_milli, 16000));
MESSAGE(display_applied, UINT(display_applied, serial, ANY), UINT(display_applied, number, 4095),
	TEXT(display_applied, text));
MESSAGE(clipboard_offer, NEED_TEXT(clipboard_offer, selection), UINT(clipboard_offer, serial, ANY),
	ITEMS(clipboard_offer, types), BOOLEAN(clipboard_offer, secret));
MESSAGE(clipboard_want, UINT(clipboard_want, id, ANY), UINT(clipboard_want, serial, ANY),
	NEED_TEXT(clipboard_want, selection), NEED_TEXT(clipboard_want, type));
MESSAGE(clipboard_write, UINT(clipboard_write, id, ANY), UINT(clipboard_write, number, 4095));
MESSAGE(files_receive, NEED_TEXT(files_receive, name),
	NEED_UINT(files_receive, size_bytes, INT64_MAX));
MESSAGE(files_received, UINT(files_received, size_bytes, INT64_MAX), TEXT(files_received, name));
MESSAGE(screen_info, TEXT(screen_info, source), ITEMS(screen_info, heads),
	ITEMS(screen_info, viewers), UINT(screen_info, leds, UINT32_MAX), TEXT(screen_info, session),
	TEXT(screen_info, desktop), UINT(screen_info, head_count, DISPLAY_MAX_HEADS),
	BOOLEAN(screen_info, driverless));
MESSAGE(screen_head, NEED_UINT(screen_head, head, DISPLAY_MAX_HEADS - 1),
	BOOLEAN(screen_head, enabled), BOOLEAN(screen_head, primary), INT(screen_head, x),
	INT(screen_head, y), UINT(screen_head, width, PIXELS), UINT(screen_head, height, PIXELS),
	UINT(screen_head, requested_width, PIXELS), UINT(screen_head, requested_height, PIXELS),
	UINT(screen_head, scale_milli, 16000), TEXT(screen_head, by), TEXT(screen_head, followed));
MESSAGE(screen_viewer, NEED_TEXT(screen_viewer, protocol), TEXT(screen_viewer, peer),
	BOOLEAN(screen_viewer, view_only), BOOLEAN(screen_viewer, watching));
MESSAGE(screen_display, UINT(screen_display, head, DISPLAY_MAX_HEADS - 1),
	BOOLEAN(screen_display, off), UINT(screen_display, width, PIXELS),
	UINT(screen_display, height, PIXELS), UINT(screen_display, scale_milli, 16000),
	BOOLEAN(screen_display, placed), INT(screen_display, x), INT(screen_display, y));
MESSAGE(screen_capture, BOOLEAN(screen_capture, one),
	UINT(screen_capture, head, DISPLAY_MAX_HEADS - 1), TEXT(screen_capture, format),
	BOOLEAN(screen_capture, cursor));
MESSAGE(screen_captured, UINT(screen_captured, width, PIXELS),
	UINT(screen_captured, height, PIXELS));
MESSAGE(screen_type, DATA(screen_type, data, 32768), TEXT(screen_type, layout),
	BOOLEAN(screen_type, look));
MESSAGE(screen_key, ITEMS(screen_key, keys));
MESSAGE(screen_clipboard, TEXT(screen_clipboard, selection), TEXT(screen_clipboard, type));
MESSAGE(screen_policy, TEXT(screen_policy, to_guest), TEXT(screen_policy, to_host),
	TEXT(screen_policy, primary), UINT(screen_policy, max_bytes, CLIPBOARD_MAX_BYTES));
/* clang-format on */
