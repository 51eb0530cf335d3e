#include <algorithm>
#include <array>
#include <string>

#include "common/expr/token.h"

namespace headrace::expr {
namespace {

constexpr std::string_view kSpace = " \t\r\n\f\v";
constexpr std::size_t kSourceMax = 16U << 20U;

bool IsSpace(char c) { return kSpace.find(c) != std::string_view::npos; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsNamePart(char c) { return IsNameStart(c) || IsDigit(c); }

// Longest first, so that "???" is not read as "??" and "?".
constexpr std::array<std::string_view, 27> kSymbols = {
    "???", "??", "..", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "~", "|", "=",
    "(", ")", "[", "]", "{", "}", "?", ":", ".", ","};

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Result<std::vector<Token>> Run() {
    if (source_.size() > kSourceMax) return InvalidArgument("the template is longer than 16 MiB");
    while (at_ < source_.size()) RETURN_IF_ERROR(LexTextAndTag());
    Emit(TokenKind::kEnd, source_.substr(source_.size()));
    return std::move(tokens_);
  }

 private:
  void Emit(TokenKind kind, std::string_view text, char quote = 0) {
    tokens_.push_back({kind, text, static_cast<std::uint32_t>(text.data() - source_.data()), quote});
  }
  tl::unexpected<Error> Bad(std::size_t offset, std::string message) const {
    return SyntaxError(source_, offset, std::move(message));
  }
  bool StartsWith(std::string_view word) const { return source_.substr(at_, word.size()) == word; }

  std::size_t NextOpen(std::size_t from) const {
    for (std::size_t at = source_.find('{', from); at != std::string_view::npos; at = source_.find('{', at + 1)) {
      if (at + 1 >= source_.size()) break;
      const char next = source_[at + 1];
      if (next == '{' || next == '%' || next == '#') return at;
    }
    return std::string_view::npos;
  }

  // `trim_after`: the tag that follows the text starts with '-'.
  void EmitText(std::string_view text, bool trim_after) {
    if (trim_next_) text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
    if (trim_after) text = text.substr(0, text.find_last_not_of(kSpace) + 1);
    trim_next_ = false;
    if (!text.empty()) Emit(TokenKind::kText, text);
  }

  Status LexTextAndTag() {
    const std::size_t open = NextOpen(at_);
    if (open == std::string_view::npos) {
      EmitText(source_.substr(at_), false);
      at_ = source_.size();
      return {};
    }
    const bool dash = open + 2 < source_.size() && source_[open + 2] == '-';
    const std::size_t text_begin = at_;
    at_ = open + (dash ? 3 : 2);
    const char kind = source_[open + 1];
    if (kind == '%') {
      const std::size_t after = SkipVerbatim(open, "raw", text_begin);
      if (after != 0) return {};
      if (SkipVerbatim(open, "verbatim", text_begin) != 0) return {};
    }
    EmitText(source_.substr(text_begin, open - text_begin), dash);
    if (kind == '#') return SkipComment(open);
    const bool print = kind == '{';
    Emit(print ? TokenKind::kPrintOpen : TokenKind::kTagOpen, source_.substr(open, 2));
    return LexInside(open, print ? "}}" : "%}", print ? TokenKind::kPrintClose : TokenKind::kTagClose);
  }

  // The end of `{% word %}` that starts at `open`, or 0.
  std::size_t EndOfBareTag(std::size_t open, std::string_view word) const {
    if (source_.substr(open, 2) != "{%") return 0;
    std::size_t at = open + 2;
    if (at < source_.size() && source_[at] == '-') ++at;
    while (at < source_.size() && IsSpace(source_[at])) ++at;
    if (source_.substr(at, word.size()) != word) return 0;
    at += word.size();
    while (at < source_.size() && IsSpace(source_[at])) ++at;
    if (at < source_.size() && source_[at] == '-') ++at;
    return source_.substr(at, 2) == "%}" ? at + 2 : 0;
  }

  // Takes `{% word %}…{% endword %}` as text, whatever stands in it; 0 if there is none at `open`.
  std::size_t SkipVerbatim(std::size_t open, std::string_view word, std::size_t text_begin) {
    const std::size_t inner = EndOfBareTag(open, word);
    if (inner == 0) return 0;
    const std::string end_word = "end" + std::string(word);
    for (std::size_t at = source_.find("{%", inner); at != std::string_view::npos; at = source_.find("{%", at + 2)) {
      const std::size_t after = EndOfBareTag(at, end_word);
      if (after == 0) continue;
      EmitText(source_.substr(text_begin, open - text_begin), false);
      EmitText(source_.substr(inner, at - inner), false);
      at_ = after;
      return after;
    }
    return 0;
  }

  Status SkipComment(std::size_t open) {
    const std::size_t end = source_.find("#}", at_);
    if (end == std::string_view::npos) return Bad(open, "the comment `{#` is not closed by `#}`");
    trim_next_ = source_[end - 1] == '-' && end > open + 2;
    at_ = end + 2;
    return {};
  }

  Status LexInside(std::size_t open, std::string_view close, TokenKind close_kind) {
    brackets_.clear();
    while (true) {
      while (at_ < source_.size() && IsSpace(source_[at_])) ++at_;
      if (at_ >= source_.size()) return Unclosed(open, close);
      const bool dash = source_[at_] == '-' && source_.substr(at_ + 1, 2) == close;
      if (brackets_.empty() && (dash || StartsWith(close))) {
        at_ += dash ? 1 : 0;
        Emit(close_kind, source_.substr(at_, 2));
        at_ += 2;
        trim_next_ = dash;
        return {};
      }
      RETURN_IF_ERROR(LexToken());
    }
  }

  tl::unexpected<Error> Unclosed(std::size_t open, std::string_view close) const {
    if (!brackets_.empty()) return UnclosedBracket();
    return Bad(open, "`" + std::string(source_.substr(open, 2)) + "` is not closed by `" + std::string(close) + "`");
  }
  tl::unexpected<Error> UnclosedBracket() const {
    const auto& [symbol, offset] = brackets_.back();
    return Bad(offset, symbol == '#' ? "`#{` is not closed by `}`" : std::string("`") + symbol + "` is not closed");
  }

  Status LexToken() {
    const char c = source_[at_];
    if (IsDigit(c)) return LexNumber();
    if (IsNameStart(c)) {
      const std::size_t begin = at_;
      while (at_ < source_.size() && IsNamePart(source_[at_])) ++at_;
      Emit(TokenKind::kName, source_.substr(begin, at_ - begin));
      return {};
    }
    if (c == '\'' || c == '"') return LexString();
    for (const std::string_view symbol : kSymbols) {
      if (StartsWith(symbol)) return LexSymbol(symbol);
    }
    const std::string_view remedy = c == '&' ? "; write `and`" : c == '!' ? "; write `not`" : "";
    return Bad(at_, std::string("unexpected character `") + c + "`" + std::string(remedy));
  }

  Status LexNumber() {
    const std::size_t begin = at_;
    while (at_ < source_.size() && IsDigit(source_[at_])) ++at_;
    TokenKind kind = TokenKind::kInteger;
    if (at_ + 1 < source_.size() && source_[at_] == '.' && IsDigit(source_[at_ + 1])) {
      kind = TokenKind::kFloat;
      ++at_;
      while (at_ < source_.size() && IsDigit(source_[at_])) ++at_;
    }
    Emit(kind, source_.substr(begin, at_ - begin));
    if (kind == TokenKind::kInteger && at_ < source_.size() && source_[at_] == 'L') ++at_;
    return {};
  }

  Status LexSymbol(std::string_view symbol) {
    const std::size_t begin = at_;
    const char c = symbol.front();
    if (c == '(' || c == '[' || c == '{') brackets_.emplace_back(c, begin);
    if (c == ')' || c == ']' || c == '}') {
      const char wanted = c == ')' ? '(' : c == ']' ? '[' : '{';
      if (c == '}' && !brackets_.empty() && brackets_.back().first == '#') {
        brackets_.pop_back();
        Emit(TokenKind::kInterpolationClose, source_.substr(begin, 1));
        ++at_;
        return LexInterpolated();
      }
      if (brackets_.empty()) return Bad(begin, std::string("`") + c + "` closes nothing");
      if (brackets_.back().first != wanted) return UnclosedBracket();
      brackets_.pop_back();
    }
    at_ += symbol.size();
    Emit(TokenKind::kSymbol, source_.substr(begin, symbol.size()));
    return {};
  }

  // From after the opening quote to the closing one or, in double quotes, an interpolation; npos if neither comes.
  std::size_t EndOfStringPart(std::size_t from, char quote) const {
    for (std::size_t at = from; at < source_.size(); ++at) {
      if (source_[at] == '\\') {
        ++at;
      } else if (source_[at] == quote) {
        return at;
      } else if (quote == '"' && source_.substr(at, 2) == "#{") {
        return at;
      }
    }
    return std::string_view::npos;
  }

  Status LexString() {
    const char quote = source_[at_];
    const std::size_t end = EndOfStringPart(at_ + 1, quote);
    if (end == std::string_view::npos) return Bad(at_, "the string is not closed");
    if (source_[end] == quote) {
      Emit(TokenKind::kString, source_.substr(at_ + 1, end - at_ - 1), quote);
      at_ = end + 1;
      return {};
    }
    Emit(TokenKind::kStringOpen, source_.substr(at_, 1));
    ++at_;
    return LexInterpolated();
  }

  // The text of a double-quoted string up to its end or to the next `#{`, whose tokens follow as any others.
  Status LexInterpolated() {
    const std::size_t end = EndOfStringPart(at_, '"');
    if (end == std::string_view::npos) return Bad(at_, "the string is not closed");
    if (end > at_) Emit(TokenKind::kString, source_.substr(at_, end - at_), '"');
    if (source_[end] == '"') {
      Emit(TokenKind::kStringClose, source_.substr(end, 1));
      at_ = end + 1;
      return {};
    }
    Emit(TokenKind::kInterpolationOpen, source_.substr(end, 2));
    brackets_.emplace_back('#', end);
    at_ = end + 2;
    return {};
  }

  std::string_view source_;
  std::size_t at_ = 0;
  bool trim_next_ = false;
  std::vector<std::pair<char, std::size_t>> brackets_;
  std::vector<Token> tokens_;
};

}  // namespace

Place PlaceOf(std::string_view source, std::size_t offset) {
  const std::string_view before = source.substr(0, offset);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const std::size_t line_begin = before.rfind('\n');
  const std::size_t column = line_begin == std::string_view::npos ? offset : offset - line_begin - 1;
  return {static_cast<int>(lines) + 1, static_cast<int>(column) + 1};
}

tl::unexpected<Error> SyntaxError(std::string_view source, std::size_t offset, std::string message) {
  const Place place = PlaceOf(source, offset);
  Error error{Code::kInvalidArgument,
              message + " at line " + std::to_string(place.line) + ", column " + std::to_string(place.column), {}};
  error.violations.push_back({.field = "", .message = std::move(message), .line = place.line, .column = place.column});
  return Fail(std::move(error));
}

Result<std::vector<Token>> Tokenize(std::string_view source) { return Lexer(source).Run(); }

}  // namespace headrace::expr
