/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The beginning of a conversation (RFC 6143, 7.1 to 7.3; VeNCrypt 0.2): version, security type,
 * password, first messages. After it the state is RFB_RUNNING.
 */
#include "host/screen/rfb/rfb_internal.h"
#include "host/screen/tls.h"
#include "protocol/base/log.h"

#include <errno.h>

#define VERSION_SIZE 12

enum {
	SECURITY_NONE = 1,
	SECURITY_VNC = 2,
	SECURITY_VENCRYPT = 19,
};

enum {
	VENCRYPT_TLS_NONE = 257,
	VENCRYPT_TLS_VNC = 258,
	VENCRYPT_X509_NONE = 260,
	VENCRYPT_X509_VNC = 261,
};

static const char too_many[] = "Too many wrong passwords. Try again later.";

void rfb_begin(struct rfb *rfb)
{
	rfb_send(rfb, "RFB 003.008\n", VERSION_SIZE);
}

static void put_text(struct rfb *rfb, const char *text)
{
	wire_put32(&rfb->out, (uint32_t)strlen(text));
	wire_put(&rfb->out, text, strlen(text));
}

/* --- The first message of ours ---------------------------------------------------------------- */

/* The viewer has got in; it says whether it shares. */
static void enter(struct rfb *rfb)
{
	rfb->state = RFB_INIT;
}

/* SecurityResult. Before 3.8 there is none for None. */
static void put_ok(struct rfb *rfb, bool always)
{
	if (always || rfb->minor >= 8)
		wire_put32(&rfb->out, 0);
	rfb_flush(rfb);
	enter(rfb);
}

static void refuse(struct rfb *rfb, const char *why)
{
	log_info("VNC viewer %s was not let in: %s", rfb->viewer.peer, why);
	wire_put32(&rfb->out, 1);
	if (rfb->minor >= 8)
		put_text(rfb, why);
	rfb_flush(rfb);
	rfb_close(rfb, 0);
}

static int begin_password(struct rfb *rfb)
{
	int result = rfb_make_challenge(rfb);

	if (result < 0)
		return result;
	rfb_send(rfb, rfb->challenge, sizeof(rfb->challenge));
	rfb->state = RFB_RESPONSE;
	return 0;
}

static int begin_security(struct rfb *rfb, bool password)
{
	if (password)
		return begin_password(rfb);
	put_ok(rfb, false);
	return 0;
}

/* --- Version, security type ------------------------------------------------------------------- */

static unsigned int read_minor(const uint8_t *bytes)
{
	unsigned int minor = 0;

	for (int i = 8; i < 11; i++)
		minor = minor * 10 + (unsigned int)(bytes[i] - '0');
	/* There are a 3.5 of one viewer's making, a 3.889 of another's. */
	return minor >= 8 ? 8 : minor == 7 ? 7 : 3;
}

static bool is_version(const uint8_t *bytes)
{
	for (int i = 8; i < 11; i++) {
		if (bytes[i] < '0' || bytes[i] > '9')
			return false;
	}
	return memcmp(bytes, "RFB 003.", 8) == 0 && bytes[11] == '\n';
}

/* No security type at all, and why. */
static void refuse_all(struct rfb *rfb, const char *why)
{
	log_info("VNC viewer %s was not let in: %s", rfb->viewer.peer, why);
	if (rfb->minor == 3)
		wire_put32(&rfb->out, 0);
	else
		wire_put8(&rfb->out, 0);
	put_text(rfb, why);
	rfb_flush(rfb);
	rfb_close(rfb, 0);
}

static bool offers_tls(const struct rfb *rfb)
{
	return rfb->tls != RFB_TLS_NO && (rfb->credentials || rfb->anonymous);
}

static ssize_t read_version(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	uint8_t types[3], count = 0;

	if (length < VERSION_SIZE)
		return 0;
	if (!is_version(bytes))
		return -EPROTO;
	rfb->minor = read_minor(bytes);
	if (rfb->needs_password && !rfb_attempts_open(rfb)) {
		refuse_all(rfb, too_many);
		return VERSION_SIZE;
	}
	if (rfb->minor == 3) {
		if (rfb->tls == RFB_TLS_REQUIRED) {
			refuse_all(rfb, "This screen is shown by VeNCrypt only.");
			return VERSION_SIZE;
		}
		wire_put32(&rfb->out, rfb->needs_password ? SECURITY_VNC : SECURITY_NONE);
		rfb_flush(rfb);
		if (rfb->needs_password) {
			int result = begin_password(rfb);

			return result < 0 ? result : VERSION_SIZE;
		}
		enter(rfb);
		return VERSION_SIZE;
	}
	if (offers_tls(rfb))
		types[count++] = SECURITY_VENCRYPT;
	if (rfb->tls != RFB_TLS_REQUIRED)
		types[count++] = rfb->needs_password ? SECURITY_VNC : SECURITY_NONE;
	wire_put8(&rfb->out, count);
	wire_put(&rfb->out, types, count);
	rfb_flush(rfb);
	rfb->state = RFB_SECURITY;
	return VERSION_SIZE;
}

