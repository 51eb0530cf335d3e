// The words of a template.
// Shapes: texts are views into the source; a text token has its whitespace control already applied.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/base/error.h"

namespace headrace::expr {

enum class TokenKind : std::uint8_t {
  kText, kPrintOpen, kPrintClose, kTagOpen, kTagClose,
  kName,     // identifiers and operator words; the parser tells them apart by position
  kInteger, kFloat,
  kString,   // without quotes, escapes not yet taken out
  kStringOpen, kStringClose, kInterpolationOpen, kInterpolationClose,  // "a #{b} c"
  kSymbol,   // operators and punctuation
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;
  std::uint32_t offset = 0;
  char quote = 0;  // of a kString

  bool Is(std::string_view symbol) const { return kind == TokenKind::kSymbol && text == symbol; }
  bool IsWord(std::string_view word) const { return kind == TokenKind::kName && text == word; }
};

struct Place {
  int line = 1;
  int column = 1;
};
Place PlaceOf(std::string_view source, std::size_t offset);
// INVALID_ARGUMENT with the place of `offset`.
tl::unexpected<Error> SyntaxError(std::string_view source, std::size_t offset, std::string message);

// Splits a template; ends with one kEnd.
Result<std::vector<Token>> Tokenize(std::string_view source);

}  // namespace headrace::expr
