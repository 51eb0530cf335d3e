// headrace gh watch: GitHub from the terminal, without a server.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <ostream>

#include "cli/commands/local.h"
#include "cli/commands/remote.h"
#include "cli/exit_code.h"
#include "cli/gh/branch_board.h"
#include "cli/gh/github_api.h"
#include "cli/output/json.h"
#include "cli/signals.h"
#include "cli/watch/text.h"
#include "common/base/clock.h"
#include "common/base/text.h"

namespace headrace::cli {
namespace {

using worker::github::RunSnapshot;

struct WatchArguments {
  GithubTarget target{};
  std::vector<std::string> branches{};
  std::string interval = "PT15S";
  std::string timeout{};
  int attempts = 1;
  bool once = false;
  bool require_success = false;
};

const char* FirstSet(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != 0) return value;
  }
  return "";
}

struct Sign {
  const char* mark;
  const char* ascii;
  const char* word;
  Tint tint;
};

Sign SignOf(BranchState state, const std::optional<RunSnapshot>& run) {
  switch (state) {
    case BranchState::kGreen: return {"✔", "+", "success", Tint::kGreen};
    case BranchState::kRed: return {"✘", "x", "failure", Tint::kRed};
    case BranchState::kMissing: return {"∅", "-", "no run", Tint::kYellow};
    case BranchState::kUnknown: return {"…", "?", "not seen yet", Tint::kDim};
    default: return {"●", "*", run && run->status == "queued" ? "queued" : "in progress", Tint::kCyan};
  }
}

std::string LineOf(const BranchBoard& board, const std::string& branch, std::size_t width, Timestamp now, const Screen& screen, bool ascii) {
  const auto run = board.RunOf(branch);
  const BranchState state = board.StateOf(branch);
  const Sign sign = SignOf(state, run);
  std::string line = Tinted(sign.tint, ascii ? sign.ascii : sign.mark, screen.color) + ' ' + Printable(branch);
  line.append(width > Width(branch) ? width - Width(branch) : 0, ' ');
  line += "  " + Tinted(sign.tint, sign.word, screen.color);
  if (!run) return line;
  if (state == BranchState::kRed && !run->conclusion.empty() && run->conclusion != "failure") line += " (" + Printable(run->conclusion) + ")";
  if (run->attempt > 1) line += ", attempt " + std::to_string(run->attempt);
  const Timestamp end = run->ended() ? run->updated : now;
  if (run->started != Timestamp{} && end > run->started) line += "  " + TookText(end - run->started);
  line += "  " + Tinted(Tint::kDim, Printable(run->title), screen.color);
  for (const std::string& job : board.FailedOf(run->id)) line += "  " + Tinted(Tint::kRed, Printable(job), screen.color);
  return line + "  " + run->url;
}

// Repaints in place on a terminal; elsewhere a line is written when it changes.
class Painter {
 public:
  Painter(Context& context, const BranchBoard& board) : context_(context), board_(board) {
    for (const std::string& branch : board.branches()) width_ = std::max(width_, Width(branch));
  }

  void Paint(Timestamp now, const std::string& note) {
    if (WantsData(context_)) return;
    if (context_.out_screen.is_terminal && painted_ > 0) context_.out << "\x1b[" << painted_ << "A\x1b[J";
    painted_ = 0;
    for (const std::string& branch : board_.branches()) {
      const std::string line = LineOf(board_, branch, width_, now, context_.out_screen, context_.ascii);
      if (!context_.out_screen.is_terminal && !IsNew(branch)) continue;
      context_.out << line << '\n';
      ++painted_;
    }
    if (!note.empty() && note != note_ && !context_.out_screen.is_terminal) context_.err << note << '\n';
    if (!note.empty() && context_.out_screen.is_terminal) {
      context_.out << Tinted(Tint::kYellow, note, context_.out_screen.color) << '\n';
      ++painted_;
    }
    note_ = note;
    context_.out.flush();
  }

