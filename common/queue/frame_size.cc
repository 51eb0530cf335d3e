#include "common/queue/frame_size.h"

#include "common/queue/queue.h"

namespace headrace::queue {

Status CheckFrameSize(std::size_t bytes) {
  if (bytes <= kFrameBytesMax) return {};
  return InvalidArgument("frame of " + std::to_string(bytes) + " bytes is over the limit of " +
                         std::to_string(kFrameBytesMax));
}

}  // namespace headrace::queue
