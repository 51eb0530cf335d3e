// Runs one transfer of libcurl to its end, or until its token says otherwise.
// Threads: blocks its caller; the token from any. For this room's .cc files only.
#pragma once

#include <curl/curl.h>

#include <memory>
#include <string>

#include "worker/cancel_token.h"

namespace headrace::worker {

struct FreeCurl {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeCurlMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct FreeCurlList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlEasy = std::unique_ptr<CURL, FreeCurl>;
using CurlMulti = std::unique_ptr<CURLM, FreeCurlMulti>;
using CurlList = std::unique_ptr<curl_slist, FreeCurlList>;

// Longer by one line.
inline void Append(CurlList& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) return;  // no memory; the list is as it was
  static_cast<void>(list.release());
  list.reset(longer);
}

inline CURLcode RunTransfer(CURL* easy, CURLM* multi, CancelToken& cancel) {
  curl_multi_add_handle(multi, easy);
  cancel.Watch([multi](Duration) { curl_multi_wakeup(multi); });
  CURLcode code = CURLE_OK;
  for (bool done = false; !done && !cancel.requested();) {
    int running = 0;
    curl_multi_perform(multi, &running);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      code = message->data.result;
      done = true;
    }
    if (!done) curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
  }
  cancel.Unwatch();
  return code;
}

}  // namespace headrace::worker
