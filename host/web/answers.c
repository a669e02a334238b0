/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is at which address, and who may have it. */
#include "host/http/json.h"
#include "host/statistics/channel.h"
#include "host/web/internal.h"
#include "host/web/pages.h"
#include "protocol/base/bytes.h"
#include "protocol/base/parse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BEARER "Bearer "

static const char *header(const struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

static const char *parameter(const struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

static bool has_token(const struct request *request)
{
	const char *given = header(request, "Authorization");

	return given && strncmp(given, BEARER, strlen(BEARER)) == 0 &&
	       access_has_token(&request->server->access, slice_of(given + strlen(BEARER)));
}

/* --- Questions to lodged ---------------------------------------------------------------------- */

static void refuse_as(struct request *request, const struct source_answer *answer)
{
	char text[256];

	snprintf(text, sizeof(text), "%.*s", (int)MIN(answer->text.length, sizeof(text) - 1),
		 answer->text.length ? (const char *)answer->text.bytes : "");
	request_refuse(request, answer->error == -ENOENT ? 404 : 503,
		       text[0] ? text : "lodged does not answer.");
}

static void on_picture(void *owner, const struct source_answer *answer)
{
	struct request *request = owner;
	void *copy = NULL;

	if (answer->error) {
		refuse_as(request, answer);
		return;
	}
	if (answer->data.length)
		copy = malloc(answer->data.length);
	if (!copy) {
		request_refuse(request, 503, "There is no picture.");
		return;
	}
	memcpy(copy, answer->data.bytes, answer->data.length);
	request->answer = (struct answer){.status = 200,
					  .type = "image/png",
					  .body = copy,
					  .length = answer->data.length,
					  .allocated = true};
	request_finish(request);
}

static void on_screen(void *owner, const struct source_answer *answer)
{
	struct request *request = owner;
	struct web_screen screen;
	char address[JSON_SIZE(MESSAGE_TEXT_MAX)], *body;

	if (answer->error) {
		refuse_as(request, answer);
		return;
	}
	if (message_decode(&message_web_screen, answer->reply, &screen) < 0) {
		request_refuse(request, 503, "lodged does not tell where it is.");
		return;
	}
	json_put(screen.address, address, sizeof(address));
	if (asprintf(&body, "{\"address\":\"%s\"}\n", address) < 0) {
		request_refuse(request, 503, "There is no memory for it.");
		return;
	}
	request->answer = (struct answer){.status = 200,
					  .type = "application/json",
					  .body = body,
					  .length = strlen(body),
					  .allocated = true};
	request_finish(request);
}

static void ask_about_vm(struct request *request, const char *method, size_t max_bytes,
			 source_done done)
{
	const char *id = parameter(request, "vm");
	uint8_t bytes[MESSAGE_TEXT_MAX + 64];
	struct cbor_writer writer = CBOR_WRITER(bytes);
	struct web_vm vm;

	if (!id || strlen(id) > MESSAGE_TEXT_MAX) {
		request_refuse(request, 400, "Which virtual machine?");
		return;
	}
	vm.vm = slice_of(id);
	message_encode(&message_web_vm, &vm, &writer);
	/* Never answered from within. */
	if (source_ask(request->server->source, method, cbor_written(&writer), max_bytes, done,
		       request) < 0)
		request_refuse(request, 503, "lodged does not answer.");
	else
		request_wait(request);
}

/* --- Addresses -------------------------------------------------------------------------------- */

static void points(struct request *request)
{
	const char *text = parameter(request, "since");
	uint64_t since = 0;

	if (text && parse_u64(text, 0, INT64_MAX, &since) < 0)
		request_refuse(request, 400, "since is a number.");
	else
		figures_answer_points(request, since);
}

static void picture(struct request *request)
{
	ask_about_vm(request, WEB_PICTURE, PICTURE_MAX_BYTES, on_picture);
}

static void screen(struct request *request)
{
	ask_about_vm(request, WEB_SCREEN, 0, on_screen);
}

static const struct {
	const char *path;
	bool changes;	      /* to be asked with POST */
	bool token_parameter; /* the token may be in the address */
	void (*answer)(struct request *request);
} addresses[] = {
	{"/history", false, false, points},
	{"/picture", false, false, picture},
	{"/screen", true, false, screen},
	{"/metrics", false, true, figures_answer_metrics},
};

static void refuse_token(struct request *request)
{
	request->answer.more_name = "WWW-Authenticate";
	request->answer.more = "Bearer";
	request_refuse(request, 401, "Open the whole address that “lodge web” prints.");
}

static void refuse_method(struct request *request, const char *allowed)
{
	request->answer.more_name = "Allow";
	request->answer.more = allowed;
	request_refuse(request, 405, "This address is asked in another way.");
}

void answers_find(struct request *request, const char *path, const char *method)
{
	bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
	const char *host = header(request, "Host"), *token = parameter(request, "token");
	struct page page;

	if (!host || !access_host_is_ours(&request->server->access, slice_of(host), "")) {
		request_refuse(request, 421,
			       "This is not a name that this server is known by. Use 127.0.0.1 or "
			       "localhost.");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++) {
		if (strcmp(path, addresses[i].path) != 0)
			continue;
		if (!has_token(request) &&
		    !(addresses[i].token_parameter && token &&
		      access_has_token(&request->server->access, slice_of(token))))
			refuse_token(request);
		else if (addresses[i].changes ? strcmp(method, "POST") != 0 : !reads)
			refuse_method(request, addresses[i].changes ? "POST" : "GET, HEAD");
		else
			addresses[i].answer(request);
		return;
	}
	if (!pages_find(path, &page)) {
		request_refuse(request, 404, "There is nothing at this address.");
	} else if (!reads) {
		refuse_method(request, "GET, HEAD");
	} else {
		request->answer = (struct answer){.status = 200,
						  .type = page.type,
						  .body = page.content.bytes,
						  .length = page.content.length};
		request_finish(request);
	}
}
