#include "cli/watch/watch.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <ostream>
#include <utility>
#include <vector>

#include "cli/exit_code.h"
#include "cli/watch/painter.h"
#include "cli/watch/plain.h"
#include "cli/watch/text.h"

namespace headrace::cli {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPaintEvery(100);
constexpr std::chrono::seconds kTick(1);
constexpr std::chrono::seconds kSecondInterrupt(2);
// After the end of the execution: for the last lines of its logs, and for a killed one to end.
constexpr std::chrono::seconds kLastLogs(3);
constexpr std::chrono::seconds kKillPatience(30);

class Watcher {
 public:
  Watcher(Context& context, Feed& feed, Signals& signals, const std::string& execution, const WatchOptions& options)
      : context_(context), feed_(feed), signals_(signals), options_(options), model_(execution),
        style_(StyleOf(context)), live_(context.err_screen.is_terminal && !options.silent && !DumbTerminal()),
        painter_(context.err), started_(Steady::now()) {}

  WatchOutcome Run() {
    while (!exit_code_) {
      Open();
      for (FeedItem& item : feed_.Take()) On(item);
      Open();  // what was found just now has its say before all is thought complete
      while (const auto signal = signals_.Take()) OnSignal(*signal);
      CheckTimes();
      if (!exit_code_ && Complete()) Finish();
      if (!exit_code_) LeaveWhatNobodyResumes();
      if (exit_code_) break;
      if (live_) PaintIfDue();
      Wait();
    }
    if (live_) Paint();
    painter_.Leave();
    if (!options_.silent) {
      for (const std::string& line : RenderFailure(model_, style_)) Line(line);
    }
    return {*exit_code_, std::move(model_)};
  }

 private:
  static bool DumbTerminal() {
    const char* term = std::getenv("TERM");
    return term == nullptr || std::string_view(term) == "dumb" || *term == 0;
  }

  Timestamp Now() {
    const Timestamp now = options_.clock->Now();
    // A server whose clock is ahead of ours: what it told has happened.
    ahead_ = std::max(ahead_, model_.latest() - now);
    return model_.latest() == Timestamp{} ? now : now + std::max(ahead_, Duration::zero());
  }

  void Open() {
    for (const std::string& execution : model_.TakeDiscovered()) {
      const bool child = execution != model_.root_id();
      feed_.Watch(execution, child);
      feed_.FollowLogs(execution, child);
      open_[execution] = {};
    }
  }

  void On(FeedItem& item) {
    if (const auto* update = std::get_if<v1::WatchExecutionResponse>(&item.what)) {
      open_[item.execution].seen = true;
      for (const WatchChange& change : model_.Apply(item.execution, *update)) {
        if (options_.silent || context_.quiet || live_) continue;
        if (const auto line = ChangeLine(model_, change, style_)) Line(*line);
      }
      for (const v1::LogEntry& entry : std::exchange(open_[item.execution].early, {})) OnLog(item.execution, entry);
      dirty_ = true;
    } else if (const auto* logs = std::get_if<v1::FollowLogsResponse>(&item.what)) {
      for (const v1::LogEntry& entry : logs->entries()) OnLog(item.execution, entry);
    } else if (const auto* ended = std::get_if<StreamEnded>(&item.what)) {
      OnStreamEnded(item.execution, *ended);
    } else if (const auto* broken = std::get_if<StreamBroken>(&item.what)) {
      if (item.execution == model_.root_id()) Note("the server is away (" + Printable(broken->why) + "), trying again");
    }
  }

  void OnLog(const std::string& execution, const v1::LogEntry& entry) {
    if (Streams& open = open_[execution]; !open.seen && open.updates) return open.early.push_back(entry);
    model_.AddLog(execution, entry);
    if (options_.logs && !options_.silent && !context_.quiet) Line(LogLineText(model_, execution, entry, style_));
  }

