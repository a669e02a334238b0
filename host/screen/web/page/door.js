// SPDX-License-Identifier: LGPL-2.1-or-later
import { takeToken, dropToken, showToken } from "/token.js";

const ENTERED = "lodge-entered";

function say(text) {
	document.getElementById("text").textContent = text;
}

async function enter() {
	const token = takeToken();
	let good;

	if (!token) {
		say("To see it, open the whole address that “lodge view” prints.");
		return;
	}
	try {
		good = await showToken(token);
	} catch {
		say("The virtual machine's screen does not answer. Is the machine running?");
		return;
	}
	if (!good) {
		dropToken();
		say("This address is not valid any more: “lodge view” prints a new one.");
	} else if (sessionStorage.getItem(ENTERED)) {
		sessionStorage.removeItem(ENTERED);
		say("This page needs a cookie, and the browser did not keep it.");
	} else {
		sessionStorage.setItem(ENTERED, "1");
		location.replace("/" + location.search);
	}
}

say("One moment …");
enter();
window.addEventListener("hashchange", enter);
