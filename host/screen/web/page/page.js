// SPDX-License-Identifier: LGPL-2.1-or-later
// The screen: noVNC on our WebSocket, the guest's size following the window, the clipboard.
import { takeToken, showToken } from "/token.js";

const RETRY_MS = [500, 1000, 2000, 4000, 8000, 15000];
const CALM_MS = 50;
const $ = (id) => document.getElementById(id);
let token, about, RFB, rfb;
let tries = 0, connecting = false, wasConnected = false, retryTimer;

function notice(text, { again = false, password = false } = {}) {
	$("notice-text").textContent = text;
	$("reconnect").hidden = !again;
	$("password-form").hidden = !password;
	if (!$("notice").open)
		$("notice").show();
}

function unnotice() {
	if ($("notice").open)
		$("notice").close();
}

// --- Connection ---------------------------------------------------------------------------------

function tell() {
	$("status").textContent = about.view_only ? "view only" :
		about.heads > 1 ? about.heads + " screens, their size is kept" : "";
}

function onConnect() {
	tries = 0;
	wasConnected = true;
	unnotice();
	tell();
	document.body.dataset.state = "connected";
	rfb.focus();
}

function onDisconnect() {
	rfb = null;
	document.body.dataset.state = "disconnected";
	$("status").textContent = "not connected";
	if (wasConnected && tries < RETRY_MS.length) {
		notice("The connection has ended. Trying again …", { again: true });
		retryTimer = setTimeout(connect, RETRY_MS[tries++]);
	} else {
		notice(wasConnected ? "The connection has ended." :
			"The screen could not be reached. Its address may not be valid any more: " +
			"“lodge view” prints a new one.", { again: true });
	}
}

async function ask() {
	about = await (await fetch("/about.json")).json();
}

// noVNC knows of one screen: of several it would switch off all but the first.
function mayResize() {
	return $("resize").checked && !about.view_only && about.heads <= 1;
}

async function connect() {
	const address = new URL("/socket", location);

	clearTimeout(retryTimer);
	if (rfb || connecting)
		return;
	connecting = true;
	try {
		await ask();
	} catch {
		connecting = false;
		onDisconnect();
		return;
	}
	connecting = false;
	address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
	$("status").textContent = "connecting …";
	document.body.dataset.state = "connecting";
	rfb = new RFB($("screen"), address.href, {
		wsProtocols: ["binary", "lodge." + token],
		shared: true,
	});
	rfb.viewOnly = about.view_only;
	rfb.scaleViewport = true;
	rfb.resizeSession = mayResize();
	rfb.addEventListener("connect", onConnect);
	rfb.addEventListener("disconnect", onDisconnect);
	rfb.addEventListener("credentialsrequired", () =>
		notice("This screen has a password.", { password: true }));
	rfb.addEventListener("securityfailure", (event) => {
		wasConnected = false;
		notice(event.detail.reason || "The password was not accepted.", { again: true });
	});
	rfb.addEventListener("clipboard", (event) => onGuestCopied(event.detail.text));
}

// --- Clipboard ----------------------------------------------------------------------------------

async function onGuestCopied(text) {
	$("clipboard-text").value = text;
	if ($("clipboard-follow").checked && navigator.clipboard) {
		try {
			await navigator.clipboard.writeText(text);
		} catch {
			$("status").textContent = "the browser does not let its clipboard be written";
		}
	}
}

function giveToGuest(text) {
	if (rfb && !about.view_only)
		rfb.clipboardPasteFrom(text);
}

async function givePasted() {
	try {
		const text = await navigator.clipboard.readText();

		$("clipboard-text").value = text;
		giveToGuest(text);
	} catch {
		$("status").textContent = "the browser does not let its clipboard be read";
	}
}

// --- Size ---------------------------------------------------------------------------------------

async function follow() {
	try {
		await ask();
	} catch { // the connection will end as well
		return;
	}
	if (!rfb)
		return;
	tell();
	rfb.resizeSession = mayResize();
}

// How many of the guest's pixels stand where the page has one: as many as this screen has there, which
// changes with the page's zoom, or as the address says (?scale=1).
function density() {
	const asked = Number(new URLSearchParams(location.search).get("scale"));

	return asked > 0 ? Math.min(Math.max(asked, 0.25), 4) : window.devicePixelRatio || 1;
}

// noVNC asks for as many pixels as the page has, and shows more of them smaller, to fit.
function dense(Viewer) {
	return class extends Viewer {
		#asks = false;

		_requestRemoteResize() {
			this.#asks = true;
			super._requestRemoteResize();
			this.#asks = false;
		}

		_screenSize() {
			const size = super._screenSize();

			return this.#asks ? { w: Math.round(size.w * density()),
				h: Math.round(size.h * density()) } : size;
		}
	};
}

// noVNC waits for half a second of calm; to set the property again makes it ask at once.
function followWindow() {
	let timer;

	new ResizeObserver(() => {
		clearTimeout(timer);
		timer = setTimeout(follow, CALM_MS);
	}).observe($("screen"));
	$("resize").addEventListener("change", follow);
}

// --- Page ---------------------------------------------------------------------------------------

function listen() {
	$("clipboard-toggle").addEventListener("click", () => {
		$("clipboard").hidden = !$("clipboard").hidden;
		$("clipboard-toggle").setAttribute("aria-expanded", !$("clipboard").hidden);
	});
	$("clipboard-send").addEventListener("click", () =>
		giveToGuest($("clipboard-text").value));
	$("clipboard-paste").addEventListener("click", givePasted);
	$("ctrl-alt-del").addEventListener("click", () => rfb && rfb.sendCtrlAltDel());
	$("fullscreen").addEventListener("click", () =>
		document.fullscreenElement ? document.exitFullscreen() :
			document.documentElement.requestFullscreen());
	// There the guest gets Escape, Alt+Tab and the like, where the browser can do that.
	document.addEventListener("fullscreenchange", () => {
		if (navigator.keyboard && navigator.keyboard.lock) {
			if (document.fullscreenElement)
				navigator.keyboard.lock().catch(() => {});
			else
				navigator.keyboard.unlock();
		}
	});
	$("reconnect").addEventListener("click", connect);
	$("password-form").addEventListener("submit", () => {
		if (rfb)
			rfb.sendCredentials({ password: $("password").value });
		$("password").value = "";
	});
	if (about.view_only) {
		for (const id of ["resize", "clipboard-send", "clipboard-paste", "ctrl-alt-del"])
			$(id).disabled = true;
	}
	if (!navigator.clipboard)
		$("clipboard-paste").disabled = $("clipboard-follow").disabled = true;
}

async function start() {
	sessionStorage.removeItem("lodge-entered");
	token = takeToken();
	if (!token) {
		notice("To see the screen, open the whole address that “lodge view” prints.");
		return;
	}
	await ask();
	document.title = about.name + " – Lodge";
	$("name").textContent = about.name;
	listen();
	followWindow();
	if (!about.novnc) {
		notice("noVNC is not installed on the machine that shows this screen: " +
			"its package is called novnc.");
		return;
	}
	try {
		RFB = dense((await import("/novnc/core/rfb.js")).default);
	} catch (error) {
		notice("noVNC could not be loaded: " + error.message);
		return;
	}
	window.addEventListener("hashchange", async () => {
		token = takeToken();
		if (await showToken(token))
			connect();
	});
	connect();
}

start().catch((error) => notice("This page could not be shown: " + error.message));