  void OnStreamEnded(const std::string& execution, const StreamEnded& ended) {
    auto& open = open_[execution];
    (ended.logs ? open.logs : open.updates) = false;
    if (!open.updates) {
      for (const v1::LogEntry& entry : std::exchange(open.early, {})) OnLog(execution, entry);
    }
    if (ended.why || ended.logs || execution != model_.root_id()) return;
    context_.err << "error: " << ended.why.error().ToString() << "\n";
    if (!options_.resume.empty()) Note("the run goes on without this watch; come back with: " + options_.resume);
    exit_code_ = ExitCodeOf(ended.why.error());
  }

  void OnSignal(int signal) {
    dirty_ = true;
    if (signal == SIGWINCH) {
      style_ = StyleOf(context_);
      return;
    }
    if (options_.owns_run) Interrupt(signal == SIGINT ? "interrupted" : "asked to stop");
    else Detach(signal);
  }

  // The run is ours: it ends before we do, unless that is asked for twice.
  void Interrupt(const std::string& why) {
    if (kill_asked_) {
      Note("ending at once");
      exit_code_ = kExitInterrupted;
      return;
    }
    end_code_ = kExitInterrupted;
    AskToEnd(why + ": asking the run to end; once more ends at once", "interrupted by the user");
  }

  void AskToEnd(const std::string& note, const std::string& reason) {
    Note(note);
    kill_asked_ = Steady::now();
    const Status killed = feed_.Kill(model_.root_id(), reason);
    if (!killed && killed.error().code != Code::kFailedPrecondition) {
      context_.err << "error: " << killed.error().ToString() << "\n";
      exit_code_ = *end_code_;
    }
  }

  // The run is a server's: it goes on, unless a second interrupt follows.
  void Detach(int signal) {
    if (detached_at_ && signal == SIGINT) {
      const Status killed = feed_.Kill(model_.root_id(), "interrupted by the user");
      if (killed) Note("asked " + model_.root_id() + " to end");
      else context_.err << "error: " << killed.error().ToString() << "\n";
      exit_code_ = kExitInterrupted;
      return;
    }
    Note("left; the run goes on. Come back with: " + options_.resume);
    detached_at_ = Steady::now();
    if (!context_.err_screen.is_terminal || signal != SIGINT) {
      exit_code_ = kExitInterrupted;
      return;
    }
    Note("Ctrl-C again within 2 s asks the run to end");
  }

  void CheckTimes() {
    const auto now = Steady::now();
    if (detached_at_ && now - *detached_at_ >= kSecondInterrupt) exit_code_ = exit_code_.value_or(kExitInterrupted);
    if (kill_asked_ && now - *kill_asked_ >= kKillPatience && !exit_code_) exit_code_ = *end_code_;
    if (exit_code_ || kill_asked_ || !options_.timeout || now - started_ < *options_.timeout) return;
    if (model_.root_ended()) return;
    const std::string spent = "--timeout of " + TookText(*options_.timeout) + " passed";
    end_code_ = kExitTimeout;
    if (options_.owns_run) {
      AskToEnd(spent + ": asking the run to end", "timed out");
    } else {
      if (!options_.silent) Note(spent + "; the run goes on. Come back with: " + options_.resume);
      exit_code_ = kExitTimeout;
    }
  }

  // The execution has ended and said all it had to say.
  bool Complete() {
    if (!model_.root_ended()) return false;
    const auto now = Steady::now();
    if (!ended_at_) ended_at_ = now;
    if (now - *ended_at_ >= kLastLogs) return true;
    return std::all_of(open_.begin(), open_.end(), [&](const auto& entry) {
      const WatchedExecution* execution = model_.Find(entry.first);
      // A child that nobody waited for goes on alone; of one that was just found nothing is known yet.
      if (entry.second.seen && execution != nullptr && !model::IsTerminal(StateOf(execution->header.state()))) return true;
      return !entry.second.updates && !entry.second.logs;
    });
  }

