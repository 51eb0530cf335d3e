#include "common/expr/ion_reader.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>

#include "common/expr/utf8.h"

namespace headrace::expr {
namespace {

constexpr int kDepthMax = 128;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNamePart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || IsDigit(c);
}
int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

class IonReader {
 public:
  explicit IonReader(std::string_view text) : text_(text) {}

  Result<Array> Run(std::size_t most) {
    Array values;
    RETURN_IF_ERROR(SkipSpace());
    while (at_ < text_.size() && values.size() < most) {
      ASSIGN_OR_RETURN(Value value, ReadValue(0));
      // The version marker that a stream may begin with.
      if (!(value.is_string() && value.get_string() == "$ion_1_0")) values.push_back(std::move(value));
      RETURN_IF_ERROR(SkipSpace());
    }
    return values;
  }

 private:
  tl::unexpected<Error> Bad(std::string_view message) const {
    const auto lines = std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(std::min(at_, text_.size())), '\n');
    return InvalidArgument(std::string(message) + " at line " + std::to_string(lines + 1));
  }
  char Peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool StartsWith(std::string_view word) const { return text_.substr(at_, word.size()) == word; }
  bool Take(std::string_view word) {
    if (!StartsWith(word)) return false;
    at_ += word.size();
    return true;
  }

