// headrace's client: node headrace.mjs. PEERS_API is the scheduler's API, PEERS_METRICS its management address, PEERS_PROTO its .proto files,
// PEERS_FLOWS how many flows share those that wait: all executions of a flow lie in one partition.
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";
import { idle, pause, serve, throughput } from "./common.mjs";

const RETURN = "io.kestra.plugin.core.debug.Return";
const NAMESPACE = "peers";
const SPREAD = Number(process.env.PEERS_FLOWS ?? 1);
const WAKES_AFTER = 15;
const PAUSED = 'headrace_executions{state="PAUSED"}';
const files = ["flow_service", "execution_service"].map((name) => `headrace/api/v1/${name}.proto`);
const { headrace } = grpc.loadPackageDefinition(
  loader.loadSync(files, { includeDirs: [process.env.PEERS_PROTO], keepCase: true, longs: Number, enums: String, defaults: true }));
const flows = new headrace.api.v1.FlowService(process.env.PEERS_API, grpc.credentials.createInsecure());
const executions = new headrace.api.v1.ExecutionService(process.env.PEERS_API, grpc.credentials.createInsecure());

const call = (service, method, request) => new Promise((done, failed) =>
  service[method](request, { deadline: Date.now() + 600_000 }, (error, answer) => (error ? failed(error) : done(answer))));

const full = (code) => code === grpc.status.RESOURCE_EXHAUSTED || code === grpc.status.UNAVAILABLE;

// What the scheduler is too full for comes again.
async function submit(flow, size) {
  for (let left = size; left > 0; ) {
    const requests = Array.from({ length: left }, (_, i) => ({ namespace: NAMESPACE, flow_id: flow(i) }));
    const { results } = await call(executions, "BatchSubmitExecutions", { requests });
    const refused = results.filter((one) => !one.submitted);
    const other = refused.find((one) => !full(one.error.code));
    if (other) throw new Error(other.error.message);
    left = refused.length;
    if (left > 0) await pause(20);
  }
}

// What the scheduler has counted since it started; `stored` reads from its store.
const counted = (metric) => async () => {
  const page = await (await fetch(`http://${process.env.PEERS_METRICS}/metrics`)).text();
  const line = page.split("\n").find((one) => one.startsWith(`${metric} `));
  return line ? Number(line.slice(metric.length + 1)) : 0;
};

const spread = (flow) => (i) => `${flow}${i % SPREAD}`;

const many = (flow, metric = 'headrace_executions_total{state="SUCCESS"}') => async (amount) => {
  const look = counted(metric);
  const before = await look();
  return throughput(amount, (size) => submit(typeof flow === "string" ? () => flow : flow, size), async () => (await look()) - before);
};

// Until a scheduler has the partition that it falls into.
async function begin(flow_id) {
  for (;;) {
    try {
      return (await call(executions, "SubmitExecution", { namespace: NAMESPACE, flow_id })).id;
    } catch (error) {
      if (!full(error.code)) throw error;
      await pause(20);
    }
  }
}

function follow(id) {
  return new Promise((done, failed) => {
    let state;
    const stream = executions.WatchExecution({ id, until_terminal: true });
    stream.on("data", (update) => { state = update.execution.state.current; });
    stream.on("error", failed);
    stream.on("end", () => (state === "STATE_SUCCESS" ? done() : failed(new Error(`${id} ended ${state}`))));
  });
}

async function count(states) {
  const { counts } = await call(executions, "CountExecutions", { namespace: NAMESPACE, states });
  return counts.reduce((sum, one) => sum + one.count, 0);
}

async function stored() {
  const good = await count(["STATE_SUCCESS"]);
  return { ended: good, failed: (await count([])) - good };
}

const at = (time) => Number(time.seconds) * 1e3 + time.nanos / 1e6;

// How much later than its date each went on, in ms, and how many a second did.
async function wake(amount) {
  await many("wake")(amount);
  const lags = [], dates = [];
  for (let page_token = ""; lags.length < amount; ) {
    const { executions: page, next_page_token } = await call(executions, "ListExecutions", { namespace: NAMESPACE, flow_id: "wake", page_size: 1000, page_token });
    for (const { state } of page) {
      const paused = state.changes.findIndex((change) => change.state === "STATE_PAUSED");
      dates.push(at(state.changes[paused + 1].at));
      lags.push(dates.at(-1) - at(state.changes[paused].at) - WAKES_AFTER * 1e3);
    }
    if (!(page_token = next_page_token)) break;
  }
  return { times: lags, per_second: lags.length / ((dates.reduce((a, b) => Math.max(a, b)) - dates.reduce((a, b) => Math.min(a, b))) / 1e3) };
}

const returns = (id) => `{id: ${id}, type: ${RETURN}, format: "done {{ execution.id }}"}`;
const FLOWS = {
  one: [returns("t")],
  five: Array.from({ length: 5 }, (_, i) => returns(`t${i}`)),
  wake: [`{id: wait, type: io.kestra.plugin.core.flow.Pause, pauseDuration: PT${WAKES_AFTER}S}`],
};
for (let i = 0; i < SPREAD; ++i) {
  FLOWS[`pause${i}`] = ["{id: wait, type: io.kestra.plugin.core.flow.Pause, pauseDuration: P30D}"];
  // Looks once, and again in an hour.
  FLOWS[`loop${i}`] = [`{id: wait, type: io.kestra.plugin.core.flow.LoopUntil, condition: "{{ outputs.look.value == 'yes' }}", checkFrequency: {interval: PT1H}, tasks: [${returns("look")}]}`];
}

async function deploy() {
  for (const [id, tasks] of Object.entries(FLOWS)) {
    const source = `id: ${id}\nnamespace: ${NAMESPACE}\ntasks:\n${tasks.map((task) => `  - ${task}\n`).join("")}`;
    await call(flows, "ApplyFlow", { source, file: `${id}.yaml` });
  }
  return {};
}

await serve({
  one: many("one"),
  five: many("five"),
  deploy,
  pause: many(spread("pause"), PAUSED),
  loop: many(spread("loop"), PAUSED),
  // Once the partition of those that wait is driven.
  park_one_pause: (count) => idle(count, () => begin("pause0")),
  park_one_loop: (count) => idle(count, () => begin("loop0")),
  wake,
  idle: (count) => idle(count, async () => follow(await begin("one"))),
  stored,
  waiting: async () => ({ waiting: await count(["STATE_PAUSED"]) }),
});
