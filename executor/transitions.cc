#include "executor/transitions.h"

#include <string_view>

namespace headrace::executor {
namespace {

using model::State;

struct Chapter {
  Subject subject;
  std::string_view title;
  std::string_view words;
};

constexpr std::array<Chapter, 3> kChapters = {{
    {Subject::kExecution, "Execution",
     "PAUSED and RETRYING mean that nothing runs: every open branch waits for a loop's next look, or for a retry.\n"
     "The final state comes from the flow's `tasks` alone; `afterExecution` runs after it."},
    {Subject::kTaskRun, "Task run",
     "A runnable task goes CREATED, SUBMITTED (given to a worker), RUNNING (the worker began). A lost worker takes it\n"
     "back to SUBMITTED. A flowable is RUNNING while its children run; a loop is PAUSED between two looks."},
    {Subject::kAttempt, "Attempt",
     "One try of a task run. RESUBMITTED is a try whose worker was lost; the next try is another attempt."},
}};

void AppendChapter(std::string& out, const Chapter& chapter) {
  const TransitionTable& table = TransitionsOf(chapter.subject);
  const StateSet used = transitions_internal::Reachable(table);
  out.append("\n## ").append(chapter.title).append("\n\n").append(chapter.words);
  out.append("\n\n| state | may become |\n|---|---|\n");
  for (std::size_t i = 0; i < model::kStateCount; ++i) {
    if ((used >> i & 1U) == 0) continue;
    const State from = static_cast<State>(i);
    out.append("| ").append(model::StateName(from)).append(model::IsTerminal(from) ? " (terminal) | " : " | ");
    std::string_view separator;
    for (std::size_t j = 0; j < model::kStateCount; ++j) {
      if ((table[i] >> j & 1U) == 0) continue;
      out.append(separator).append(model::StateName(static_cast<State>(j)));
      separator = ", ";
    }
    out.append(table[i] == 0 ? "nothing |\n" : " |\n");
  }
}

}  // namespace

std::string StatesDocument() {
  std::string out =
      "# States and their moves\n\n"
      "Made from the tables in `executor/transitions.h`; a test fails when this page is stale, and\n"
      "`HEADRACE_REWRITE_GOLDEN=1` before it rewrites the page. The compiler proves that every state leads to a\n"
      "terminal one. A task run leaves its end by RESTARTED only; an execution besides when a person says that it ended\n"
      "otherwise (`exec status`), in another terminal state. Every move made is checked against the tables.\n";
  for (const Chapter& chapter : kChapters) AppendChapter(out, chapter);
  return out;
}

}  // namespace headrace::executor