static ssize_t read_security(struct rfb *rfb, uint8_t type)
{
	static const uint8_t vencrypt_version[2] = {0, 2};
	int result = -EPROTO;

	if (type == SECURITY_VENCRYPT && offers_tls(rfb)) {
		rfb_send(rfb, vencrypt_version, sizeof(vencrypt_version));
		rfb->state = RFB_VENCRYPT_VERSION;
		result = 0;
	} else if (rfb->tls != RFB_TLS_REQUIRED &&
		   type == (rfb->needs_password ? SECURITY_VNC : SECURITY_NONE)) {
		result = begin_security(rfb, rfb->needs_password);
	}
	return result < 0 ? result : 1;
}

/* --- VeNCrypt --------------------------------------------------------------------------------- */

static unsigned int vencrypt_types(const struct rfb *rfb, uint32_t types[2])
{
	unsigned int count = 0;

	if (rfb->credentials)
		types[count++] = rfb->needs_password ? VENCRYPT_X509_VNC : VENCRYPT_X509_NONE;
	if (rfb->anonymous)
		types[count++] = rfb->needs_password ? VENCRYPT_TLS_VNC : VENCRYPT_TLS_NONE;
	return count;
}

static ssize_t read_vencrypt_version(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	uint32_t types[2];
	unsigned int count;

	if (length < 2)
		return 0;
	if (bytes[0] != 0 || bytes[1] != 2) {
		wire_put8(&rfb->out, 1);
		rfb_flush(rfb);
		rfb_close(rfb, 0);
		return 2;
	}
	count = vencrypt_types(rfb, types);
	wire_put8(&rfb->out, 0);
	wire_put8(&rfb->out, count);
	for (unsigned int i = 0; i < count; i++)
		wire_put32(&rfb->out, types[i]);
	rfb_flush(rfb);
	rfb->state = RFB_VENCRYPT_TYPE;
	return 2;
}

static ssize_t read_vencrypt_type(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	const struct tls_credentials *credentials = NULL;
	uint32_t types[2], type;
	unsigned int count = vencrypt_types(rfb, types);
	int result;

	if (length < 4)
		return 0;
	type = load_be32(bytes);
	for (unsigned int i = 0; i < count; i++) {
		if (types[i] == type)
			credentials =
				i == 0 && rfb->credentials ? rfb->credentials : rfb->anonymous;
	}
	if (!credentials)
		return -EPROTO;
	wire_put8(&rfb->out, 1);
	rfb_flush(rfb);
	if (rfb->closed)
		return 4;
	/* Takes the bytes behind these for TLS; what is sent from here on goes through it. */
	result = link_start_tls(rfb->link, credentials);
	if (result == 0) {
		rfb->inside_tls = true;
		result = begin_security(rfb, rfb->needs_password);
	}
	return result < 0 ? result : 4;
}

/* --- Password, initialisation ----------------------------------------------------------------- */

static ssize_t read_response(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	int result;

	if (length < RFB_CHALLENGE_SIZE)
		return 0;
	result = rfb_check_response(rfb, bytes);
	if (result == 0)
		put_ok(rfb, true);
	else if (result == -EACCES)
		refuse(rfb, "The password is wrong.");
	else if (result == -EBUSY)
		refuse(rfb, too_many);
	else
		return result;
	return RFB_CHALLENGE_SIZE;
}

static void close_others(struct rfb *rfb)
{
	struct viewer *viewer = (struct viewer *)(uintptr_t)screen_viewers(rfb->viewer.screen);

	while (viewer) {
		struct viewer *next = viewer->next;

		if (viewer != &rfb->viewer && viewer->ops == &rfb_viewer_ops)
			rfb_close(rfb_of(viewer), 0);
		viewer = next;
	}
}

/* ClientInit and our answer to it. */
static ssize_t read_init(struct rfb *rfb, uint8_t shared)
{
	const char *name = screen_name(rfb->viewer.screen);
	uint8_t format[PIXEL_FORMAT_SIZE];
	int result;

	rfb_size(rfb, &rfb->width, &rfb->height);
	result = encoder_init(&rfb->encoder);
	if (result == 0)
		result = damage_resize(&rfb->damage, rfb->width, rfb->height);
	if (result < 0)
		return result;
	if (!shared && rfb->exclusive && !rfb->view_only)
		close_others(rfb);
	wire_put16(&rfb->out, rfb->width);
	wire_put16(&rfb->out, rfb->height);
	pixel_format_store(&pixel_format_native, format);
	wire_put(&rfb->out, format, sizeof(format));
	put_text(rfb, name);
	rfb->viewer.view_only = rfb->view_only;
	rfb->state = RFB_RUNNING;
	rfb_pointer_changed(rfb);
	uv_timer_stop(&rfb->limit);
	rfb_flush(rfb);
	return 1;
}

ssize_t rfb_handshake(struct rfb *rfb, const uint8_t *bytes, size_t length)
{
	switch (rfb->state) {
	case RFB_VERSION:
		return read_version(rfb, bytes, length);
	case RFB_SECURITY:
		return read_security(rfb, *bytes);
	case RFB_VENCRYPT_VERSION:
		return read_vencrypt_version(rfb, bytes, length);
	case RFB_VENCRYPT_TYPE:
		return read_vencrypt_type(rfb, bytes, length);
	case RFB_RESPONSE:
		return read_response(rfb, bytes, length);
	case RFB_INIT:
		return read_init(rfb, *bytes);
	case RFB_RUNNING:
		break;
	}
	return -EPROTO;
}