  Status SkipSpace() {
    while (at_ < text_.size()) {
      if (std::string_view(" \t\r\n\f\v").find(text_[at_]) != std::string_view::npos) {
        ++at_;
      } else if (StartsWith("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (StartsWith("/*")) {
        const std::size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) return Bad("the comment is not closed");
        at_ = end + 2;
      } else {
        break;
      }
    }
    return {};
  }

  Result<Value> ReadValue(int depth) {
    if (depth > kDepthMax) return Bad("values are nested too deeply");
    RETURN_IF_ERROR(SkipSpace());
    const char c = Peek();
    if (at_ >= text_.size()) return Bad("a value is missing");
    if (Take("[")) return ReadList("]", depth);
    if (Take("(")) return ReadList(")", depth);
    if (Take("{{")) return ReadLob();
    if (Take("{")) return ReadStruct(depth);
    if (c == '"' || StartsWith("'''")) return ReadText();
    if (IsDigit(c) || (c == '-' && IsDigit(Peek(1)))) return ReadNumber();
    if (Take("+inf")) return Value(INFINITY);
    if (Take("-inf")) return Value(-INFINITY);
    if (c == '\'') {
      ASSIGN_OR_RETURN(Value symbol, ReadText());
      return AfterSymbol(std::move(symbol), depth);
    }
    return ReadWord(depth);
  }

  Result<Value> ReadWord(int depth) {
    const std::size_t begin = at_;
    while (IsNamePart(Peek())) ++at_;
    std::string_view word = text_.substr(begin, at_ - begin);
    if (word.empty()) {
      // An operator of an s-expression.
      while (at_ < text_.size() && std::string_view("!#%&*+-./;<=>?@^`|~").find(text_[at_]) != std::string_view::npos) ++at_;
      word = text_.substr(begin, at_ - begin);
      if (word.empty()) return Bad(std::string("unexpected `") + Peek() + "`");
    }
    if (word == "null") {
      if (Peek() == '.') {
        ++at_;
        while (IsNamePart(Peek())) ++at_;
      }
      return Value(nullptr);
    }
    if (word == "true") return Value(true);
    if (word == "false") return Value(false);
    if (word == "nan") return Value(std::nan(""));
    return AfterSymbol(Value(word), depth);
  }

  // `name::` is an annotation of the value behind it.
  Result<Value> AfterSymbol(Value symbol, int depth) {
    const std::size_t end = at_;
    RETURN_IF_ERROR(SkipSpace());
    if (Take("::")) return ReadValue(depth + 1);
    at_ = end;
    return symbol;
  }

  Result<Value> ReadList(std::string_view close, int depth) {
    Array list;
    while (true) {
      RETURN_IF_ERROR(SkipSpace());
      if (Take(close)) return Value(std::move(list));
      ASSIGN_OR_RETURN(Value item, ReadValue(depth + 1));
      list.push_back(std::move(item));
      RETURN_IF_ERROR(SkipSpace());
      if (close == "]" && !Take(",") && Peek() != ']') return Bad("expected `,` or `]`");
    }
  }

  Result<Value> ReadStruct(int depth) {
    Object map;
    while (true) {
      RETURN_IF_ERROR(SkipSpace());
      if (Take("}")) return Value(std::move(map));
      std::string key;
      if (Peek() == '"' || Peek() == '\'') {
        ASSIGN_OR_RETURN(const Value name, ReadText());
        key = ToText(name);
      } else {
        const std::size_t begin = at_;
        while (IsNamePart(Peek())) ++at_;
        key = text_.substr(begin, at_ - begin);
        if (key.empty()) return Bad("expected the name of a field");
      }
      RETURN_IF_ERROR(SkipSpace());
      if (!Take(":")) return Bad("expected `:` after the name of a field");
      ASSIGN_OR_RETURN(map[key], ReadValue(depth + 1));
      RETURN_IF_ERROR(SkipSpace());
      if (!Take(",") && Peek() != '}') return Bad("expected `,` or `}`");
    }
  }

  // A blob stays base64, a clob is its text.
  Result<Value> ReadLob() {
    RETURN_IF_ERROR(SkipSpace());
    Value value;
    if (Peek() == '"' || StartsWith("'''")) {
      ASSIGN_OR_RETURN(value, ReadText());
      RETURN_IF_ERROR(SkipSpace());
    } else {
      const std::size_t end = std::min(text_.find("}}", at_), text_.size());
      std::string base64;
      for (const char c : text_.substr(at_, end - at_)) {
        if (c > ' ') base64 += c;
      }
      value = base64;
      at_ = end;
    }
    if (!Take("}}")) return Bad("`{{` is not closed by `}}`");
    return value;
  }

  Result<Value> ReadText() {
    std::string out;
    bool first = true;
    while (first || StartsWith("'''")) {
      const std::string_view quote = StartsWith("'''") ? "'''" : text_.substr(at_, 1);
      RETURN_IF_ERROR(ReadQuoted(quote, out));
      first = false;
      if (quote.size() == 1) break;
      // Long texts one after the other are one.
      const std::size_t end = at_;
      RETURN_IF_ERROR(SkipSpace());
      if (!StartsWith("'''")) at_ = end;
    }
    return Value(std::move(out));
  }

  Status ReadQuoted(std::string_view quote, std::string& out) {
    at_ += quote.size();
    while (!Take(quote)) {
      if (at_ >= text_.size()) return Bad("a text is not closed");
      if (text_[at_] == '\n' && quote.size() == 1) return Bad("a text must not hold a line break");
      if (text_[at_] == '\\') RETURN_IF_ERROR(ReadEscape(out));
      else out += text_[at_++];
    }
    return {};
  }

  Status ReadEscape(std::string& out) {
    static constexpr std::string_view kLetters = "abtnfrv0\"'?\\/";
    static constexpr std::string_view kMeanings("\a\b\t\n\f\r\v\0\"'?\\/", 13);
    const char c = Peek(1);
    at_ += 2;
    if (c == '\n') return {};
    const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits == 0) {
      const std::size_t known = kLetters.find(c);
      if (known == std::string_view::npos) return Bad(std::string("unknown escape `\\") + c + "`");
      out += kMeanings[known];
      return {};
    }
    char32_t code = 0;
    for (std::size_t i = 0; i < digits; ++i, ++at_) {
      if (HexDigit(Peek()) < 0) return Bad("an escape needs hexadecimal digits");
      code = code * 16 + static_cast<char32_t>(HexDigit(Peek()));
    }
    if (code > 0x10FFFF) return Bad("an escape names no character");
    // The second half of a surrogate pair.
    if (code >= 0xD800 && code < 0xDC00 && Take("\\u")) {
      char32_t low = 0;
      for (int i = 0; i < 4 && HexDigit(Peek()) >= 0; ++i, ++at_) low = low * 16 + static_cast<char32_t>(HexDigit(Peek()));
      if (low < 0xDC00 || low > 0xDFFF) return Bad("an escape names half a character");
      code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
    }
    if (code >= 0xD800 && code < 0xE000) return Bad("an escape names half a character");
    AppendUtf8(out, code);
    return {};
  }

  Result<Value> ReadNumber() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && (IsNamePart(text_[at_]) || text_[at_] == '.' || text_[at_] == '+' || text_[at_] == '-' ||
                                  (text_[at_] == ':' && Peek(1) != ':'))) {
      ++at_;
    }
    std::string word(text_.substr(begin, at_ - begin));
    if (word.size() > 4 && (word[4] == 'T' || word[4] == '-') && IsDigit(word[3])) return Value(word);
    std::erase(word, '_');
    const bool negative = word.front() == '-';
    if (negative) word.erase(0, 1);
    const int base = word.starts_with("0x") || word.starts_with("0X") ? 16 : word.starts_with("0b") || word.starts_with("0B") ? 2 : 10;
    std::string digits = (negative ? "-" : "") + (base == 10 ? word : word.substr(2));
    std::replace(digits.begin(), digits.end(), base == 10 ? 'd' : ' ', 'e');
    std::replace(digits.begin(), digits.end(), base == 10 ? 'D' : ' ', 'e');
    const char* end = digits.data() + digits.size();
    std::int64_t whole = 0;
    if (const auto [stop, failure] = std::from_chars(digits.data(), end, whole, base); failure == std::errc() && stop == end) {
      return Value(whole);
    }
    double real = 0;
    const auto [stop, failure] = std::from_chars(digits.data(), end, real);
    // "5." is a decimal.
    const bool all = stop == end || (stop + 1 == end && *stop == '.');
    if (base != 10 || failure != std::errc() || !all) return Bad("'" + word + "' is not a number");
    return Value(real);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Array> ReadIon(std::string_view text, std::size_t most) { return IonReader(text).Run(most); }

}  // namespace headrace::expr
