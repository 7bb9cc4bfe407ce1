import { formatAge } from "./format.js";

/** Connected, but without a reading for longer than this, seconds: said in words. */
const SILENT = 60;
/** How long the line says that the connection is back, milliseconds. */
const BACK_AGAIN_MS = 4000;

/** The line that tells in words whether what is on the page is live. */
export class ConnectionLine {
  #element;
  /** @type {import("./live.js").Connection} */
  #state = "connecting";
  #wasLost = false;
  #backSince = -Infinity;

  /** @param {HTMLElement} element  a live region */
  constructor(element) {
    this.#element = element;
  }

  /** @param {import("./live.js").Connection} state @returns {boolean} whether the connection was lost and is back */
  change(state) {
    const back = state === "open" && this.#wasLost;
    this.#wasLost = state === "lost" || (this.#wasLost && state !== "open");
    if (back) this.#backSince = Date.now();
    this.#state = state;
    return back;
  }

  /** @param {number | null} age  of the newest reading, seconds; null when there is none */
  show(age) {
    const silent = this.#state === "open" && age !== null && age > SILENT;
    const text = this.#words(age, silent);
    this.#element.dataset["connection"] = silent ? "silent" : this.#state;
    // Setting the same text again would make screen readers say it again.
    if (this.#element.firstChild?.textContent === text) return;
    this.#element.textContent = text;
    if (this.#state === "logged out") {
      const link = document.createElement("a");
      link.href = `/login?${new URLSearchParams({ next: location.pathname + location.search })}`;
      link.textContent = "Log in again";
      this.#element.append(" ", link);
    }
  }

  /** @param {number | null} age @param {boolean} silent @returns {string} */
  #words(age, silent) {
    switch (this.#state) {
      case "connecting": return "Connecting…";
      case "lost": return "Connection lost. Trying again…";
      case "logged out": return "You are logged out.";
      case "open":
        if (Date.now() - this.#backSince < BACK_AGAIN_MS) return "Connected again.";
        if (age === null) return "Connected. Waiting for the first reading.";
        return silent ? `Connected. The last reading came ${formatAge(age)}.` : "Live";
    }
  }
}
