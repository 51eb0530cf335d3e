// Cuts a stream of bytes into lines in bounded memory.
// Shapes: a line comes without its end ("\n" or "\r\n"), its bytes as they are; a line longer than kPieceBytes comes in
//   pieces that cut no UTF-8 character, but one that starts with "::{" is kept whole up to kProtocolBytesMax.
// Threads: one owner.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace headrace::worker {

class LineSplitter {
 public:
  static constexpr std::size_t kPieceBytes = 32 * 1024;
  static constexpr std::size_t kProtocolBytesMax = 4 * 1024 * 1024;
  // `whole`: not a piece of a longer line.
  using Sink = std::function<void(std::string_view line, bool whole)>;

  explicit LineSplitter(Sink sink) : sink_(std::move(sink)) {}
  void Push(std::string_view bytes);
  // The last line may lack its end.
  void Finish();

 private:
  void Emit(std::string_view line, bool whole);
  void CutPieces();

  Sink sink_;
  std::string line_{};
  bool in_long_line_ = false;
};

// Wrong bytes and NUL become U+FFFD.
std::string ToValidUtf8(std::string_view bytes);
// The longest length up to `most` that does not cut a UTF-8 character; never 0 when `most` is not.
std::size_t Utf8Cut(std::string_view bytes, std::size_t most);

}  // namespace headrace::worker
