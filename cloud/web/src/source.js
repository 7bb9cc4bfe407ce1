/** The session has ended; only logging in helps. */
export class LoggedOut extends Error {}

/**
 * @param {string} sensor
 * @param {import("./page.js").Scale} scale
 * @param {string} unit
 * @param {AbortSignal} signal
 * @returns {Promise<import("./page.js").Pair[]>}
 * @throws {LoggedOut}
 * @throws {Error} with a sentence for the reader
 */
export async function fetchPairs(sensor, scale, unit, signal) {
  const query = new URLSearchParams({ version: "1.0", interval: scale.interval, resolution: scale.resolution, unit });
  const answer = await fetch(`/sensor/${sensor}?${query}`, { signal, cache: "no-store" }).catch((error) => {
    if (signal.aborted) throw error;
    throw new Error("The cloud does not answer.");
  });
  if (answer.status === 401) throw new LoggedOut("You are logged out.");
  if (!answer.ok) throw new Error(`The cloud answered with an error (${answer.status}).`);
  return answer.json();
}
