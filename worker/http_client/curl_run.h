// Runs one transfer of libcurl to its end, or until its token says otherwise.
// Threads: blocks its caller; the token from any. For this room's .cc files only.
#pragma once

#include <curl/curl.h>

#include "worker/cancel_token.h"

namespace headrace::worker {

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
