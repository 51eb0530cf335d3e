// Deploys a flow, starts it and follows it to its end: node release.mjs FLOW.yaml [KEY=VALUE…]
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const protos = process.env.HEADRACE_PROTO ?? fileURLToPath(new URL("../../../proto", import.meta.url));
const files = ["flow_service", "execution_service"].map((name) => `headrace/api/v1/${name}.proto`);
const { headrace } = grpc.loadPackageDefinition(
  loader.loadSync(files, { includeDirs: [protos], keepCase: true, longs: String, enums: String, defaults: true }));

const server = process.env.HEADRACE_SERVER ?? "127.0.0.1:8082";
const ca = process.env.HEADRACE_TLS_CA;
const credentials = ca ? grpc.credentials.createSsl(readFileSync(ca)) : grpc.credentials.createInsecure();
const flows = new headrace.api.v1.FlowService(server, credentials);
const executions = new headrace.api.v1.ExecutionService(server, credentials);

function metadata() {
  const all = new grpc.Metadata();
  if (ca && process.env.HEADRACE_TOKEN) all.set("authorization", `Bearer ${process.env.HEADRACE_TOKEN}`);
  return all;
}

function call(service, method, request) {
  return new Promise((done, failed) =>
    service[method](request, metadata(), { deadline: Date.now() + 10_000 }, (error, answer) => (error ? failed(error) : done(answer))));
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const again = new Set([grpc.status.UNAVAILABLE, grpc.status.DEADLINE_EXCEEDED, grpc.status.RESOURCE_EXHAUSTED]);

// The same request id makes the same execution, however often it is sent.
async function submit(request) {
  for (let tries = 1; ; ++tries) {
    try {
      return await call(executions, "SubmitExecution", request);
    } catch (error) {
      if (tries === 5 || !again.has(error.code)) throw error;
      await pause(200 * 2 ** tries);
    }
  }
}

// Prints what changes; a broken stream goes on where it was.
async function follow(id) {
  let cursor = "0";
  let state = "STATE_CREATED";
  for (let tries = 0; tries < 10; ++tries) {
    try {
      const stream = executions.WatchExecution({ id, cursor, until_terminal: true }, metadata());
      for await (const update of stream) {
        tries = 0;
        for (const run of update.execution.task_runs) console.log(`${run.task_id.padEnd(24)} ${run.state.current.replace("STATE_", "")}`);
        state = update.execution.state.current;
        if (update.execution.cursor !== "0") cursor = update.execution.cursor;
      }
      return state.replace("STATE_", "");
    } catch (error) {
      if (!again.has(error.code)) throw error;
      await pause(1000);
    }
  }
  throw new Error(`no server answers at ${server}`);
}

const [file, ...pairs] = process.argv.slice(2);
if (!file) {
  console.error("usage: node release.mjs FLOW.yaml [KEY=VALUE…]");
  process.exit(2);
}
try {
  const inputs = Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
  const { flow } = await call(flows, "ApplyFlow", { source: readFileSync(file, "utf8"), file });
  const { id } = await submit({ namespace: flow.namespace, flow_id: flow.id, inputs_json: JSON.stringify(inputs), request_id: randomUUID() });
  console.log(`started ${id}`);
  const end = await follow(id);
  console.log(end);
  process.exitCode = end === "SUCCESS" || end === "WARNING" ? 0 : 10;
} catch (error) {
  console.error(`error: ${error.details ?? error.message}`);
  process.exitCode = 1;
}
flows.close();
executions.close();
