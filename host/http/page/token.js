// SPDX-License-Identifier: LGPL-2.1-or-later
// The token: out of the address bar as soon as it is read, and into this tab's own storage.

const PLACE = "lodge-token";

export function takeToken() {
	const token = location.hash.slice(1);

	if (token) {
		history.replaceState(null, "", location.pathname + location.search);
		sessionStorage.setItem(PLACE, token);
	}
	return sessionStorage.getItem(PLACE);
}

export function dropToken() {
	sessionStorage.removeItem(PLACE);
}

// Shows it to the server, which answers with a cookie.
export async function showToken(token) {
	const answer = await fetch("/session", { method: "POST", body: token });

	return answer.ok;
}
