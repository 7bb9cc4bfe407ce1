/**
 * @typedef {{sensor: string, time: number, counter: number | null, gauge: number | null}} Reading
 * @typedef {"connecting" | "open" | "lost" | "logged out"} Connection
 */

const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30000;
/** What was told so long ago is told first, so that the live chart of a page just opened is not empty. */
const RECENT_SECONDS = 600;

/**
 * The stream of readings. The browser reconnects an EventSource by itself after a broken connection, but gives up for
 * good on an error answer (a proxy's 502 while the cloud restarts); this goes on trying.
 */
export class Live {
  #url;
  #onReading;
  #onConnection;
  /** @type {EventSource | null} */
  #source = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #retry = FIRST_RETRY_MS;

  /**
   * @param {string[]} sensors
   * @param {(reading: Reading) => void} onReading
   * @param {(connection: Connection) => void} onConnection
   */
  constructor(sensors, onReading, onConnection) {
    const heard = sensors.map((id) => ["sensor", id]);
    this.#url = `/api/v2/live?${new URLSearchParams([...heard, ["recent", `${RECENT_SECONDS}`]])}`;
    this.#onReading = onReading;
    this.#onConnection = onConnection;
    addEventListener("online", () => this.open());
    addEventListener("offline", () => this.#onConnection("lost"));
    // A page in the back/forward cache may not hold a connection; one that comes out of it needs a new one.
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", (event) => { if (event.persisted) this.open(); });
  }

  open() {
    this.close();
    const source = new EventSource(this.#url);
    this.#source = source;
    source.addEventListener("open", () => {
      this.#retry = FIRST_RETRY_MS;
      this.#onConnection("open");
    });
    source.addEventListener("reading", (event) => this.#onReading(JSON.parse(event.data)));
    source.addEventListener("error", () => {
      if (source !== this.#source) return;
      this.#onConnection("lost");
      if (source.readyState === EventSource.CLOSED) this.#later();
    });
  }

  close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #later() {
    this.#timer = setTimeout(async () => {
      // EventSource does not tell why it was refused.
      const answer = await fetch("/api/v2/devices", { cache: "no-store" }).catch(() => null);
      if (answer?.status === 401) this.#onConnection("logged out");
      else this.open();
    }, this.#retry);
    this.#retry = Math.min(this.#retry * 2, LONGEST_RETRY_MS);
  }
}