  // A Pause without an end in a run of its own: nobody else knows of it. A wait with an end goes on.
  void LeaveWhatNobodyResumes() {
    const WatchedExecution* root = model_.root();
    if (!options_.owns_run || kill_asked_ || root == nullptr || StateOf(root->header.state()) != model::State::kPaused) return;
    std::string waits;
    for (const auto& [index, run] : root->runs) {
      if (run.superseded() || StateOf(run.state()) != model::State::kPaused) continue;
      if (run.has_due() || run.has_deadline()) return;
      waits = run.task_id();
    }
    if (waits.empty()) return;
    Note("paused at " + Printable(waits) + ", and nobody can resume a run of its own: deploy the flow to a server (headrace "
         "standalone) and use exec resume");
    exit_code_ = kExitPaused;
  }

  void Finish() {
    exit_code_ = end_code_ ? *end_code_ : ExitCodeOf(StateOf(model_.root()->header.state()));
  }

  void Line(const std::string& text) {
    if (live_) {
      std::size_t from = 0;
      for (std::size_t end = text.find('\n'); end != std::string::npos; from = end + 1, end = text.find('\n', from)) {
        painter_.Above(text.substr(from, end - from));
      }
      painter_.Above(text.substr(from));
      dirty_ = true;
    } else {
      context_.err << text << "\n" << std::flush;
    }
  }
  void Note(const std::string& text) {
    if (!options_.silent) Line("headrace: " + text);
  }

  void PaintIfDue() {
    const auto now = Steady::now();
    const auto since = now - painted_at_;
    if (since >= kTick || (dirty_ && since >= kPaintEvery)) Paint();
  }
  void Paint() {
    if (!context_.quiet) painter_.Paint(Render(model_, Now(), style_));
    painted_at_ = Steady::now();
    dirty_ = false;
  }

  void Wait() {
    Steady::duration wait = kTick;
    if (live_ && dirty_) wait = std::max<Steady::duration>(painted_at_ + kPaintEvery - Steady::now(), Steady::duration::zero());
    if (options_.timeout && !kill_asked_) {
      wait = std::min<Steady::duration>(wait, std::max<Steady::duration>(started_ + *options_.timeout - Steady::now(), Steady::duration::zero()));
    }
    if (const Duration retry = feed_.NextRetry(); retry != Duration::max()) wait = std::min<Steady::duration>(wait, retry);
    if (ended_at_ || detached_at_) wait = std::min<Steady::duration>(wait, kPaintEvery);
    pollfd waits[] = {{feed_.fd(), POLLIN, 0}, {signals_.fd(), POLLIN, 0}, {options_.failure_fd, POLLIN, 0}};
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
    poll(waits, 3, static_cast<int>(ms));
    if ((waits[2].revents & POLLIN) != 0) exit_code_ = kExitError;
  }

  struct Streams {
    bool updates = true;
    bool logs = true;
    bool seen = false;  // an update of it has come
    std::vector<v1::LogEntry> early{};  // lines that came before that: whose they are is not known yet
  };

  Context& context_;
  Feed& feed_;
  Signals& signals_;
  const WatchOptions& options_;
  WatchModel model_;
  RenderStyle style_;
  const bool live_;
  Painter painter_;
  std::map<std::string, Streams> open_;
  std::optional<int> exit_code_{};
  std::optional<int> end_code_{};  // what the end of a run that we asked to end comes to
  bool dirty_ = true;
  Duration ahead_{};
  const Steady::time_point started_;
  Steady::time_point painted_at_{};
  std::optional<Steady::time_point> ended_at_{};
  std::optional<Steady::time_point> kill_asked_{};
  std::optional<Steady::time_point> detached_at_{};
};

}  // namespace

RenderStyle StyleOf(const Context& context, const Screen& screen) {
  const WindowSize size = ReadWindowSize();
  return {.width = size.columns, .height = screen.is_terminal && size.rows > 1 ? size.rows - 1 : 0,
          .color = screen.color, .ascii = context.ascii};
}
RenderStyle StyleOf(const Context& context) { return StyleOf(context, context.err_screen); }

WatchOutcome WatchExecution(Context& context, Feed& feed, Signals& signals, const std::string& execution,
                            const WatchOptions& options) {
  return Watcher(context, feed, signals, execution, options).Run();
}

}  // namespace headrace::cli