 private:
  // What is worth a line of its own; the clock is not.
  bool IsNew(const std::string& branch) {
    const auto run = board_.RunOf(branch);
    const std::string now = std::to_string(static_cast<int>(board_.StateOf(branch))) +
                            (run ? ' ' + std::to_string(run->id) + ' ' + std::to_string(run->attempt) + ' ' + run->status : "");
    std::string& before = shown_[branch];
    if (before == now) return false;
    before = now;
    return true;
  }

  Context& context_;
  const BranchBoard& board_;
  std::size_t width_ = 0;
  int painted_ = 0;
  std::string note_{};
  std::map<std::string, std::string> shown_{};
};

// One look at everything, and what follows from it.
Status Look(GithubApi& api, BranchBoard& board, int attempts) {
  ASSIGN_OR_RETURN(const auto runs, api.List());
  if (runs) board.See(*runs);
  // Older than a hundred others: asked for by its branch, once.
  for (const std::string& branch : board.Unseen()) {
    ASSIGN_OR_RETURN(const auto one, api.List(branch));
    if (one && !one->empty()) board.See(*one);
    else if (one) board.SeeNone(branch);
  }
  for (const std::string& branch : board.branches()) {
    const auto run = board.RunOf(branch);
    if (board.StateOf(branch) != BranchState::kRed || !board.FailedOf(run->id).empty()) continue;
    if (run->attempt < attempts) {
      ASSIGN_OR_RETURN(const bool taken, api.RerunFailed(run->id));
      if (taken) board.Expect(run->id, run->attempt + 1);
      continue;
    }
    ASSIGN_OR_RETURN(std::vector<std::string> failed, api.FailedJobs(*run));
    if (!failed.empty()) board.SetFailed(run->id, std::move(failed));
  }
  return {};
}

Object ObjectOf(const BranchBoard& board, const std::string& branch) {
  const auto run = board.RunOf(branch);
  Object object{{"branch", branch}, {"state", SignOf(board.StateOf(branch), run).word}};
  if (!run) return object;
  Array failed;
  for (const std::string& job : board.FailedOf(run->id)) failed.emplace_back(json::string(job));
  object["runId"] = run->id;
  object["attempt"] = run->attempt;
  object["status"] = run->status;
  object["conclusion"] = run->conclusion;
  object["title"] = run->title;
  object["url"] = run->url;
  object["failedJobs"] = std::move(failed);
  return object;
}

int Verdict(const BranchBoard& board, const WatchArguments& arguments) {
  if (board.AnyRed()) return kExitFailed;
  for (const std::string& branch : board.branches()) {
    if (board.StateOf(branch) == BranchState::kMissing) return kExitNotFound;
  }
  return board.AllEnded() || !arguments.require_success ? kExitOk : kExitTimeout;
}

bool IsClean(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x21 || c == 0x7f; });
}

// What was typed, made usable, or what is wrong with it.
Status Tidy(WatchArguments& arguments) {
  for (std::string& branch : arguments.branches) branch = std::string(Trim(branch));
  std::erase(arguments.branches, "");
  if (arguments.branches.empty()) return InvalidArgument("--branches names no branch: write --branches main,releases/v1");
  GithubTarget& target = arguments.target;
  const std::size_t slash = target.repository.find('/');
  if (slash == 0 || slash == std::string::npos || slash + 1 == target.repository.size() || !IsClean(target.repository) ||
      target.repository.find_first_of("/?#", slash + 1) != std::string::npos) {
    return InvalidArgument("--repo " + target.repository + ": write OWNER/NAME");
  }
  if (target.workflow.find('/') != std::string::npos) {
    return InvalidArgument(target.workflow + ": write the workflow's file name without folders, such as main.yml");
  }
  while (target.endpoint.ends_with('/')) target.endpoint.pop_back();
  if (!(target.endpoint.starts_with("https://") || target.endpoint.starts_with("http://")) || !IsClean(target.endpoint)) {
    return InvalidArgument("--endpoint " + target.endpoint + ": write a URL, such as https://ghe.company.example/api/v3");
  }
  target.token = std::string(Trim(FirstSet({"GITHUB_TOKEN", "GH_TOKEN"})));
  if (!IsClean(target.token)) return InvalidArgument("the token in GITHUB_TOKEN or GH_TOKEN holds blanks or line breaks");
  return {};
}

