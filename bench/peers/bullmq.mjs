// BullMQ: node bullmq.mjs worker|client. PEERS_REDIS is its Redis, PEERS_SLOTS the jobs at once of the worker.
// A chain is a flow of BullMQ's: each job is the child of the next, so that Redis itself knows what waits for what.
import { FlowProducer, Queue, QueueEvents, Worker } from "bullmq";
import Redis from "ioredis";
import { idle, serve, throughput } from "./common.mjs";

const CHAIN = 5;
const connect = () => new Redis(process.env.PEERS_REDIS, { maxRetriesPerRequest: null });

function work() {
  const worker = new Worker("jobs", async (job) => `done ${job.data.id}`, { connection: connect(), concurrency: Number(process.env.PEERS_SLOTS) });
  worker.on("error", (error) => console.error(error));
  worker.waitUntilReady().then(() => console.log(JSON.stringify({ ready: true })));
}

async function submitAndLook() {
  const connection = connect();
  const queue = new Queue("jobs", { connection });
  const flows = new FlowProducer({ connection: connect() });
  const events = new QueueEvents("jobs", { connection: connect() });
  await events.waitUntilReady();
  let number = 0;
  const job = () => ({ name: "task", data: { id: ++number } });
  const chain = () => {
    let last;
    for (let i = 0; i < CHAIN; ++i) last = { ...job(), queueName: "jobs", ...(last ? { children: [last] } : {}) };
    return last;
  };
  const times = (size, make) => Array.from({ length: size }, make);
  await serve({
    one: async (count) => {
      const before = await queue.getCompletedCount();
      return throughput(count, (size) => queue.addBulk(times(size, job)), async () => (await queue.getCompletedCount()) - before);
    },
    five: async (count) => {
      const before = await queue.getCompletedCount();
      return throughput(count, (size) => flows.addBulk(times(size, chain)),
        async () => Math.floor(((await queue.getCompletedCount()) - before) / CHAIN));
    },
    idle: (count) => idle(count, async () => (await queue.add("task", { id: ++number })).waitUntilFinished(events)),
    stored: async () => ({ ended: await queue.getCompletedCount(), failed: await queue.getFailedCount() }),
  });
}

if (process.argv[2] === "worker") work();
else await submitAndLook();
