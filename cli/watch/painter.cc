#include "cli/watch/painter.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <initializer_list>
#include <ostream>

namespace headrace::cli {

WindowSize ReadWindowSize() {
  WindowSize size;
  winsize window{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 0) size = {window.ws_col, window.ws_row};
  if (const char* columns = std::getenv("COLUMNS")) {
    const long asked = std::strtol(columns, nullptr, 10);
    if (asked >= 20 && asked <= 1000) size.columns = static_cast<std::size_t>(asked);
  }
  return size;
}

void Painter::Paint(const std::vector<std::string>& lines) {
  if (lines == painted_ && above_.empty()) return;
  std::string text;
  if (!cursor_hidden_) text += "\x1b[?25l";
  cursor_hidden_ = true;
  if (!painted_.empty()) text += "\x1b[" + std::to_string(painted_.size()) + "A";
  for (const std::vector<std::string>* list : std::initializer_list<const std::vector<std::string>*>{&above_, &lines}) {
    for (const std::string& line : *list) text += line + "\x1b[K\n";
  }
  text += "\x1b[J";
  out_ << text << std::flush;
  above_.clear();
  painted_ = lines;
}

void Painter::Leave() {
  if (!above_.empty()) Paint(painted_);
  if (cursor_hidden_) out_ << "\x1b[?25h" << std::flush;
  cursor_hidden_ = false;
  painted_.clear();
}

}  // namespace headrace::cli
