#!/usr/bin/env python3
"""Plants one fault after another into the real code and demands that each is caught: by the simulator, or by the unit
tests named beside it.

usage: mutants.py BUILD_DIR [--only NAME,…] [--seeds N] [--short]

A mutant is one source file with one change, compiled beside the tree and linked in front of the library it came from, so that the
tree itself is never touched. --short plants three; the rest is the verb `make mutants`.

Unit tests catch the faults behind which a second net stands, so that a history still ends as it should: results that are not
resent or are forgotten while disconnected (the lease ends and the task runs again), and claims of another worker's lease (a
delivery has its own number, so that two workers never hold the same one).
"""
import argparse
import concurrent.futures
import os
import shlex
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# name, file, what stands there, what stands there instead, planted in the short form too, and, where it is not the simulator
# that must catch it: the test binary and the filter of its tests
MUTANTS = [
    ("ack_before_commit", "scheduler/shard_dispatch.cc",
     "if (!peer.empty()) partition_->After(AckOrder{peer, result.key, verdict});",
     "if (!peer.empty()) host_.Send(peer, wire::ResultAck{result.key, verdict});", True),
    ("look_acked_before_commit", "scheduler/shard_triggers.cc",
     "if (partition_->idle()) host_.Send(peer, wire::ResultAck{result.key, verdict});",
     "if (true) host_.Send(peer, wire::ResultAck{result.key, verdict});", False),
    ("what_a_look_changed_is_not_stored", "scheduler/triggers/book_looks.cc", "    if (news) Mark(*entry);\n", "    (void)news;\n", False),
    ("a_trigger_looks_while_its_execution_runs", "scheduler/triggers/book_looks.cc",
     "return row.execution && !row.allow_concurrent;", "return row.execution && false;", False),
    ("submit_answered_before_commit", "scheduler/shard.cc",
     "  partition_->After(ReplyOrder{[done = std::move(submission.done), warnings = std::move(submission.warnings),\n",
     "  submission.done(SubmitReply{id, false, {}});\n  submission.done = [](Result<SubmitReply>) {};\n"
     "  partition_->After(ReplyOrder{[done = std::move(submission.done), warnings = std::move(submission.warnings),\n", False),
    ("no_fence_on_delivery", "executor/runnable.cc",
     "run.fence() == fence &&", "run.attempt == fence.attempt &&", False),
    ("lost_task_keeps_its_delivery", "executor/runnable.cc", "  ++step.Edit(index).delivery;\n", "", False),
    ("leases_never_end", "scheduler/lease_book.cc",
     "  while (!expiries.empty() && expiries.front().first <= now) {", "  while (false) {\n    (void)now;", False),
    ("orphans_are_given_out_at_once", "scheduler/lease_book.cc",
     "const Duration expires = now + length_ + length_ / 5;", "const Duration expires = now;", False),
    ("orphans_are_forgotten", "scheduler/shard.cc",
     "      dispatcher_.Adopt(key, now.monotonic);\n", "", False),
    ("timers_are_not_recovered", "scheduler/partition_load.cc",
     "  for (const store::TimerRow& row : snapshot.timers) timers_.Arm({row.due, row.execution, row.timer});\n", "", False),
    ("timers_are_not_stored", "scheduler/partition.cc",
     "  Open().timers[{id, timer.timer}] = timer.due;\n", "", False),
    ("outbox_is_not_recovered", "scheduler/partition_load.cc",
     "    Open().release.orders.emplace_back(OutboxOrder{row.id, std::move(*item)});\n", "", False),
    ("outbox_is_not_stored", "scheduler/partition.cc",
     "  open.batch.outbox_added.push_back({order.id, wire::EncodeOutbox(order.item)});\n", "", False),
    ("parents_are_not_told", "scheduler/partition.cc",
     "if (execution.parent && end->state != model::State::kRetried) {", "if (false) {", False),
    ("task_runs_are_not_stored", "scheduler/partition.cc",
     "    open.batch.task_runs.push_back({execution.id, index, wire::EncodeTaskRun(task_run)});\n", "", False),
    ("nothing_is_active", "scheduler/partition.cc", ".active = !entry.live->only_waits()", ".active = false", False),
    ("parked_with_changes", "scheduler/partition_load.cc",
     "if (entry.uncommitted > 0 || !entry.live->only_waits()) continue;", "if (entry.uncommitted > 1) continue;", False),
    ("requests_are_not_remembered", "scheduler/shard.cc",
     "    partition_->RememberRequest({submission.request_id, submission.body_digest, id, now_.wall + kRequestKept});\n",
     "    (void)kRequestKept;\n", False),
    ("losses_are_not_told", "scheduler/shard_dispatch.cc",
     "  Apply(key.execution, model::TaskLost{key.fence, loss.reason, loss.worker, loss.process});\n", "", False),
    ("leases_do_not_bind_the_worker", "worker/session_homes.cc",
     "    if (now >= kill_at) Abandon(at, now);\n    else", "    if (now < kill_at)", True),
    ("results_are_not_resent", "worker/session_results.cc",
     "    if (now >= at->second.resend_at) SendResult(at, now);\n    else", "    if (now < at->second.resend_at)", False,
     "worker_test", "SessionTest.*"),
    ("unacked_results_are_forgotten", "worker/session_results.cc",
     "  logs_.End(at->first);\n  SendResult(at, now);",
     "  logs_.End(at->first);\n  if (!connected()) return Forget(at, now);\n  SendResult(at, now);", False,
     "worker_test", "SessionTest.*"),
    ("anybody_may_claim_a_lease", "scheduler/lease_book.cc",
     "  if (!lease.worker.empty() && lease.worker != worker) return false;\n", "", False,
     "scheduler_test", "LeaseBook.*"),
    ("late_assignments_run", "worker/session_tasks.cc",
     "  if (now >= KillAt({.lease_from = said, .lease = link.lease()})) return Nack(link, message, wire::NackReason::kNoSlot, now);\n",
     "", False),
    ("a_copy_of_an_assignment_runs_again", "worker/session_tasks.cc",
     "  if (IsGone(message.key, now)) return Nack(link, message, wire::NackReason::kNoSlot, now);\n", "", False),
    ("the_lease_counts_from_the_receipt", "worker/session_tasks.cc",
     ".lease_from = link.SaidAt(assign.credit_seq, now), .lease = link.lease()};", ".lease_from = now + lease_, .lease = link.lease()};", False),
    ("any_scheduler_may_end_a_task", "worker/session_homes.cc",
     "SpeaksFor(link, at->second)) Abandon(at, now);", "true) Abandon(at, now);", False, "worker_test", "LinksTest.*"),
    ("a_lost_scheduler_is_told_to_nobody", "worker/session_links.cc",
     "  if (any) TellHomeless(link, now);", "  (void)any;", False, "worker_test", "LinksTest.*"),
    ("results_wait_for_the_scheduler_that_is_gone", "worker/session_homes.cc",
     "  at->second.home.reset();\n", "  if (at->second.phase != TaskPhase::kEnded) at->second.home.reset();\n", False,
     "worker_test", "LinksTest.*"),
    ("all_partitions_have_one_epoch", "worker/session_tasks.cc",
     "highest_epochs_[message.partition]", "highest_epochs_[0]", False, "worker_test", "LinksTest.*"),
    ("slots_are_promised_to_all", "worker/credit_deal.cc",
     "  if (!dealing_ || places < 2) return free_slots;", "  if (!dealing_ || places < 9) return free_slots;", False,
     "worker_test", "CreditTest.*"),
    ("what_the_dead_left_is_removed", "worker/spool.cc",
     "    if (IsNumber(file)) TakeFile(from.get(), file);", "    if (IsNumber(file)) unlinkat(from.get(), file.c_str(), 0);", False,
     "worker_test", "SpoolTest.*"),
    ("the_spool_has_no_bounds", "worker/spool.cc",
     "  if (file_of_.size() + results.size() <= limits_.results && bytes_", "  if (bytes_", False, "worker_test", "SpoolTest.*"),
    ("the_store_takes_any_epoch", "common/store/memory_store.cc",
     "if (batch.epoch == partition.epoch) {", "if (batch.epoch <= partition.epoch) {", True),
    ("commits_are_released_when_sent", "scheduler/partition.cc",
     "  submit_commit_(std::move(open->batch));\n",
     "  for (Order& order : in_flight_.back().orders) {\n"
     "    if (auto* reply = std::get_if<ReplyOrder>(&order)) reply->reply({});\n  }\n"
     "  std::erase_if(in_flight_.back().orders, [](const Order& o) { return std::holds_alternative<ReplyOrder>(o); });\n"
     "  submit_commit_(std::move(open->batch));\n", False),
    ("looks_leave_before_their_epoch_is_durable", "scheduler/shard.cc",
     "  if (options_.partitions > 1) partition_->After(ReplyOrder{[](const Status&) {}});\n", "", False),
    ("what_runs_is_purged", "scheduler/partition_load.cc",
     "    if (entry.uncommitted > 0 || !entry.live->ended() || !entry.live->only_waits()) return false;\n", "", False),
    ("what_is_being_purged_is_found", "scheduler/partition_load.cc",
     '  if (deleting_.contains(id)) return NotFound("execution " + id.str() + " does not exist");\n  if (quarantined_',
     "  if (quarantined_", False, "scheduler_test", "PurgeTest.*"),
]


