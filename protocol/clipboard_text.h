/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clipboard_text - the many forms of text on clipboards, and the one that is passed on
 *
 * Programs offer text as "text/plain;charset=utf-8", as "text/plain", and on X11 as UTF8_STRING,
 * STRING (ISO 8859-1, ICCCM 2.6.2) and TEXT; lines end with LF or CRLF or CR; some count a NUL at
 * the end. Between a guest and a host there is one form: CLIPBOARD_TEXT, valid UTF-8, LF, no NUL.
 */
#ifndef LODGE_PROTOCOL_CLIPBOARD_TEXT_H
#define LODGE_PROTOCOL_CLIPBOARD_TEXT_H

#include "protocol/cbor.h"

#include <stdbool.h>

#define CLIPBOARD_TEXT	   "text/plain;charset=utf-8"
#define CLIPBOARD_SECRET   "x-kde-passwordManagerHint" /* offered beside what is secret */
#define CLIPBOARD_TYPE_MAX 127 /* bytes of a type; no longer one is passed on */

/* Better forms are greater. */
enum text_form {
	TEXT_NONE,   /* no text/plain at all */
	TEXT_LATIN1, /* STRING */
	TEXT_ANY,    /* TEXT, text/plain: UTF-8 if it is valid, else ISO 8859-1 */
	TEXT_UTF8,
};

enum text_form clipboard_text_form(struct slice type);

/* Whether @type is fit to be passed on as it is: a MIME type of printable ASCII, not too long, and
 * no form of text. */
bool clipboard_type_passes(struct slice type);

/**
 * clipboard_text_normalise() - any text as CLIPBOARD_TEXT
 * @form:	not TEXT_NONE
 * @text:	untrusted
 * @result:	set on success: malloc()ed, the caller's; not NULL even if empty
 * @length:	of it: at most three times that of @text
 *
 * What is no UTF-8 becomes U+FFFD. Return: 0 or -ENOMEM.
 */
int clipboard_text_normalise(enum text_form form, struct slice text, uint8_t **result,
			     size_t *length);

/* UTF-8 as ISO 8859-1, '?' for what is not in it; results as above. */
int clipboard_text_to_latin1(struct slice text, uint8_t **result, size_t *length);

/* LF as CRLF, and a NUL behind it that @length does not count; results as above. */
int clipboard_text_to_crlf(struct slice text, uint8_t **result, size_t *length);

#endif
