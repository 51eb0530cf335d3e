// A block of lines at the bottom of a terminal that is painted anew in place, with lasting lines above it.
// Threads: one owner.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace headrace::cli {

struct WindowSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

// Of stderr's terminal; COLUMNS wins.
WindowSize ReadWindowSize();

class Painter {
 public:
  explicit Painter(std::ostream& out) : out_(out) {}
  ~Painter() { Leave(); }
  Painter(const Painter&) = delete;
  Painter& operator=(const Painter&) = delete;

  // Replaces the block. Writes nothing when it is the same and nothing stands above it anew.
  void Paint(const std::vector<std::string>& lines);
  // A line that stays, above the block; shown by the next Paint.
  void Above(std::string line) { above_.push_back(std::move(line)); }
  // The block stays as it is, the cursor comes back.
  void Leave();

 private:
  std::ostream& out_;
  std::vector<std::string> above_;
  std::vector<std::string> painted_;
  bool cursor_hidden_ = false;
};

}  // namespace headrace::cli
