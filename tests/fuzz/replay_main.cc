// Drives a fuzz target without libFuzzer. Usage: fuzz_NAME MUTANTS FILE_OR_FOLDER...
// The same arguments are the same inputs on every machine. A finding ends the process; its input is left in `crash.bin`
// of the temporary folder, named on the way.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/random.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBytesMax = 1U << 14U;
// What changes the meaning of a text more often than a random byte does.
constexpr std::string_view kPieces[] = {"{{", "}}", "{%",   "%}",    "|",    "??",   ": ",
                                        "- ", "\n", "\n  ", "&a ",   "*a",   "<<: ", "!!str ",
                                        "\"", "'",  "[",    "]",     "{",    "}",    ",",
                                        "#",  "0",  "-1",   "1e999", "null", "true", "~",
                                        "PT", "T",  "Z",    ".",     "\xff", "\xc3", std::string_view("\0", 1),
                                        "\t"};

std::vector<std::string> ReadCorpus(int count, char** paths) {
  std::vector<fs::path> files;
  for (int i = 0; i < count; ++i) {
    if (!fs::is_directory(paths[i])) {
      files.emplace_back(paths[i]);
      continue;
    }
    for (const auto& entry : fs::recursive_directory_iterator(paths[i])) {
      if (entry.is_regular_file() && entry.path().extension() != ".expected") files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> corpus;
  for (const fs::path& file : files) {
    std::ifstream stream(file, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  return corpus;
}

std::string Mutant(const std::vector<std::string>& corpus, headrace::Random& random) {
  const auto below = [&](std::size_t end) { return end == 0 ? 0 : static_cast<std::size_t>(random.Next() % end); };
  std::string text = corpus[below(corpus.size())].substr(0, kBytesMax);
  for (std::size_t changes = 1 + below(6); changes > 0; --changes) {
    const std::size_t at = below(text.size() + 1);
    const std::size_t length = below(std::min<std::size_t>(text.size() - at, 40) + 1);
    switch (below(5)) {
      case 0:
        text.insert(at, kPieces[below(std::size(kPieces))]);
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        text.insert(at, text.substr(at, length));
        break;
      case 3:
        if (at < text.size()) text[at] = static_cast<char>(below(256));
        break;
      default: {
        const std::string& other = corpus[below(corpus.size())];
        text.insert(at, other.substr(below(other.size() + 1), below(120)));
      }
    }
  }
  return text.substr(0, kBytesMax);
}

void Run(const std::string& input, const fs::path& kept) {
  std::ofstream(kept, std::ios::binary | std::ios::trunc) << input;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s MUTANTS FILE_OR_FOLDER...\n", argv[0]);
    return 2;
  }
  const std::vector<std::string> corpus = ReadCorpus(argc - 2, argv + 2);
  if (corpus.empty()) {
    std::fprintf(stderr, "no file to begin with\n");
    return 2;
  }
  const fs::path kept = fs::temp_directory_path() / (fs::path(argv[0]).filename().string() + ".crash.bin");
  std::printf("%zu files and %s mutants; the input of a crash is left in %s\n", corpus.size(), argv[1], kept.c_str());
  std::fflush(stdout);
  for (const std::string& input : corpus) Run(input, kept);
  headrace::Random random(1);
  for (long i = std::strtol(argv[1], nullptr, 10); i > 0; --i) Run(Mutant(corpus, random), kept);
  fs::remove(kept);
  return 0;
}
