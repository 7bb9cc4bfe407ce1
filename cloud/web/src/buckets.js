import { LoggedOut, fetchPairs } from "./source.js";

const RETRY_MS = 5000;

/** @typedef {Record<string, import("./page.js").Pair[]>} PairsBySensor */

/** The buckets of each scale that was looked at, as the cloud sent them; asked for again when they have grown old. */
export class Buckets {
  #page;
  #now;
  #events;
  /** @type {Map<string, {at: number, pairs: PairsBySensor}>} */
  #kept;
  /** @type {Map<string, AbortController>} what is on its way, also while it waits for another attempt */
  #loading = new Map();

  /**
   * @param {import("./page.js").Page} page  the scales it was written with need not be loaded
   * @param {() => number} now  unix seconds
   * @param {{onLoaded: (scale: string) => void, onTrouble: (scale: string, sentence: string) => void,
   *   onLoggedOut: () => void}} events  `onTrouble` with `""` when all is well again
   */
  constructor(page, now, events) {
    this.#page = page;
    this.#now = now;
    this.#events = events;
    this.#kept = new Map(Object.entries(page.series).map(([scale, pairs]) => [scale, { at: page.time, pairs }]));
  }

  /** @param {string} scale @returns {PairsBySensor | undefined} */
  get(scale) {
    return this.#kept.get(scale)?.pairs;
  }

  /** @param {string} scale @returns {boolean} */
  isLoading(scale) {
    return this.#loading.has(scale);
  }

  /** Loads a scale unless what is there is young enough. @param {string} scale */
  want(scale) {
    const kept = this.#kept.get(scale);
    if (!kept || this.#now() - kept.at >= this.#page.scales[scale].refresh) this.load(scale);
  }

  /** Loads a scale, unless that is under way. @param {string} name */
  load(name) {
    if (!this.#loading.has(name)) this.#attempt(name);
  }

  /** Gives up what is being loaded. @param {string} name */
  cancel(name) {
    this.#loading.get(name)?.abort();
    this.#loading.delete(name);
  }

  /** @param {string} name */
  async #attempt(name) {
    const mine = new AbortController();
    this.#loading.set(name, mine);
    const scale = this.#page.scales[name];
    try {
      const all = await Promise.all(this.#page.sensors.map(async (sensor) => {
        const { wire } = this.#page.quantities[sensor.quantity];
        return /** @type {const} */ ([sensor.id, await fetchPairs(sensor.id, scale, wire, mine.signal)]);
      }));
      if (mine.signal.aborted) return;
      this.#kept.set(name, { at: this.#now(), pairs: Object.fromEntries(all) });
      this.#loading.delete(name);
      this.#events.onTrouble(name, "");
      this.#events.onLoaded(name);
    } catch (error) {
      if (mine.signal.aborted) return;
      mine.abort(); // the other sensors' requests
      if (error instanceof LoggedOut) {
        this.#loading.delete(name);
        this.#events.onLoggedOut();
        return;
      }
      this.#events.onTrouble(name, `${error instanceof Error ? error.message : error} Trying again in a moment.`);
      setTimeout(() => { if (this.#loading.get(name) === mine) this.#attempt(name); }, RETRY_MS);
    }
  }
}
