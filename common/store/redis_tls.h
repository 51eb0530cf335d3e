// TLS over a connected socket, the server's name checked.
// Errors: UNAVAILABLE with OpenSSL's reason; a certificate file that cannot be read names the file. Threads: one owner.
#pragma once

#include "common/store/redis_socket.h"

namespace headrace::store {

// Takes the descriptor, also when it fails.
Result<std::unique_ptr<Socket>> StartTls(int fd, const RedisEndpoint& endpoint, const RedisTls& tls, Deadline deadline);

}  // namespace headrace::store
