// Templates: lists of tasks that a flow takes in by name when it is built. Deprecated in Kestra, and off as there unless a
// folder of them is given.
// Called by cli, which reads the folder into the catalog, and by the builder.
// Shapes: a document is {id, namespace, tasks, errors, finally}. What a flow took in is kept behind its source in the store, so
//   that a revision stays what it was whatever becomes of the folder.
// Errors: INVALID_ARGUMENT with all that is wrong with the document, as of a flow. Threads: filled once, then only read.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/flow/yaml.h"

namespace headrace::flow {

class Catalog;

struct TemplateDocument {
  std::string ns;
  std::string id;
  std::string source;
  YamlNode root;
};

class TemplateBook {
 public:
  // One document. Its tasks are checked here; what names they use, where they are taken in.
  Status Add(std::string_view source, const std::string& file, const Catalog& catalog);
  const TemplateDocument* Find(std::string_view ns, std::string_view id) const;
  std::vector<std::string> Names() const;  // "namespace.id"

 private:
  std::deque<TemplateDocument> documents_;
};

// The source as its author wrote it, and what stands behind it.
struct StoredSource {
  std::string_view own;
  std::string_view templates;  // documents separated by `---`
};
StoredSource SplitStored(std::string_view stored);
std::string JoinStored(std::string_view own, const std::vector<const TemplateDocument*>& taken);
// The line that stands between the two: no author may write it.
bool HoldsStoredMark(std::string_view source);

}  // namespace headrace::flow