int Watch(Context& context, WatchArguments arguments) {
  if (const Status tidy = Tidy(arguments); !tidy) return PrintError(context, tidy.error());
  const auto interval = ParseDuration(arguments.interval);
  if (!interval || *interval < std::chrono::seconds(1)) {
    return PrintError(context, {Code::kInvalidArgument,
                                "--interval " + arguments.interval + ": write a duration of a second or more, such as PT15S"});
  }
  std::optional<Duration> most;
  if (!arguments.timeout.empty()) {
    const auto timeout = ParseDuration(arguments.timeout);
    if (!timeout) return PrintError(context, Error(timeout.error()).Wrap("--timeout"));
    most = *timeout;
  }
  auto signals = Signals::Catch();
  if (!signals) return PrintError(context, signals.error());
  const SystemClock clock;
  const Timestamp began = clock.Now();
  BranchBoard board(arguments.branches);
  GithubApi api(arguments.target);
  Painter painter(context, board);
  int code = kExitOk;
  while (true) {
    const Status looked = Look(api, board, arguments.attempts);
    Duration wait = *interval;
    std::string note;
    if (!looked && (arguments.once || looked.error().code != Code::kUnavailable)) return PrintError(context, looked.error());
    if (!looked) {
      wait = std::max(wait, api.pause());
      note = looked.error().message + "; asked again in " + LeftText(wait);
    }
    painter.Paint(clock.Now(), note);
    if (looked && (arguments.once || board.AllEnded())) {
      code = Verdict(board, arguments);
      break;
    }
    if (most && clock.Now() + wait > began + *most) {
      code = board.AnyRed() ? kExitFailed : kExitTimeout;
      break;
    }
    if (signals->WaitForEnd({}, std::chrono::duration_cast<std::chrono::milliseconds>(wait))) return kExitInterrupted;
  }
  if (WantsData(context)) {
    Array branches;
    for (const std::string& branch : board.branches()) branches.push_back(ObjectOf(board, branch));
    PrintValue(context, Object{{"branches", std::move(branches)}, {"charged", api.charged()}});
  } else if (!context.quiet) {
    context.err << api.charged() << (api.charged() == 1 ? " request" : " requests") << " of GitHub's quota\n";
  }
  return code;
}

}  // namespace

void RegisterGh(CLI::App& app, Context& context) {
  CLI::App* gh = app.add_subcommand("gh", "GitHub from the terminal")->require_subcommand(1);
  gh->fallthrough();
  CLI::App* watch = gh->add_subcommand("watch", "follow a workflow on some branches: a line a branch, one request an interval for all");
  const auto arguments = std::make_shared<WatchArguments>();
  if (const char* endpoint = FirstSet({"GITHUB_API_URL"}); *endpoint != 0) arguments->target.endpoint = endpoint;
  watch->add_option("WORKFLOW", arguments->target.workflow, "its file name, such as main.yml, or its id")->required();
  watch->add_option("--repo", arguments->target.repository, "OWNER/NAME")->required();
  watch->add_option("--branches", arguments->branches, "A,B,… or tags")->required()->delimiter(',');
  watch->add_option("--interval", arguments->interval, "from look to look")->capture_default_str();
  watch->add_option("--timeout", arguments->timeout, "give up after this long; exit code 13");
  watch->add_option("--attempts", arguments->attempts, "run the failed jobs of a red run again until it had so many attempts")
      ->check(CLI::Range(1, 51))->capture_default_str();
  watch->add_flag("--once", arguments->once, "look once and leave");
  watch->add_flag("--require-success", arguments->require_success, "with --once: exit code 13 while something still runs");
  watch->add_option("--endpoint", arguments->target.endpoint, "of GitHub's API; Enterprise: https://HOST/api/v3 (Env:GITHUB_API_URL)")->capture_default_str();
  watch->footer("The token is taken from GITHUB_TOKEN or GH_TOKEN.\nExit codes: 0 all green, 10 one is red, 5 a branch has no run, 13 --timeout.");
  watch->callback([&context, arguments] { context.action = [&context, arguments] { return Watch(context, *arguments); }; });
  RegisterGhServer(*gh, context);
}

}  // namespace headrace::cli
