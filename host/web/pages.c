/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "host/web/pages.h"

#include "host/http/embed.h"
#include "protocol/base/bytes.h"

#include <string.h>

#define OWN	   "host/web/page/"
#define JAVASCRIPT "text/javascript; charset=utf-8"

EMBED(page_html, OWN "page.html");
EMBED(page_css, OWN "page.css");
EMBED(page_js, OWN "page.js");
EMBED(figures_js, OWN "figures.js");
EMBED(chart_js, OWN "chart.js");
EMBED(icon_svg, OWN "icon.svg");
EMBED(token_js, "host/http/page/token.js");

static const struct {
	const char *path, *type;
	const uint8_t *bytes, *end;
} files[] = {
	{"/", "text/html; charset=utf-8", embedded_page_html, embedded_page_html_end},
	{"/page.css", "text/css; charset=utf-8", embedded_page_css, embedded_page_css_end},
	{"/page.js", JAVASCRIPT, embedded_page_js, embedded_page_js_end},
	{"/figures.js", JAVASCRIPT, embedded_figures_js, embedded_figures_js_end},
	{"/chart.js", JAVASCRIPT, embedded_chart_js, embedded_chart_js_end},
	{"/token.js", JAVASCRIPT, embedded_token_js, embedded_token_js_end},
	{"/icon.svg", "image/svg+xml", embedded_icon_svg, embedded_icon_svg_end},
};

bool pages_find(const char *path, struct page *page)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (strcmp(path, files[i].path) != 0)
			continue;
		*page = (struct page){files[i].path,
				      files[i].type,
				      {files[i].bytes, (size_t)(files[i].end - files[i].bytes)}};
		return true;
	}
	return false;
}
