// Text by characters instead of bytes.
// Shapes: UTF-8 in and out; a byte that starts no character counts as one. Case is Unicode's where the C library has the locale C.UTF-8, else that
//   of Latin, Greek and Cyrillic.
// Threads: pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace headrace::expr {

std::u32string Decode(std::string_view text);
std::string Encode(std::u32string_view text);
void AppendUtf8(std::string& out, char32_t code);
std::size_t CharacterCount(std::string_view text);
// Java's units of text: characters beyond U+FFFF have two. Half of such a one comes back as a question mark.
std::u16string ToUtf16(std::string_view text);
std::string FromUtf16(std::u16string_view units);
std::string Upper(std::string_view text);
std::string Lower(std::string_view text);
char32_t UpperOf(char32_t code);
char32_t LowerOf(char32_t code);
bool IsLetterOrDigit(char32_t code);
// The letters without their marks: "é" is "e", "ß" is "ss"; characters outside Latin stay.
std::string StripAccents(std::string_view text);

}  // namespace headrace::expr
