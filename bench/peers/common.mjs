// What the clients of both share: orders come as JSON lines on stdin, each is answered by one JSON line.
import { createInterface } from "node:readline";

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
export const seconds = (since) => Number(process.hrtime.bigint() - since) / 1e9;

const BATCH = 500;
const AT_ONCE = 4;
const PATIENCE = 120_000;

// Calls `submit(size)` until `count` are submitted, so many at once; then asks `ended()` until it says that all have ended.
export async function throughput(count, submit, ended) {
  const begin = process.hrtime.bigint();
  let left = count;
  const lane = async () => {
    while (left > 0) {
      const size = Math.min(BATCH, left);
      left -= size;
      await submit(size);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  const accepted = seconds(begin);
  for (let last = -1, news = Date.now(); ; await pause(20)) {
    const now = await ended();
    if (now >= count) return { accepted, seconds: seconds(begin) };
    if (now !== last) [last, news] = [now, Date.now()];
    else if (Date.now() - news > PATIENCE) throw new Error(`${now} of ${count} have ended, and no more for ${PATIENCE / 1000} s`);
  }
}

// Milliseconds from the submission of one to its end, `count` times, one after the other.
export async function idle(count, runOne) {
  const times = [];
  for (let i = 0; i < count; ++i) {
    const begin = process.hrtime.bigint();
    await runOne();
    times.push(seconds(begin) * 1e3);
  }
  return { times };
}

export async function serve(orders) {
  console.log(JSON.stringify({ ready: true }));
  for await (const line of createInterface({ input: process.stdin })) {
    const { order, count } = JSON.parse(line);
    console.log(JSON.stringify(await orders[order](count)));
  }
  process.exit(0);
}
