#!/usr/bin/python3
"""Deploys a flow, starts it and follows it to its end: release.py FLOW.yaml [KEY=VALUE…]"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid

import grpc

PROTO = os.environ.get("HEADRACE_PROTO") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../proto")
SERVER = os.environ.get("HEADRACE_SERVER", "127.0.0.1:8082")
AGAIN = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED)


def generate():
    """The modules of the .proto files, made anew in a temporary folder; a real client keeps them."""
    folder = tempfile.mkdtemp(prefix="headrace-client-")
    files = [os.path.join(at, name) for root in ("headrace/api/v1", "google/rpc")
             for at, _, names in os.walk(os.path.join(PROTO, root)) for name in names if name.endswith(".proto")]
    made = subprocess.run(["protoc", "-I", PROTO, "--python_out", folder, "--grpc_out", folder,
                           "--plugin=protoc-gen-grpc=" + shutil.which("grpc_python_plugin"), *files])
    if made.returncode != 0:
        raise SystemExit("error: the .proto files cannot be read")
    sys.path.insert(0, folder)


def connect():
    """The channel, and what goes with every call."""
    ca = os.environ.get("HEADRACE_TLS_CA")
    if not ca:
        return grpc.insecure_channel(SERVER), ()
    with open(ca, "rb") as file:
        channel = grpc.secure_channel(SERVER, grpc.ssl_channel_credentials(file.read()))
    token = os.environ.get("HEADRACE_TOKEN")
    return channel, (("authorization", "Bearer " + token),) if token else ()


def submit(stub, request, metadata):
    """The same request id makes the same execution, however often it is sent."""
    for tries in range(5):
        try:
            return stub.SubmitExecution(request, timeout=10, metadata=metadata)
        except grpc.RpcError as error:
            if tries == 4 or error.code() not in AGAIN:
                raise
            time.sleep(0.2 * 2 ** tries)


def follow(api, states, stub, execution, metadata):
    """Prints what changes; a broken stream goes on where it was."""
    cursor, state, tries = 0, 0, 0
    while tries < 10:
        try:
            for update in stub.WatchExecution(api.WatchExecutionRequest(id=execution, cursor=cursor, until_terminal=True), metadata=metadata):
                tries = 0
                for run in update.execution.task_runs:
                    print(f"{run.task_id:24} {states.State.Name(run.state.current)[6:]}", flush=True)
                state = update.execution.state.current
                cursor = update.execution.cursor or cursor
            return states.State.Name(state)[6:]
        except grpc.RpcError as error:
            if error.code() not in AGAIN:
                raise
            tries += 1
            time.sleep(1)
    raise SystemExit(f"error: no server answers at {SERVER}")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    generate()
    from headrace.api.v1 import execution_service_pb2, execution_service_pb2_grpc, flow_service_pb2, flow_service_pb2_grpc, state_pb2
    channel, metadata = connect()
    with open(sys.argv[1], encoding="utf-8") as file:
        source = file.read()
    inputs = dict(pair.split("=", 1) for pair in sys.argv[2:])
    try:
        flows = flow_service_pb2_grpc.FlowServiceStub(channel)
        flow = flows.ApplyFlow(flow_service_pb2.ApplyFlowRequest(source=source, file=sys.argv[1]), timeout=10, metadata=metadata).flow
        executions = execution_service_pb2_grpc.ExecutionServiceStub(channel)
        request = execution_service_pb2.SubmitExecutionRequest(namespace=flow.namespace, flow_id=flow.id, inputs_json=json.dumps(inputs),
                                                               request_id=str(uuid.uuid4()))
        execution = submit(executions, request, metadata).id
        print("started", execution, flush=True)
        end = follow(execution_service_pb2, state_pb2, executions, execution, metadata)
    except grpc.RpcError as error:
        sys.exit(f"error: {error.details()}")
    print(end)
    return 0 if end in ("SUCCESS", "WARNING") else 10


if __name__ == "__main__":
    sys.exit(main())
