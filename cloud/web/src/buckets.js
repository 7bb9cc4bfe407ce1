import { LoggedOut, fetchPairs } from "./source.js";

const RETRY_MS = 5000;

/** The buckets of each scale that was looked at, as the cloud sent them; asked for again when they have grown old. */
export class Buckets {
  #page;
  #now;
  #events;
  /** @type {Map<string, {at: number, pairs: Record<string, import("./page.js").Pair[]>}>} */
  #kept = new Map();
  /** @type {AbortController | null} */
  #loading = null;

  /**
   * @param {import("./page.js").Page} page  the scale it was written with need not be loaded
   * @param {() => number} now  unix seconds
   * @param {{onLoaded: (scale: string) => void, onBusy: (busy: boolean) => void, onTrouble: (sentence: string) => void,
   *   onLoggedOut: () => void}} events  `onTrouble` with `""` when all is well again
   */
  constructor(page, now, events) {
    this.#page = page;
    this.#now = now;
    this.#events = events;
    this.#kept.set(page.scale, { at: page.time, pairs: page.series });
  }

  /** @param {string} scale @returns {Record<string, import("./page.js").Pair[]> | undefined} pairs by sensor id */
  get(scale) {
    return this.#kept.get(scale)?.pairs;
  }

  /** Loads a scale unless what is there is young enough, or just on its way. @param {string} scale */
  want(scale) {
    const kept = this.#kept.get(scale);
    if (!kept || this.#now() - kept.at >= this.#page.scales[scale].refresh) {
      if (!this.#loading) this.load(scale);
    }
  }

  /** Loads a scale; what was being loaded for another is given up. @param {string} name */
  async load(name) {
    this.#loading?.abort();
    const mine = new AbortController();
    this.#loading = mine;
    this.#events.onBusy(true);
    const scale = this.#page.scales[name];
    try {
      const all = await Promise.all(this.#page.sensors.map(async (sensor) => {
        const { wire } = this.#page.quantities[sensor.quantity];
        return /** @type {const} */ ([sensor.id, await fetchPairs(sensor.id, scale, wire, mine.signal)]);
      }));
      if (this.#loading !== mine) return;
      this.#kept.set(name, { at: this.#now(), pairs: Object.fromEntries(all) });
      this.#stop(mine);
      this.#events.onTrouble("");
      this.#events.onLoaded(name);
    } catch (error) {
      if (this.#loading !== mine) return;
      mine.abort(); // the other sensors' requests
      if (error instanceof LoggedOut) {
        this.#stop(mine);
        this.#events.onLoggedOut();
        return;
      }
      this.#events.onTrouble(`${error instanceof Error ? error.message : error} Trying again in a moment.`);
      setTimeout(() => { if (this.#loading === mine) this.load(name); }, RETRY_MS);
    }
  }

  /** Gives up what is being loaded. */
  cancel() {
    if (this.#loading) {
      this.#loading.abort();
      this.#stop(this.#loading);
    }
  }

  /** @param {AbortController} mine */
  #stop(mine) {
    if (this.#loading !== mine) return;
    this.#loading = null;
    this.#events.onBusy(false);
  }
}
