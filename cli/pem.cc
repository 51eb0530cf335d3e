#include "cli/pem.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace headrace::cli {

Result<std::string> ReadPem(const std::string& file, const std::string& option) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return InvalidArgument(option + " " + file + " cannot be read: " + std::strerror(errno));
  std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (text.find("-----BEGIN ") == std::string::npos) return InvalidArgument(option + " " + file + " is no PEM file: it has no line -----BEGIN …-----");
  return text;
}

}  // namespace headrace::cli