def ninja_commands(build, target):
    done = subprocess.run(["ninja", "-C", build, "-t", "commands", target], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def compile_command(commands, source):
    for line in commands:
        if f" -c " in line and line.rstrip().endswith("/" + source):
            return line
    raise SystemExit(f"mutants: no compile command for {source}")


def plant(build, target, name, path, old, new):
    """The target with the one change in it."""
    commands = ninja_commands(build, target)
    link = next(line for line in reversed(commands) if f"-o bin/{target}" in line)
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        text = file.read()
    if text.count(old) != 1:
        raise SystemExit(f"mutants: {name}: the text stands {text.count(old)} times in {path}; mend mutants.py")
    folder = os.path.join(build, "mutants", name)
    os.makedirs(folder, exist_ok=True)
    source, made = os.path.join(folder, os.path.basename(path)), os.path.join(folder, "mutant.o")
    with open(source, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))
    words = shlex.split(compile_command(commands, path))
    words[words.index("-o") + 1] = made
    words[words.index("-c") + 1] = source
    for flag in ("-MF", "-MT"):
        if flag in words:
            words[words.index(flag) + 1] = os.path.join(folder, "mutant.d")
    subprocess.run(words + ["-w"], cwd=build, check=True)
    words = shlex.split(link.replace(": && ", "").replace(" && :", ""))
    binary = os.path.join(folder, target)
    words[words.index("-o") + 1] = binary
    words.insert(words.index("-o"), made)
    subprocess.run(words, cwd=build, check=True)
    return binary


def hunt(build, mutant, seeds):
    name, path, old, new, _, *tests = mutant
    target, arguments = ("headrace_sim", ["--seeds", str(seeds)])
    if tests:
        target, arguments = tests[0], ["--gtest_brief=1", "--gtest_filter=" + tests[1]]
    binary = plant(build, target, name, path, old, new)
    try:
        done = subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=900)
    except subprocess.TimeoutExpired:
        return name, "it hung", True
    lines = done.stdout.splitlines() or [done.stderr.strip() or f"ended with {done.returncode}"]
    first = next((line for line in lines if line.startswith("[  FAILED  ]")), lines[0])
    return name, first[:150], done.returncode != 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--short", action="store_true")
    arguments = parser.parse_args()
    build = os.path.abspath(arguments.build)
    wanted = [m for m in MUTANTS if (not arguments.only or m[0] in arguments.only.split(","))
              and (not arguments.short or m[4])]
    missed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, first, caught in pool.map(lambda m: hunt(build, m, arguments.seeds), wanted):
            missed += not caught
            print(f"{'caught' if caught else 'MISSED'}  {name:40} {first}", flush=True)
    print(f"{len(wanted) - missed} passed, {missed} failed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
